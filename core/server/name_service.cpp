#include "core/server/name_service.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "core/base/unless_out_of_memory.hpp"
#include "core/object/name_list.hpp"
#include "core/rpc/call_error.hpp"
#include "core/value/errors.hpp"

namespace locum {

namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::chrono::nanoseconds patience_of(const AwaitWords& asked) {
  constexpr auto longest = std::chrono::hours(24 * 365);
  return std::chrono::nanoseconds(
      std::min<std::uint64_t>(asked.patience_ns, std::chrono::nanoseconds(longest).count()));
}

// How often the makers of promises are checked, within the time in which a rank is found lost; also the
// interval of look-ups of names without notifications.
constexpr int looks_in_patience = 5;

}  // namespace

void NameService::look_up(const NameWords& asked, const Request& request, ReplyTo reply_to) {
  const std::string_view name = text_of(request.bulk);
  if (!parts_.is_at_home(asked.store, name)) {
    return parts_.refuse_senseless(request);
  }
  const auto pin = parts_.local.directory->find(asked.store, name, parts_.channel->budget());
  if (!pin) {
    return parts_.refuse(reply_to, pin.error());
  }
  answer_with(*pin, asked.value_wanted != 0, 0, reply_to);
}

// The object of a name; releases the pin.
void NameService::answer_with(const Pin& pin, bool value_wanted, std::uint32_t most_bytes, ReplyTo reply_to) {
  auto object = parts_.local.keep(pin);
  if (!value_wanted) {
    return parts_.reply(reply_to, {});
  }
  if (!parts_.local.holds(*pin.record)) {
    return parts_.refuse(reply_to, block_outside_memory());
  }
  const auto reference = parts_.local.reference(pin);
  ObjectWire wire = reference ? reference->object : wire_of(pin, pin.generation);
  wire.generation = pin.generation;
  auto block = reference ? reference->block : parts_.local.block(pin);
  if (block.size() > std::max<std::uint64_t>(parts_.inline_bytes, std::min(most_bytes, most_bytes_along))) {
    block = {};
  }
  parts_.reply(reply_to, words(wire), {block, std::move(object)});
}

// Whether a rank of this node asks for a promise of another one.
bool NameService::is_node_peers_wait(const Request& request, const std::optional<Key>& promised) const {
  const int home = promised ? parts_.nodes->of_creator(promised->creator) : -1;
  return home >= 0 && home != parts_.nodes->own() && parts_.node_of(request) == parts_.nodes->own();
}

void NameService::await_for_node_peer(const Key& promised, const AwaitWords& asked, ReplyTo node_peer) {
  if (asked.patience_ns == 0) {
    parts_.waits->leave(promised, node_peer.rank);
    return parts_.refuse(node_peer, promise_not_set());
  }
  parts_.waits->join(promised, {node_peer.rank, node_peer.call, parts_.channel->now() + patience_of(asked)});
}

// Forgets an earlier request of that rank, which it does not want any more.
void NameService::take_back(int rank, std::uint32_t store, std::string_view name) noexcept {
  awaited_.serve_name(name_hash(store, name), parts_.channel->now(), [&](const NameWaiters::Waiter& waiter) {
    const bool is_taken = waiter.rank == rank && waiter.store == store && waiter.name == name;
    if (is_taken) {
      parts_.channel->refuse(waiter.rank, waiter.call, promise_not_set());
    }
    return is_taken;
  });
}

// Watches first, then looks: a bind after the look is notified.
void NameService::await(const AwaitWords& asked, const Request& request, ReplyTo reply_to) {
  const std::string_view name = text_of(request.bulk);
  const auto promised = promise_named(asked.store, name);
  if (is_node_peers_wait(request, promised)) {
    return await_for_node_peer(*promised, asked, reply_to);
  }
  if (!parts_.is_at_home(asked.store, name)) {
    return parts_.refuse_senseless(request);
  }
  const NameWaiters::Waiter waiter{reply_to.rank,
                                   reply_to.call,
                                   asked.store,
                                   std::string(name),
                                   parts_.channel->now() + patience_of(asked),
                                   asked.most_bytes};
  const bool is_last = promised && asked.patience_ns == 0;
  if (is_last) {
    take_back(reply_to.rank, asked.store, name);
  }
  if (serve(waiter)) {
    return;
  }
  if (is_last) {
    parts_.refuse(reply_to, promise_not_set());
  } else if (!awaited_.add(waiter, parts_.channel->now())) {
    parts_.refuse(
        reply_to,
        Error(Errc::out_of_memory,
              "rank " + std::to_string(reply_to.rank) +
                  " waits for too many names of one node at a time; wait for them one after the other"));
  }
}

