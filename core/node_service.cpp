#include "core/node_service.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include "core/name_list.hpp"

namespace locum {

namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= max_name_bytes;
}

bool is_at_home(const Nodes& nodes, std::uint32_t store, std::string_view name) {
  return is_name(name) && !is_internal(store) && nodes.home(store, name_hash(store, name)) == nodes.own();
}

Error senseless(const Question& question) {
  return Error(Errc::invalid_argument, "rank " + std::to_string(question.from) +
                                           " asked what makes no sense (kind " +
                                           std::to_string(static_cast<int>(question.kind)) + ")");
}

Error led_astray() {
  return Error(Errc::corrupt, "the table entry of this object points outside the node's memory");
}

std::vector<std::byte> one_byte(bool value) {
  return {std::byte{value ? std::uint8_t{1} : std::uint8_t{0}}};
}

}  // namespace

NodeService::NodeService(NodeMemory local, std::shared_ptr<Connector> references, const Copies& copies,
                         std::shared_ptr<Exchange> exchange, std::shared_ptr<Nodes> nodes,
                         std::uint64_t inline_bytes, std::chrono::milliseconds timeout,
                         std::function<std::vector<int>()> lost_mates, std::shared_ptr<NameWatcher> watcher)
    : local_(std::move(local)),
      references_(std::move(references)),
      copies_(copies),
      copy_service_(local_, copies, exchange, nodes, inline_bytes),
      exchange_(std::move(exchange)),
      nodes_(std::move(nodes)),
      inline_bytes_(inline_bytes),
      timeout_(timeout),
      lost_mates_(std::move(lost_mates)),
      watcher_(std::move(watcher)) {}

void NodeService::asked(const Question& question) noexcept {
  try {
    dispatch(question);
  } catch (const std::bad_alloc&) {
    exchange_->refuse(question.from, question.call,
                      Error(Errc::out_of_memory, "the rank that was asked has no memory left"));
  } catch (const std::exception& exception) {
    exchange_->refuse(question.from, question.call,
                      Error(Errc::system, "the rank that was asked could not answer", exception.what()));
  }
}

void NodeService::bereaved(int rank) noexcept {
  awaited_.forget(rank);
  if (nodes_->of_creator(static_cast<std::uint32_t>(rank)) != nodes_->own()) {
    return;
  }
  try {
    copies_.here->unmark_all(rank);
  } catch (const std::bad_alloc&) {  // then whoever wants the object finds out, and takes the mark over
  }
}

void NodeService::dispatch(const Question& question) {
  const Asker asker{question.from, question.call};
  switch (question.kind) {
    case Kind::fetch:
      return fetch(question, asker);
    case Kind::fetch_part:
      return fetch_part(question, asker);
    case Kind::exists:
      return exists(question, asker);
    case Kind::evict:
      return evict(question, asker);
    case Kind::retire:
      return retire(question, asker);
    case Kind::look_up:
      return look_up(question, asker);
    case Kind::await:
      return await(question, asker);
    case Kind::bind:
      return bind(question, asker);
    case Kind::unbind:
      return unbind(question, asker);
    case Kind::generation:
      return generation(question, asker);
    case Kind::list:
      return list(question, asker);
    case Kind::roll_call:
      return roll_call(asker);
    case Kind::copy:
      return copy_service_.copy(question);
    case Kind::invalidate:
      return copy_service_.invalidate(question);
    case Kind::join:
      return copy_service_.join(question);
    case Kind::reply:
    case Kind::ping:
      break;
  }
  refuse(asker, senseless(question));
}

int NodeService::node_of(const Question& question) const {
  return nodes_->of_creator(static_cast<std::uint32_t>(question.from));
}

void NodeService::fetch(const Question& question, Asker asker) {
  const auto asked = read_words<FetchWords>(question.body);
  if (!asked) {
    return refuse(asker, senseless(question));
  }
  const auto pin = local_.pin_object(asked->key);
  if (!pin) {
    return refuse(asker, pin.error());
  }
  const auto object = std::make_shared<PinnedObject>(local_.table, *pin);
  if (!local_.holds(*pin->record)) {
    return refuse(asker, led_astray());
  }
  const ObjectWire wire = wire_of(*pin, pin->generation);
  const bool wanted = pin->record->block_bytes() <= asked->most_bytes;
  answer(asker, words(wire), wanted ? Bulk{local_.block(*pin), object} : Bulk{});
}

