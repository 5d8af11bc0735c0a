#include "core/server/bind_recovery.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "core/async/task_group.hpp"
#include "core/object/object_wire.hpp"

namespace locum {

namespace {

// A rank that did not know is asked again, first after this fraction of the time in which a silent rank is
// lost.
constexpr int binds_in_patience = 5;

}  // namespace

BindRecovery::BindRecovery(NodeMemory local, const NodeClient& client, std::shared_ptr<RpcChannel> channel,
                           std::shared_ptr<Waker> waker)
    : local_(std::move(local)), client_(client), channel_(std::move(channel)), waker_(std::move(waker)) {}

void BindRecovery::settle_soon(const Key& key) noexcept {
  {
    const MutexLock lock(mutex_);
    named_.push_back(key);
    has_named_.store(true, std::memory_order_release);
  }
  waker_->wake();
}

void BindRecovery::settle_named() noexcept {
  std::vector<Key> named;
  {
    const MutexLock lock(mutex_);
    named.swap(named_);
    has_named_.store(false, std::memory_order_relaxed);
  }
  for (const Key& key : named) {
    if (auto bind = find(key)) {
      client_.operation(settle(std::move(*bind)))->begin_by_driver();
    }
  }
}

void BindRecovery::settle_dead_binds() noexcept {
  for (const Key& key : local_.table ? local_.table->own_keys(Having::unsettled_name) : std::vector<Key>()) {
    if (auto bind = find(key)) {
      client_.operation(settle_of_dead(std::move(*bind)))->begin_by_driver();
    }
  }
}

// None if the object is gone, or damaged.
std::optional<BindRecovery::Bind> BindRecovery::find(const Key& key) const {
  const auto pin = local_.table ? local_.table->pin(key) : Result<Pin>(no_such_object());
  if (!pin) {
    return std::nullopt;
  }
  const PinnedObject object(local_.table, *pin);
  const ObjectRecord& record = *pin->record;
  const int home = client_.nodes().home(record.store, record.name_hash);
  if (record.name_bytes == 0 || home == client_.nodes().own() || !local_.holds(record)) {
    return std::nullopt;
  }
  return Bind{key, home, std::string(local_.name(*pin))};
}

Task<std::monostate> BindRecovery::settle_of_dead(Bind bind) {
  TaskGroup told;
  for (const int rank : client_.nodes().ranks(bind.home)) {
    told.begin(client_.operation(tell_of_death(rank, bind.key.creator)));
  }
  while (co_await told.next()) {
    told.work(client_.progress().budget());
  }
  (void)co_await settle(std::move(bind));
  co_return std::monostate();
}

// Until it replies, or cannot be asked.
Task<std::monostate> BindRecovery::tell_of_death(int rank, std::uint32_t dead) {
  const RankWords words_of_it{dead};
  for (BackOff pause = back_off();;) {
    const auto known = co_await client_.request_of_rank(rank, Kind::death_notice, words(words_of_it), soon());
    const Errc failure = known ? Errc{} : known.error().code();
    if (failure != Errc::timeout && failure != Errc::out_of_memory) {
      co_return std::monostate();
    }
    if (failure == Errc::out_of_memory) {  // it accepts no more messages now
      co_await client_.paused(pause.next());
    }
  }
}

// That the name is not bound to the object counts only if no given-up rank may still bind it: a rank of the
// home that replies to this one, or has closed, had by then processed what it received of the bind, or never
// will; so had a dead one. A dead one may have bound it before the home looked: the home then looks once
// more. After an inconclusive reply it is not asked again at once: it may reply at once that a stopped
// process keeps it from looking.
Task<std::monostate> BindRecovery::settle(Bind bind) {
  const NameWords asked{.store = bind.key.store, .value_wanted = 1};
  std::size_t known_dead = 0;  // its given-up ranks, if all of them were dead before it was asked
  for (BackOff pause = back_off();;) {
    const auto reply = co_await client_.request(bind.home, Kind::look_up, words(asked),
                                                {std::as_bytes(std::span(bind.name)), nullptr}, soon());
    Seen found = seen(bind, reply);
    if (found == Seen::not_bound && count_given_up(bind.home) != known_dead) {
      const auto roll = co_await client_.request(bind.home, Kind::roll_call, {}, {}, soon());
      const std::size_t given_up = count_given_up(bind.home);
      if (roll && count_given_up(bind.home, &*roll) == given_up) {
        known_dead = given_up;
        continue;
      }
      known_dead = 0;
      found = roll ? Seen::unknown : seen_in(bind, roll.error());
    }
    if (found != Seen::unknown) {
      if (found == Seen::not_bound && local_.table) {
        (void)local_.table->tombstone(bind.key);
      }
      co_return std::monostate();
    }
    co_await client_.paused(pause.next());
  }
}

// Records the generation of its bind. An invalid reply, such as a damaged one, has no effect.
BindRecovery::Seen BindRecovery::seen(const Bind& bind, const Result<NodeReply>& reply) const {
  if (!reply) {
    return reply.error().code() == Errc::not_found ? Seen::not_bound : seen_in(bind, reply.error());
  }
  const auto wire = read_words<ObjectWire>(reply->body);
  if (!wire || !plausible(*wire) || wire->generation == 0 || wire->key.store != bind.key.store ||
      wire->record.name_hash != name_hash(bind.key.store, bind.name)) {
    return Seen::unknown;
  }
  if (wire->key != bind.key) {
    return Seen::not_bound;
  }
  if (local_.table) {
    local_.table->set_generation(bind.key, wire->generation);
  }
  return Seen::bound;
}

// If all ranks of the home have closed, nobody sees the name, bound or not. If some are lost to this rank,
// other ranks may still reach them.
BindRecovery::Seen BindRecovery::seen_in(const Bind& bind, const Error& failure) const {
  if (failure.code() == Errc::closed && client_.nodes().has_closed(bind.home)) {
    return Seen::not_bound;
  }
  return failure.code() == Errc::closed || failure.code() == Errc::peer_lost ? Seen::never : Seen::unknown;
}

// The ranks of the home that this one considers lost, and that had not closed before: their number never
// decreases. `dead_by`: only those that are dead by this roll call.
std::size_t BindRecovery::count_given_up(int home, const NodeReply* dead_by) const {
  return static_cast<std::size_t>(std::ranges::count_if(client_.nodes().ranks(home), [&](int rank) {
    return channel_->is_lost(rank) && !channel_->has_closed(rank) &&
           (dead_by == nullptr || names_rank(*dead_by, rank));
  }));
}

BackOff BindRecovery::back_off() const noexcept {
  return {channel_->options().patience / binds_in_patience, client_.timeout()};
}

}  // namespace locum
