#include "core/server/name_changes.hpp"

#include "core/node/reclaim.hpp"
#include "core/rpc/nodes.hpp"
#include "core/value/errors.hpp"

namespace locum {

namespace {

// Interval of repeated evict requests that nobody waits for.
constexpr std::chrono::milliseconds longest_pause_alone{1000};
// The same while somebody waits.
constexpr BackOff first_back_off{std::chrono::milliseconds(1), std::chrono::milliseconds(50)};

}  // namespace

NameChanges::NameChanges(NodeMemory memory, const NodeClient& client,
                         std::shared_ptr<CopyHolders> copy_holders, ChangedBy by)
    : memory_(std::move(memory)),
      client_(client),
      nodes_(client.nodes()),
      copy_holders_(std::move(copy_holders)),
      by_(by) {}

std::optional<Key> NameChanges::referent(const Pin& old) const {
  const PinnedObject object(memory_.table, old);
  const auto reference = memory_.reference(old);
  return reference ? std::optional(reference->object.key) : std::nullopt;
}

Result<NameChanges::Unbound> NameChanges::unbind(std::uint32_t store, std::string_view name, const Key& only,
                                                 const WaitBudget& budget) const {
  constexpr int most_rounds = 64;  // each won by another process
  for (int round = 0; round < most_rounds; ++round) {
    const auto found = memory_.directory->find(store, name, budget);
    if (!found) {
      return found.error().code() == Errc::not_found ? Result<Unbound>(Unbound{}) : found.error();
    }
    const Key entry = found->key;
    const auto key = referent(*found);
    if (only.valid() && only != key) {
      return Unbound{};
    }
    const auto gone = memory_.directory->unbind(store, name, entry, budget);
    if (!gone) {
      return gone.error();
    }
    if (*gone) {
      return only.valid() ? Unbound{true, {}, {}}
                          : Unbound{true, key, key ? std::nullopt : std::optional(entry)};
    }
  }
  return deadline_passed("this name was replaced in each attempt to evict its object",
                         "replace it less often")
      .about(name);
}

Task<Result<void>> NameChanges::finish(std::optional<Key> elsewhere, std::optional<Key> outdated,
                                       Moment until) const {
  if (elsewhere) {
    co_return co_await retire(*elsewhere, until);
  }
  if (outdated) {
    co_return co_await copy_holders_->dissolve(*outdated, until);
  }
  co_return Result<void>();
}

Task<Result<bool>> NameChanges::unbind_at(int home, std::uint32_t store, std::string_view name, Key only,
                                          Moment until) const {
  const UnbindWords asked{.only = only, .store = store};
  const auto reply =
      co_await client_.request(home, Kind::unbind, words(asked), {bytes_of_text(name), nullptr}, until);
  if (!reply) {
    co_return reply.error();
  }
  const auto there = read_words<std::uint8_t>(reply->body);
  co_return there ? Result<bool>(*there != 0) : Result<bool>(call_error::invalid_reply(home));
}

Task<Result<bool>> NameChanges::evict(Key key, Moment until) const {
  auto gone = co_await unpublish(key, until);
  (void)reclaim(*memory_.table, *memory_.arena, Effort::amortised);
  // Also if the home of its name could not be asked.
  const auto alone = co_await copy_holders_->dissolve(key, until);
  co_return alone || !gone ? std::move(gone) : Result<bool>(alone.error());
}

// A named object goes through the directory that binds its name, which orders an eviction and a replacement.
Task<Result<bool>> NameChanges::unpublish(Key key, Moment until) const {
  if (memory_.table->unnamed(key)) {
    co_return memory_.table->tombstone(key);
  }
  const auto pin = memory_.table->pin(key);
  if (!pin) {
    co_return pin.error().code() == Errc::corrupt ? Result<bool>(pin.error().about(to_string(key)))
                                                  : Result<bool>(false);
  }
  const PinnedObject object(memory_.table, *pin);  // also if the home of its name cannot be asked
  const ObjectRecord& record = *pin->record;
  if (record.name_bytes == 0 || !memory_.holds(record)) {
    co_return memory_.table->tombstone(key);
  }
  const int home = nodes_.home(record.store, record.name_hash);
  if (home != nodes_.own()) {
    co_return co_await unpublish_with_name_elsewhere(home, *pin, until);
  }
  const auto attempt = [&](const WaitBudget& budget) {
    return memory_.directory->unbind(record.store, memory_.name(*pin), key, budget);
  };
  co_return co_await until_unlocked(until, attempt);
}

// If the home replies no, the object has been replaced, and only remains by an earlier failure. If all ranks
// of the home have closed, nobody sees its name; if they are lost, nobody else frees the object.
Task<Result<bool>> NameChanges::unpublish_with_name_elsewhere(int home, const Pin& pin, Moment until) const {
  auto unbound = co_await unbind_at(home, pin.record->store, memory_.name(pin), pin.key, until);
  const bool says_nothing = !unbound && !nodes_.is_lost(home);
  const bool gone = !says_nothing && memory_.table->tombstone(pin.key);
  const bool name_is_gone = !unbound && unbound.error().code() == Errc::closed && nodes_.has_closed(home);
  co_return name_is_gone ? Result<bool>(gone) : std::move(unbound);
}

// Notifies the node of an object that lost its name. Nobody else requests that, and a remaining object could
// not be found: so if that node has no room for the request (as after a batch of names) it is repeated, even
// when nobody waits any more. A request without a timely reply was sent, and will be received. A node that
// has closed shows the object to nobody any more.
Task<Result<void>> NameChanges::retire(Key key, Moment until) const {
  const int node = nodes_.of_creator(key.creator);
  if (node < 0) {
    co_return no_such_maker(key);
  }
  for (BackOff back_off = first_back_off;;) {
    const auto latest = client_.now() < until ? until : client_.moment({});
    const auto reply = co_await client_.request(node, Kind::retire, words(KeyWords{key}), {}, latest);
    const bool has_closed = !reply && reply.error().code() == Errc::closed && nodes_.has_closed(node);
    if (reply || has_closed) {
      co_return Result<void>();
    }
    if (reply.error().code() != Errc::out_of_memory) {
      co_return reply.error();
    }
    if (client_.now() + back_off.pause() >= until) {
      client_.operation(retire_later(key, back_off))->begin_by_driver();
      co_return reply.error();
    }
    co_await client_.paused(back_off.next());
  }
}

Task<std::monostate> NameChanges::retire_later(Key key, BackOff back_off) const {
  const int node = nodes_.of_creator(key.creator);
  back_off = BackOff(back_off.pause(), longest_pause_alone);
  for (bool crowded = true; crowded;) {
    co_await client_.paused(back_off.next());
    const auto reply =
        co_await client_.request(node, Kind::retire, words(KeyWords{key}), {}, client_.moment({}));
    crowded = !reply && reply.error().code() == Errc::out_of_memory;
  }
  co_return std::monostate();
}

}  // namespace locum