// No sum can be checked of a part: who asks for one has to fetch the whole object.
void NodeService::fetch_part(const Question& question, Asker asker) {
  constexpr std::size_t longest_type_name = 256;
  const auto asked = read_words<PartWords>(question.body);
  if (!asked) {
    return refuse(asker, senseless(question));
  }
  const auto pin = local_.pin_object(asked->key);
  if (!pin) {
    return refuse(asker, pin.error());
  }
  const auto object = std::make_shared<PinnedObject>(local_.table, *pin);
  if (!local_.holds(*pin->record)) {
    return refuse(asker, led_astray());
  }
  if (auto inside = check_range({asked->offset, asked->bytes}, pin->record->size_bytes); !inside) {
    return refuse(asker, inside.error());
  }
  if (pin->record->has_checksum != 0) {
    return refuse(asker,
                  Error(Errc::unsupported, "this object has a checksum, which is one of all its bytes"));
  }
  const ObjectTail tail = read_tail(local_.block(*pin).data(), *pin->record);
  const auto type_name =
      std::as_bytes(std::span(tail.type_name.size() <= longest_type_name ? tail.type_name : ""));
  const PartWire wire{wire_of(*pin, pin->generation), tail.element_bytes,
                      static_cast<std::uint32_t>(type_name.size())};
  const auto front = words(wire);
  std::vector<std::byte> body(front.begin(), front.end());
  body.insert(body.end(), type_name.begin(), type_name.end());
  answer(asker, body, {local_.payload(*pin).subspan(asked->offset, asked->bytes), object});
}

void NodeService::exists(const Question& question, Asker asker) {
  const auto asked = read_words<KeyWords>(question.body);
  if (!asked) {
    return refuse(asker, senseless(question));
  }
  const auto pin = local_.pin_object(asked->key);
  if (!pin) {
    return refuse(asker, pin.error());
  }
  local_.table->release(pin->id);
  answer(asker, {});
}

// First the name, where it has one, then the object: whoever is told by the home that the name is gone finds
// the object gone soon after.
void NodeService::evict(const Question& question, Asker asker) {
  const auto asked = read_words<KeyWords>(question.body);
  if (!asked) {
    return refuse(asker, senseless(question));
  }
  const Key key = asked->key;
  const auto pin = local_.pin_object(key);
  if (!pin) {
    return pin.error().code() == Errc::corrupt ? refuse(asker, pin.error())
                                               : dissolve_then(key, asker, one_byte(false));
  }
  const auto object = std::make_shared<PinnedObject>(local_.table, *pin);
  const ObjectRecord& record = *pin->record;
  const int home = record.name_bytes == 0 ? nodes_->own() : nodes_->home(record.store, record.name_hash);
  if (home == nodes_->own() || !local_.holds(record)) {
    const auto gone = references_->evict(Address(key), {});
    return gone ? dissolve_then(key, asker, one_byte(*gone)) : refuse(asker, gone.error());
  }
  const UnbindWords unbinding{.only = key, .store = record.store};
  const auto body = words(unbinding);
  nodes_->ask(
      home, Kind::unbind, {body.begin(), body.end()}, {std::as_bytes(std::span(local_.name(*pin))), object},
      soon(), [this, asker, key, home, object](const Result<NodeAnswer>& unbound) {
        if (unbound) {
          // Replaced before, if the home says no: then it is here only because nobody could say so.
          (void)local_.table->tombstone(key);
          dissolve_then(key, asker, {unbound->body.begin(), unbound->body.end()});
        } else {
          if (nodes_->is_lost(home)) {
            (void)local_.table->tombstone(key);  // its name is lost for good, and nobody else frees it
          }
          copies_.sets->dissolve(key, soon(), [this, asker, error = unbound.error()](const Result<void>&) {
            refuse(asker, error);
          });
        }
      });
}

// Only the home of its name knows that an object lost it.
void NodeService::retire(const Question& question, Asker asker) {
  const auto asked = read_words<KeyWords>(question.body);
  if (!asked) {
    return refuse(asker, senseless(question));
  }
  const auto pin = local_.pin_object(asked->key);
  if (!pin) {
    return dissolve_then(asked->key, asker, one_byte(false));
  }
  const PinnedObject object(local_.table, *pin);
  if (nodes_->home(pin->record->store, pin->record->name_hash) != node_of(question)) {
    return refuse(asker, senseless(question));
  }
  const bool was_there = local_.table->tombstone(asked->key);
  dissolve_then(asked->key, asker, one_byte(was_there));
}

void NodeService::look_up(const Question& question, Asker asker) {
  const auto asked = read_words<NameWords>(question.body);
  const std::string_view name = text_of(question.bulk);
  if (!asked || !is_at_home(*nodes_, asked->store, name)) {
    return refuse(asker, senseless(question));
  }
  const auto pin = local_.directory->find(asked->store, name);
  if (!pin) {
    return refuse(asker, pin.error());
  }
  answer_with(*pin, asked->value_wanted != 0, asker);
}

