#include "core/server/bind_recovery.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "core/async/company.hpp"
#include "core/object/object_wire.hpp"

namespace locum {

namespace {

// Who could not say is asked again, at first after so great a part of the time in which a silent rank is
// lost.
constexpr int binds_in_patience = 5;

}  // namespace

BindRecovery::BindRecovery(NodeMemory local, const NodeClient& client, std::shared_ptr<Exchange> exchange,
                           std::shared_ptr<Bell> bell)
    : local_(std::move(local)), client_(client), exchange_(std::move(exchange)), bell_(std::move(bell)) {}

void BindRecovery::settle_soon(const Key& key) noexcept {
  {
    const MutexLock lock(mutex_);
    named_.push_back(key);
    has_named_.store(true, std::memory_order_release);
  }
  bell_->ring();
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
      client_.operation(settle(*std::move(bind)))->begin_by_driver();
    }
  }
}

void BindRecovery::settle_estate() noexcept {
  for (const Key& key : local_.table ? local_.table->unsettled() : std::vector<Key>()) {
    if (auto bind = find(key)) {
      client_.operation(settle_of_dead(*std::move(bind)))->begin_by_driver();
    }
  }
}

// Nothing for what is no object any more, or damaged.
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
  Company told;
  for (const int rank : client_.nodes().ranks(bind.home)) {
    told.begin(client_.operation(tell_of_death(rank, bind.key.creator)));
  }
  while (co_await told.next()) {
    told.work(client_.progress().budget());
  }
  (void)co_await settle(std::move(bind));
  co_return std::monostate();
}

// Until it knows, or cannot be told.
Task<std::monostate> BindRecovery::tell_of_death(int rank, std::uint32_t dead) {
  const RankWords words_of_it{dead};
  for (BackOff pause = back_off();;) {
    const auto known = co_await client_.asked_rank(rank, Kind::obituary, words(words_of_it), soon());
    const Errc failure = known ? Errc{} : known.error().code();
    if (failure != Errc::timeout && failure != Errc::out_of_memory) {
      co_return std::monostate();
    }
    if (failure == Errc::out_of_memory) {  // it takes no more messages now
      co_await client_.paused(pause.next());
    }
  }
}

// That the name does not stand for the object counts only as long as nobody who was given up may bind it yet:
// whoever of the home answers this rank, or has closed, had done by then what it has received of the bind, or
// will not do it; and so had who was dead. Who is dead may have bound it before the home looked: so it looks
// once more then. It is not asked at once where it could not say: it may say at once that a stopped process
// keeps it from looking.
Task<std::monostate> BindRecovery::settle(Bind bind) {
  const NameWords asked{.store = bind.key.store, .value_wanted = 1};
  std::size_t known_dead = 0;  // of its ranks that were given up, all of which were dead before it was asked
  for (BackOff pause = back_off();;) {
    const auto answer = co_await client_.asked(bind.home, Kind::look_up, words(asked),
                                               {std::as_bytes(std::span(bind.name)), nullptr}, soon());
    Seen found = seen(bind, answer);
    if (found == Seen::not_bound && count_given_up(bind.home) != known_dead) {
      const auto roll = co_await client_.asked(bind.home, Kind::roll_call, {}, {}, soon());
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

// Gives it the generation with which it is bound. An answer that makes no sense, as one that is spoiled on
// its way, says nothing.
BindRecovery::Seen BindRecovery::seen(const Bind& bind, const Result<NodeAnswer>& answer) const {
  if (!answer) {
    return answer.error().code() == Errc::not_found ? Seen::not_bound : seen_in(bind, answer.error());
  }
  const auto wire = read_words<ObjectWire>(answer->body);
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

// Where all ranks of the home have closed, nobody sees the name, bound or not. Where the others are lost to
// this one, there may be ranks to whom they are not.
BindRecovery::Seen BindRecovery::seen_in(const Bind& bind, const Error& failure) const {
  if (failure.code() == Errc::closed && client_.nodes().has_closed(bind.home)) {
    return Seen::not_bound;
  }
  return failure.code() == Errc::closed || failure.code() == Errc::peer_lost ? Seen::never : Seen::unknown;
}

// The ranks of the home that this one takes for lost, and that had not said before that they have closed:
// they never become fewer. `dead_by`: of these only those that are dead by this roll call.
std::size_t BindRecovery::count_given_up(int home, const NodeAnswer* dead_by) const {
  return static_cast<std::size_t>(std::ranges::count_if(client_.nodes().ranks(home), [&](int rank) {
    return exchange_->is_lost(rank) && !exchange_->has_closed(rank) &&
           (dead_by == nullptr || names_rank(*dead_by, rank));
  }));
}

BackOff BindRecovery::back_off() const noexcept {
  return {exchange_->options().patience / binds_in_patience, client_.timeout()};
}

}  // namespace locum