// Whether this wait is over. From now on the name is watched, if it is not.
bool NameService::serve(const NameWaiters::Waiter& waiter) noexcept {
  const ReplyTo reply_to{waiter.rank, waiter.call};
  const NodeMemory& here = parts_.local;
  const WaitBudget budget = parts_.channel->budget();
  const bool is_told = here.directory->watch(name_hash(waiter.store, waiter.name), watcher_);
  const auto promised = promise_named(waiter.store, waiter.name);
  const auto pin = promised ? find_promised(*here.table, *here.directory, *promised, waiter.name,
                                            parts_.lost_node_peers, budget)
                            : here.directory->find(waiter.store, waiter.name, budget);
  if (pin) {
    answer_with(*pin, true, waiter.most_bytes, reply_to);
  } else if (pin.error().code() == Errc::timeout || (pin.error().code() == Errc::not_found && !promised)) {
    if (promised || !is_told) {
      look_again_.set(parts_.channel->now() + parts_.channel->options().patience / looks_in_patience);
    }
    return false;  // the wait has more time than a look-up
  } else {
    parts_.refuse(reply_to, pin.error());
  }
  return true;
}

void NameService::look_for_awaited() noexcept {
  awaited_.serve(parts_.channel->now(), [this](const NameWaiters::Waiter& waiter) { return serve(waiter); });
}

void NameService::look_for_awaited(std::uint64_t name_hash) noexcept {
  awaited_.serve_name(name_hash, parts_.channel->now(),
                      [this](const NameWaiters::Waiter& waiter) { return serve(waiter); });
}

void NameService::close(const Error& error) noexcept {
  awaited_.serve(parts_.channel->now(), [&](const NameWaiters::Waiter& waiter) {
    parts_.channel->refuse(waiter.rank, waiter.call, error);
    return true;
  });
}

// Makes the reference to the other node's object, and binds it.
Result<Sealed> NameService::refer(const BindWords& asked, std::string_view name,
                                  std::span<const std::byte> block, const SealOptions& options) {
  const std::uint64_t alignment = ReceivedBlock::alignment_of(asked.object.record.size_bytes);
  const ObjectMeta meta{.store = asked.object.record.store,
                        .alignment = static_cast<std::uint32_t>(block.empty() ? 16 : alignment),
                        .type_hash = reference_type_hash,
                        .type_name = reference_type_name,
                        .name = name,
                        .extents = {},
                        .lifetime_ms = asked.lifetime_ms};
  const WaitBudget budget = parts_.channel->budget();
  const auto draft = parts_.objects->create(block.size() + sizeof(ObjectWire), meta, budget);
  if (!draft) {
    return draft.error();
  }
  std::copy(block.begin(), block.end(), draft->bytes.begin());
  std::memcpy(draft->bytes.data() + block.size(), &asked.object, sizeof asked.object);
  return parts_.objects->seal(*draft, options, budget);
}

// Makes an object of the other node's, and binds that.
Result<Sealed> NameService::take(const BindWords& asked, std::string_view name,
                                 std::span<const std::byte> block, const SealOptions& options) {
  const ObjectRecord& record = asked.object.record;
  const ObjectTail tail = read_tail(block.data(), record);
  const std::uint64_t alignment = ReceivedBlock::alignment_of(record.size_bytes);
  const ObjectMeta meta{.store = record.store,
                        .element_bytes = tail.element_bytes,
                        .alignment = static_cast<std::uint32_t>(alignment),
                        .type_hash = record.type_hash,
                        .type_name = tail.type_name,
                        .name = name,
                        .layout = record.layout,
                        .extents = tail.extents,
                        .checksum = record.has_checksum(),
                        .lifetime_ms = asked.lifetime_ms};
  const WaitBudget budget = parts_.channel->budget();
  const auto draft = parts_.objects->create(record.size_bytes, meta, budget);
  if (!draft) {
    return draft.error();
  }
  std::copy_n(block.begin(), record.size_bytes, draft->bytes.begin());
  return parts_.objects->seal(*draft, options, budget);
}