// What a name stands for; lets go of it.
void NodeService::answer_with(const Pin& pin, bool value_wanted, Asker asker) {
  const auto object = std::make_shared<PinnedObject>(local_.table, pin);
  if (!value_wanted) {
    return answer(asker, {});
  }
  if (!local_.holds(*pin.record)) {
    return refuse(asker, led_astray());
  }
  const auto reference = local_.reference(pin);
  ObjectWire wire = reference ? reference->object : wire_of(pin, pin.generation);
  wire.generation = pin.generation;
  auto block = reference ? reference->block : local_.block(pin);
  if (block.size() > inline_bytes_) {
    block = {};
  }
  answer(asker, words(wire), {block, object});
}

// Watched first, then looked for: what is bound after the look is told of.
void NodeService::await(const Question& question, Asker asker) {
  constexpr auto longest = std::chrono::hours(24 * 365);
  const auto asked = read_words<AwaitWords>(question.body);
  const std::string_view name = text_of(question.bulk);
  if (!asked || !is_at_home(*nodes_, asked->store, name)) {
    return refuse(asker, senseless(question));
  }
  const auto patience = std::chrono::nanoseconds(
      std::min<std::uint64_t>(asked->patience_ns, std::chrono::nanoseconds(longest).count()));
  const AwaitedNames::Waiter waiter{asker.rank, asker.call, asked->store, std::string(name),
                                    exchange_->now() + patience};
  if (!serve(waiter) && !awaited_.add(waiter, exchange_->now())) {
    refuse(asker, Error(Errc::out_of_memory, "rank " + std::to_string(asker.rank) +
                                                 " waits for too many names of one node at a time; wait for "
                                                 "one after the other"));
  }
}

// Whether this wait is over. The name is watched from now on, if it is not.
bool NodeService::serve(const AwaitedNames::Waiter& waiter) noexcept {
  const Asker asker{waiter.rank, waiter.call};
  try {
    local_.directory->watch(name_hash(waiter.store, waiter.name), watcher_);
    const auto pin = local_.directory->find(waiter.store, waiter.name);
    if (pin) {
      answer_with(*pin, true, asker);
    } else if (pin.error().code() == Errc::not_found) {
      return false;
    } else {
      refuse(asker, pin.error());
    }
  } catch (const std::exception& exception) {
    exchange_->refuse(asker.rank, asker.call,
                      Error(Errc::system, "the rank that was asked could not answer", exception.what()));
  }
  return true;
}

void NodeService::look_for_awaited() noexcept {
  awaited_.serve(exchange_->now(), [this](const AwaitedNames::Waiter& waiter) { return serve(waiter); });
}

void NodeService::close(const Error& error) noexcept {
  awaited_.serve(exchange_->now(), [&](const AwaitedNames::Waiter& waiter) {
    exchange_->refuse(waiter.rank, waiter.call, error);
    return true;
  });
}

std::optional<Key> NodeService::referent(const Pin& old) const {
  const PinnedObject object(local_.table, old);
  const auto reference = local_.reference(old);
  return reference ? std::optional(reference->object.key) : std::nullopt;
}

// Makes the object that stands here for the other one, and binds it.
Result<std::uint64_t> NodeService::refer(const BindWords& asked, std::string_view name,
                                         std::span<const std::byte> block, const SealOptions& options) {
  const std::uint64_t alignment = HeldObject::alignment_of(asked.object.record.size_bytes);
  const ObjectMeta meta{.store = asked.object.record.store,
                        .alignment = static_cast<std::uint32_t>(block.empty() ? 16 : alignment),
                        .type_hash = reference_type_hash,
                        .type_name = reference_type_name,
                        .name = name,
                        .extents = {}};
  const auto draft = copies_.here->create(*references_, block.size() + sizeof(ObjectWire), meta, {});
  if (!draft) {
    return draft.error();
  }
  std::copy(block.begin(), block.end(), draft->bytes.begin());
  std::memcpy(draft->bytes.data() + block.size(), &asked.object, sizeof asked.object);
  const auto sealed = references_->seal(*draft, options, {});
  return sealed ? Result<std::uint64_t>(sealed->generation) : Result<std::uint64_t>(sealed.error());
}

