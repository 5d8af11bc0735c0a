#include "core/server/bind_recovery.hpp"

#include <algorithm>
#include <utility>

#include "core/base/back_off.hpp"
#include "core/deadline.hpp"
#include "core/object/object_wire.hpp"

namespace locum {

namespace {

// Who could not say is asked again, at first after so great a part of the time in which a silent rank is
// lost.
constexpr int binds_in_patience = 5;

}  // namespace

// What is to be found out: whether the home has bound this object to this name.
struct BindRecovery::Bind {
  Key key;
  int home = 0;
  std::string name;
  BackOff back_off;            // before it is asked again
  std::size_t ignorant = 0;    // ranks of the home that have not said yet that they know of the maker's death
  std::size_t known_dead = 0;  // of its ranks that were given up, all of which are dead, before it was asked
};

BindRecovery::BindRecovery(NodeMemory local, std::shared_ptr<Exchange> exchange, std::shared_ptr<Nodes> nodes,
                           std::shared_ptr<Bell> bell, std::chrono::milliseconds timeout)
    : local_(std::move(local)),
      exchange_(std::move(exchange)),
      nodes_(std::move(nodes)),
      bell_(std::move(bell)),
      timeout_(timeout) {}

void BindRecovery::settle(const Key& key) {
  if (const auto bind = find(key)) {
    look(bind);
  }
}

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
    settle(key);
  }
}

void BindRecovery::settle_estate() noexcept {
  next_due_ = Clock::time_point::max();
  for (const Key& key : local_.table ? local_.table->unsettled() : std::vector<Key>()) {
    settle_of_dead(key);
  }
}

void BindRecovery::settle_of_dead(const Key& key) {
  const auto bind = find(key);
  if (!bind) {
    return;
  }
  const std::vector<int>& ranks = nodes_->ranks(bind->home);
  bind->ignorant = ranks.size();
  for (const int rank : ranks) {
    tell_of_death(bind, rank);
  }
}

// Nothing for what is no object any more, or damaged.
std::shared_ptr<BindRecovery::Bind> BindRecovery::find(const Key& key) const {
  const auto pin = local_.table ? local_.table->pin(key) : Result<Pin>(no_such_object());
  if (!pin) {
    return nullptr;
  }
  const PinnedObject object(local_.table, *pin);
  const ObjectRecord& record = *pin->record;
  const int home = nodes_->home(record.store, record.name_hash);
  if (record.name_bytes == 0 || home == nodes_->own() || !local_.holds(record)) {
    return nullptr;
  }
  return std::make_shared<Bind>(Bind{key, home, std::string(local_.name(*pin)),
                                     BackOff(exchange_->options().patience / binds_in_patience, timeout_)});
}

void BindRecovery::tell_of_death(const std::shared_ptr<Bind>& bind, int rank) {
  const RankWords dead{bind->key.creator};
  const auto body = words(dead);
  nodes_->ask_rank(rank, Kind::obituary, body, soon(),
                   [self = shared_from_this(), bind, rank](const Result<NodeAnswer>& known) {
                     const auto failure = known ? Errc{} : known.error().code();
                     if (failure == Errc::timeout) {
                       self->tell_of_death(bind, rank);
                     } else if (failure == Errc::out_of_memory) {
                       self->next_due_ = self->soon();
                     } else if (--bind->ignorant == 0) {  // those who can be told
                       self->look(bind);
                     }
                   });
}

void BindRecovery::look(const std::shared_ptr<Bind>& bind) {
  const NameWords asked{.store = bind->key.store, .value_wanted = 1};
  const auto body = words(asked);
  nodes_->ask(bind->home, Kind::look_up, body, {std::as_bytes(std::span(bind->name)), bind}, soon(),
              [self = shared_from_this(), bind](const Result<NodeAnswer>& answer) {
                if (self->local_.table) {
                  self->looked(bind, answer);
                }
              });
}

// An answer that makes no sense, as one that is spoiled on its way, says nothing.
void BindRecovery::looked(const std::shared_ptr<Bind>& bind, const Result<NodeAnswer>& answer) {
  if (!answer) {
    return answer.error().code() == Errc::not_found ? end_if_never_bound(bind)
                                                    : look_again_after(bind, answer.error());
  }
  const auto wire = read_words<ObjectWire>(answer->body);
  if (!wire || !plausible(*wire) || wire->generation == 0 || wire->key.store != bind->key.store ||
      wire->record.name_hash != name_hash(bind->key.store, bind->name)) {
    return look_again(bind);
  }
  if (wire->key != bind->key) {
    return end_if_never_bound(bind);
  }
  local_.table->set_generation(bind->key, wire->generation);
}

// Where all ranks of the home have closed, nobody sees the name, bound or not. Where the others are lost to
// this one, there may be ranks to whom they are not.
void BindRecovery::look_again_after(const std::shared_ptr<Bind>& bind, const Error& failure) {
  if (failure.code() == Errc::closed && nodes_->has_closed(bind->home)) {
    (void)local_.table->tombstone(bind->key);
  } else if (failure.code() != Errc::closed && failure.code() != Errc::peer_lost) {
    look_again(bind);
  }
}

// Not at once: the home may say at once that a stopped process keeps it from looking.
void BindRecovery::look_again(const std::shared_ptr<Bind>& bind) {
  exchange_->call_at(exchange_->now() + bind->back_off.next(),
                     [self = shared_from_this(), bind] { self->look(bind); });
}

// It was not bound when the home looked. Whoever of the home answers this rank, or has closed, had done by
// then what it has heard of the bind, or will not do it; and so had who was dead.
void BindRecovery::end_if_never_bound(const std::shared_ptr<Bind>& bind) {
  if (count_given_up(bind->home) == bind->known_dead) {
    (void)local_.table->tombstone(bind->key);
  } else {
    call_roll(bind);
  }
}

// Who is dead may have bound it before: so the home looks once more then.
void BindRecovery::call_roll(const std::shared_ptr<Bind>& bind) {
  nodes_->ask(bind->home, Kind::roll_call, {}, {}, soon(),
              [self = shared_from_this(), bind](const Result<NodeAnswer>& roll) {
                if (!self->local_.table) {
                  return;
                }
                if (!roll) {
                  return self->look_again_after(bind, roll.error());
                }
                const std::size_t given_up = self->count_given_up(bind->home);
                const bool all_dead = self->count_given_up(bind->home, &*roll) == given_up;
                bind->known_dead = all_dead ? given_up : 0;
                all_dead ? self->look(bind) : self->look_again(bind);
              });
}

// The ranks of the home that this one takes for lost, and that had not said before that they have closed:
// they never become fewer. `dead_by`: of these only those that are dead by this roll call.
std::size_t BindRecovery::count_given_up(int home, const NodeAnswer* dead_by) const {
  return static_cast<std::size_t>(std::ranges::count_if(nodes_->ranks(home), [&](int rank) {
    return exchange_->is_lost(rank) && !exchange_->has_closed(rank) &&
           (dead_by == nullptr || names_rank(*dead_by, rank));
  }));
}

BindRecovery::Clock::time_point BindRecovery::soon() const noexcept {
  return Deadline().moment(timeout_, exchange_->now());
}

}  // namespace locum