void NameService::bind(const BindWords& asked, const Request& request, ReplyTo reply_to) {
  if (!plausible(asked.object) || asked.object.record.name_bytes == 0 ||
      parts_.nodes->of_creator(asked.object.key.creator) != parts_.node_of(request)) {
    return parts_.refuse_senseless(request);
  }
  const ObjectRecord& record = asked.object.record;
  const bool has_value = asked.value != BindWords::none;
  const auto block = has_value ? request.bulk : std::span<const std::byte>();
  const bool fits = has_value ? block.size() == record.block_bytes() && block.size() <= parts_.inline_bytes
                              : request.bulk.size() == record.name_bytes;
  const std::string_view name =
      text_of(request.bulk.last(std::min<std::size_t>(record.name_bytes, request.bulk.size())));
  if (!fits || asked.value > BindWords::given || is_for_its_maker(record.store, name) ||
      !parts_.is_at_home(record.store, name) || name_hash(record.store, name) != record.name_hash) {
    return parts_.refuse_senseless(request);
  }
  const bool is_given = asked.value == BindWords::given;
  if (is_given &&
      (record.type_hash == reference_type_hash || !is_whole(read_tail(block.data(), record), record))) {
    return parts_.refuse_senseless(request);
  }
  const SealOptions options{asked.replaces != 0 ? SealMode::replace : SealMode::put,
                            asked.expected_generation};
  std::optional<Key> taken;
  const auto attempt = [&](const SealOptions& exact) -> Result<std::uint64_t> {
    const auto sealed = is_given ? take(asked, name, block, exact) : refer(asked, name, block, exact);
    if (!sealed) {
      return sealed.error();
    }
    taken = is_given ? std::optional(sealed->key) : std::nullopt;
    return sealed->generation;
  };
  const auto bound = parts_.changes->bind(record.store, name, options, parts_.channel->budget(), attempt);
  if (!bound) {
    return bound.error().is_transient() ? parts_.reply(reply_to, words(bind_later))
                                        : parts_.refuse(reply_to, bound.error());
  }
  if (!bound->replaced && !bound->outdated) {
    return tell_bound(reply_to, bound->generation, taken);
  }
  parts_.begin(finish_bind(reply_to, *bound, taken));
}

void NameService::tell_bound(ReplyTo reply_to, std::uint64_t generation,
                             const std::optional<Key>& taken) const {
  taken ? parts_.reply(reply_to, words(GivenWords{generation, *taken}))
        : parts_.reply(reply_to, words(generation));
}

// If this rank closes before a replaced object is evicted, that may happen later, or never.
Task<std::monostate> NameService::finish_bind(ReplyTo reply_to, Bound bound, std::optional<Key> taken) {
  const auto gone = co_await parts_.changes->finish(bound.replaced, bound.outdated, parts_.soon());
  const bool closing = !gone && gone.error().code() == Errc::closed;
  closing ? parts_.refuse(reply_to, gone.error()) : tell_bound(reply_to, bound.generation, taken);
  co_return std::monostate();
}

void NameService::unbind(const UnbindWords& asked, const Request& request, ReplyTo reply_to) {
  const std::string_view name = text_of(request.bulk);
  if (!parts_.is_at_home(asked.store, name)) {
    return parts_.refuse_senseless(request);
  }
  const auto unbound = parts_.changes->unbind(asked.store, name, asked.only, parts_.channel->budget());
  if (!unbound) {
    return parts_.refuse(reply_to, unbound.error());
  }
  if (!unbound->elsewhere && !unbound->outdated) {
    return parts_.reply(reply_to, one_byte(unbound->was_there));
  }
  parts_.begin(finish_unbind(reply_to, *unbound));
}

Task<std::monostate> NameService::finish_unbind(ReplyTo reply_to, NameChanges::Unbound unbound) {
  const auto gone = co_await parts_.changes->finish(unbound.elsewhere, unbound.outdated, parts_.soon());
  gone ? parts_.reply(reply_to, one_byte(true)) : parts_.refuse(reply_to, gone.error());
  co_return std::monostate();
}

void NameService::generation(const std::uint64_t& hash, const Request& /*request*/, ReplyTo reply_to) {
  const auto live = parts_.local.directory->generation(hash, parts_.channel->budget());
  live ? parts_.reply(reply_to, words(*live)) : parts_.refuse(reply_to, live.error());
}

void NameService::list(const NameWords& asked, const Request& request, ReplyTo reply_to) {
  if (is_internal(asked.store)) {
    return parts_.refuse_senseless(request);
  }
  using Packed = std::vector<std::byte>;
  const auto packed = guarded([&]() -> Result<std::shared_ptr<const Packed>> {
    const auto names =
        parts_.local.directory->names(asked.store, text_of(request.bulk), parts_.channel->budget());
    if (!names) {
      return names.error();
    }
    return std::make_shared<const Packed>(pack_names(*names));
  });
  if (!packed) {
    return parts_.refuse(reply_to, packed.error());
  }
  const Packed& bytes = **packed;
  if (!parts_.channel->has_room(reply_to.rank, bytes.size())) {
    return parts_.refuse(reply_to, call_error::crowded(reply_to.rank, parts_.channel->options().rank));
  }
  parts_.reply(reply_to, {}, {bytes, *packed, bytes.size()});
}

}  // namespace locum