void NodeService::bind(const Question& question, Asker asker) {
  const auto asked = read_words<BindWords>(question.body);
  if (!asked || !plausible(asked->object) || asked->object.record.name_bytes == 0 ||
      nodes_->of_creator(asked->object.key.creator) != node_of(question)) {
    return refuse(asker, senseless(question));
  }
  const ObjectRecord& record = asked->object.record;
  const auto block = asked->has_value != 0 ? question.bulk : std::span<const std::byte>();
  const bool fits = asked->has_value != 0
                        ? block.size() == record.block_bytes() && block.size() <= inline_bytes_
                        : question.bulk.size() == record.name_bytes;
  const std::string_view name =
      text_of(question.bulk.last(std::min<std::size_t>(record.name_bytes, question.bulk.size())));
  if (!fits || !is_at_home(*nodes_, record.store, name) ||
      name_hash(record.store, name) != record.name_hash) {
    return refuse(asker, senseless(question));
  }
  const SealOptions options{asked->replaces != 0 ? SealMode::replace : SealMode::put,
                            asked->expected_generation};
  const auto bound = bind_exactly(
      *local_.directory, record.store, name, options,
      [&](const SealOptions& exact) { return refer(*asked, name, block, exact); },
      [&](const Pin& old) { return referent(old); });
  if (!bound) {
    return refuse(asker, bound.error());
  }
  const auto generation = words(bound->generation);
  if (bound->replaced) {
    return retire_then(*bound->replaced, asker, {generation.begin(), generation.end()});
  }
  if (bound->outdated) {
    return copies_.sets->dissolve(*bound->outdated, soon(),
                                  [this, asker, generation = bound->generation](const Result<void>&) {
                                    answer(asker, words(generation));
                                  });
  }
  answer(asker, generation);
}

// Takes an object of whichever node out of sight, whose name is gone already, and then answers. Whoever
// cannot be reached has it still, and nobody finds it by its name.
void NodeService::retire_then(const Key& key, Asker asker, std::vector<std::byte> body) {
  const int owner = nodes_->of_creator(key.creator);
  if (owner < 0) {
    return answer(asker, body);
  }
  const KeyWords asked{key};
  const auto front = words(asked);
  nodes_->ask(
      owner, Kind::retire, {front.begin(), front.end()}, {}, soon(),
      [this, asker, body = std::move(body)](const Result<NodeAnswer>& /*retired*/) { answer(asker, body); });
}

// Takes the copies of an object of this node that is gone out of sight, and then answers.
void NodeService::dissolve_then(const Key& key, Asker asker, std::vector<std::byte> body) {
  copies_.sets->dissolve(key, soon(), [this, asker, body = std::move(body)](const Result<void>& alone) {
    alone ? answer(asker, body) : refuse(asker, alone.error());
  });
}

void NodeService::unbind(const Question& question, Asker asker) {
  const auto asked = read_words<UnbindWords>(question.body);
  const std::string_view name = text_of(question.bulk);
  if (!asked || !is_at_home(*nodes_, asked->store, name)) {
    return refuse(asker, senseless(question));
  }
  const auto found = local_.directory->find(asked->store, name);
  if (!found) {
    return found.error().code() == Errc::not_found ? answer(asker, one_byte(false))
                                                   : refuse(asker, found.error());
  }
  const Key entry = found->key;
  const auto key = referent(*found);
  if (asked->only.valid() && asked->only != key) {
    return answer(asker, one_byte(false));
  }
  const auto gone = local_.directory->unbind(asked->store, name, entry);
  if (!gone) {
    return refuse(asker, gone.error());
  }
  if (!*gone) {
    return unbind(question, asker);  // replaced meanwhile: there is another one now, or none
  }
  if (key && !asked->only.valid()) {
    return retire_then(*key, asker, one_byte(true));
  }
  key ? answer(asker, one_byte(true)) : dissolve_then(entry, asker, one_byte(true));
}

void NodeService::generation(const Question& question, Asker asker) {
  const auto hash = read_words<std::uint64_t>(question.body);
  if (!hash) {
    return refuse(asker, senseless(question));
  }
  const std::uint64_t live = local_.directory->generation(*hash);
  answer(asker, words(live));
}

void NodeService::list(const Question& question, Asker asker) {
  const auto asked = read_words<NameWords>(question.body);
  if (!asked || is_internal(asked->store)) {
    return refuse(asker, senseless(question));
  }
  const auto names = local_.directory->names(asked->store, text_of(question.bulk));
  if (!names) {
    return refuse(asker, names.error());
  }
  const auto packed = std::make_shared<const std::vector<std::byte>>(pack_names(*names));
  answer(asker, {}, {*packed, packed});
}

void NodeService::roll_call(Asker asker) {
  const auto lost = std::make_shared<std::vector<std::uint32_t>>();
  for (const int rank : lost_mates_ ? lost_mates_() : std::vector<int>()) {
    lost->push_back(static_cast<std::uint32_t>(rank));
  }
  answer(asker, {}, {std::as_bytes(std::span(*lost)), lost});
}

void NodeService::answer(Asker asker, std::span<const std::byte> body, Bulk bulk) {
  exchange_->answer(asker.rank, asker.call, body, std::move(bulk));
}

void NodeService::refuse(Asker asker, const Error& error) {
  exchange_->refuse(asker.rank, asker.call, error);
}

// What this node asks of another one for a third: that one gives up by itself if it takes longer.
Exchange::Clock::time_point NodeService::soon() const {
  return Deadline().moment(timeout_, exchange_->now());
}

}  // namespace locum
