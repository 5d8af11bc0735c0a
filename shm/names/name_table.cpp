#include "shm/names/name_table.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "core/object/internal_stores.hpp"
#include "core/value/errors.hpp"
#include "shm/names/name_change.hpp"
#include "shm/names/name_wait.hpp"
#include "shm/segment/kill_point.hpp"

namespace locum::shm {

namespace {

constexpr int patience = 64;  ///< disturbed look-ups before a reader takes the lock

using std::memory_order_acquire;
using std::memory_order_relaxed;

// Whether a name may get a new binding, given the current generation `live`; 0 if there is none.
Result<void> may_bind(std::uint64_t live, const SealOptions& options) {
  if (live != 0 && options.mode == SealMode::put) {
    return name_taken();
  }
  if (options.expected_generation == 0 || options.expected_generation == live) {
    return {};
  }
  return live == 0 ? no_such_object() : other_generation(options.expected_generation);
}

// The holder of the lock, and the change since which it holds it: tells a stopped holder from another one, or
// from itself after it has continued. Never 0.
std::uint64_t tenure(const DirectoryShard& shard) noexcept {
  const auto& state = shard.state();
  return (std::uint64_t{1} << 63U) | (std::uint64_t{RobustLock::holder(state.lock)} << 32U) |
         static_cast<std::uint32_t>(state.sequence.load(memory_order_relaxed));
}

/// Holds a pin for a scope.
class PinHold {
 public:
  PinHold(ObjectTable& objects, std::uint64_t pin) noexcept : objects_(objects), pin_(pin) {}
  PinHold(const PinHold&) = delete;
  PinHold& operator=(const PinHold&) = delete;
  ~PinHold() { objects_.release(pin_); }

 private:
  ObjectTable& objects_;
  std::uint64_t pin_;
};

}  // namespace

NameTable::NameTable(std::shared_ptr<Segment> segment, std::shared_ptr<ObjectTable> objects,
                     std::chrono::milliseconds lock_timeout)
    : segment_(std::move(segment)),
      objects_(std::move(objects)),
      look_(*segment_, objects_),
      lock_timeout_(lock_timeout),
      watch_(segment_, objects_->own()) {
  shards_.reserve(shard_count);
  for (std::uint32_t index = 0; index < shard_count; ++index) {
    shards_.emplace_back(*segment_, index);
    shards_.back().touch_first_pages();
  }
}

DirectoryShard& NameTable::shard_of(std::uint64_t hash) noexcept {
  return shards_[shard_index(hash)];
}

// Repeats `see` until it has a consistent result, or found nothing while no writer intervened; if writers
// always intervene, one died within a change, or the shard is inconsistent, repeats it under the lock, where
// nothing changes.
template <class See>
Result<void> NameTable::undisturbed(DirectoryShard& shard, const WaitBudget& budget, const Found& found,
                                    See see) {
  const Word64& sequence = shard.state().sequence;
  for (int looks = 0; looks < patience; ++looks) {
    const std::uint64_t before = sequence.load(memory_order_acquire);
    const Seen seen = see();
    const bool alone = before % 2 == 0 && sequence.load(memory_order_acquire) == before;
    if (seen == Seen::content || (seen == Seen::nothing && alone)) {
      return {};
    }
    if (alone) {
      break;
    }
    std::this_thread::yield();
  }
  RobustLock lock(shard.state().lock, moment(shard, budget));
  if (auto ready = prepare(lock, shard, budget); !ready) {
    return ready;
  }
  return see() == Seen::doubtful ? Result<void>(look_.damaged(shard, found)) : Result<void>();
}

[[gnu::hot]] Result<Pin> NameTable::find(std::uint32_t store, std::string_view name, WaitBudget budget) {
  const std::uint64_t hash = name_hash(store, name);
  DirectoryShard& shard = shard_of(hash);
  Found found;
  Seen seen = Seen::nothing;
  const auto looked =
      undisturbed(shard, budget, found, [&] { return seen = look_.walk(shard, hash, store, name, found); });
  if (seen == Seen::content) {
    return found.pin;
  }
  return looked ? no_such_object() : looked.error().about(name);
}

// Under limited budgets a stopped holder is waited for once, not again by each call.
[[gnu::hot]] Deadline::Clock::time_point NameTable::moment(const DirectoryShard& shard,
                                                           const WaitBudget& budget) const noexcept {
  const auto latest = budget.deadline().moment(lock_timeout_);
  if (!budget.is_limited()) {
    return latest;
  }
  if (const auto stuck = stuck_[shard.index()].load(memory_order_relaxed);
      stuck != 0 && stuck == tenure(shard)) {
    return Deadline::Clock::time_point::min();
  }
  return std::min(latest, Deadline().moment(std::min(budget.longest_wait(), lock_timeout_)));
}

// With the lock held: makes the shard whole, whoever held the lock before.
[[gnu::hot]] Result<void> NameTable::prepare(RobustLock& lock, DirectoryShard& shard,
                                             const WaitBudget& budget) {
  std::atomic<std::uint64_t>& stuck = stuck_[shard.index()];
  // A call without a limit may have given up sooner: its deadline proves nothing about the holder.
  if (const bool in_vain = lock.outcome() == RobustLock::Outcome::timed_out;
      in_vain ? budget.is_limited() : stuck.load(memory_order_relaxed) != 0) {
    stuck.store(in_vain ? tenure(shard) : 0, memory_order_relaxed);
  }
  switch (lock.outcome()) {
    case RobustLock::Outcome::held:
      break;
    case RobustLock::Outcome::inherited:
      make_whole(lock, shard);
      break;
    case RobustLock::Outcome::timed_out:
      return deadline_passed("another process did not release a shard of the directory of names",
                             "check whether it is stopped, or in a debugger");
    case RobustLock::Outcome::damaged:
      return shard.damaged("its lock is none, or held by a thread that does not exist");
  }
  const auto wrong = shard.damage();
  return wrong ? Result<void>(shard.damaged(*wrong)) : Result<void>();
}

void NameTable::make_whole(RobustLock& lock, DirectoryShard& shard) noexcept {
  {
    const DirectoryShard::Change change(shard);
    NameChange(shard, *objects_).finish();
    shard.rebuild();
    lock.repaired();
    LOCUM_KILL_POINT("repair: lock made good");
  }
  NameWait::wake_all(shard.state());
  NameWatch::ring_all(*segment_);
}

[[gnu::hot]] Result<std::uint64_t> NameTable::bind(const Key& key, const SealOptions& options,
                                                   WaitBudget budget) {
  const auto mine = objects_->pin(key);
  if (!mine) {
    return mine.error();
  }
  const PinHold hold(*objects_, mine->id);
  const std::uint64_t hash = mine->record->name_hash;
  const auto carried = look_.name_in(*mine->record);
  if (!carried || name_hash(key.store, *carried) != hash) {
    return end_overwritten("the name of this object").about(to_string(key));
  }
  DirectoryShard& shard = shard_of(hash);
  std::uint32_t asked = 0;
  auto generation = bind_locked(shard, {key, hash, *carried}, options, budget, asked);
  if (asked != 0) {  // without the lock: waking others takes longer than all the rest
    tell(shard.state(), asked, options.caller_tells);
  }
  return generation;
}

// `asked`: who has to be notified that a new name was bound; the shard's flags for them are cleared.
[[gnu::hot]] Result<std::uint64_t> NameTable::bind_locked(DirectoryShard& shard, const NamedObject& object,
                                                          const SealOptions& options,
                                                          const WaitBudget& budget, std::uint32_t& asked) {
  const auto& [key, hash, name] = object;
  RobustLock lock(shard.state().lock, moment(shard, budget));
  LOCUM_KILL_POINT("bind: locked");
  if (auto ready = prepare(lock, shard, budget); !ready) {
    return ready.error().about(name);
  }
  Found found;
  const Seen seen = look_.walk(shard, hash, key.store, name, found);
  if (seen == Seen::doubtful) {
    return look_.damaged(shard, found).about(name);
  }
  const bool live = seen == Seen::content;
  if (live) {
    objects_->release(found.pin.id);  // the lock keeps it bound
  }
  if (auto allowed = may_bind(live ? found.pin.generation : 0, options); !allowed) {
    return allowed.error().about(name);
  }
  const Result<std::uint32_t> record = live ? Result<std::uint32_t>(found.record) : shard.reserve_record();
  if (!record) {
    return record.error().about(name);
  }
  // 32 bits of these generations number the stores; other names would soon use them up.
  SegmentHeader& header = segment_->header();
  Word64& count = key.store == registry ? header.stores : header.generation;
  const std::uint64_t generation = count.fetch_add(1, memory_order_relaxed) + 1;
  LOCUM_KILL_POINT("bind: generation drawn");
  Word64* const bound = objects_->generation(key);
  if (bound == nullptr || generation == 0 || (live && generation <= found.pin.generation)) {
    return Error(Errc::corrupt,
                 "the segment's count of generations went back, or the object's table entry was overwritten")
        .about(name);
  }
  NameChange change(shard, *objects_);
  const NameChange::Binding to{*record, hash, key, *bound, generation};
  if (live) {
    change.replace(to, found.pin.key);
    return generation;
  }
  change.insert(to);
  asked = shard.state().waiting.exchange(0);
  if (asked != 0) {
    LOCUM_KILL_POINT("bind: flag taken");
  }
  return generation;
}

// Takes the flags of the waiters for new names in this shard.
void NameTable::tell(Shard& shard, std::uint32_t asked, bool caller_tells) noexcept {
  if ((asked & shard_watched) != 0) {
    watch_.ring(caller_tells);
  }
  if ((asked & shard_awaited) != 0) {
    NameWait::wake_all(shard);
  }
}

Result<bool> NameTable::unbind(std::uint32_t store, std::string_view name, const Key& only,
                               WaitBudget budget) {
  const std::uint64_t hash = name_hash(store, name);
  DirectoryShard& shard = shard_of(hash);
  RobustLock lock(shard.state().lock, moment(shard, budget));
  LOCUM_KILL_POINT("unbind: locked");
  if (auto ready = prepare(lock, shard, budget); !ready) {
    return ready.error().about(name);
  }
  Found found;
  switch (look_.walk(shard, hash, store, name, found)) {
    case Seen::nothing:
      return false;
    case Seen::doubtful:
      return look_.damaged(shard, found).about(name);
    case Seen::content:
      break;
  }
  objects_->release(found.pin.id);
  if (only.valid() && found.pin.key != only) {
    return false;
  }
  NameChange(shard, *objects_).remove(found.record, hash, found.pin.key);
  return true;
}

Result<std::uint64_t> NameTable::generation(std::uint64_t hash, WaitBudget budget) {
  DirectoryShard& shard = shard_of(hash);
  std::uint64_t live = 0;
  const auto looked = undisturbed(shard, budget, {}, [&] {
    live = 0;
    const auto walked = shard.visit_chain(hash, [&](std::uint32_t index) {
      live = shard.record(index).generation.load(memory_order_acquire);
      return true;
    });
    return walked == DirectoryShard::Walk::broken_link ? Seen::doubtful : Seen::nothing;
  });
  return looked ? Result<std::uint64_t>(live) : looked.error();
}

// A bound name keeps its record for all its generations, so that one pass over the records meets it exactly
// once.
Result<std::vector<std::string>> NameTable::names(std::uint32_t store, std::string_view prefix,
                                                  WaitBudget budget) {
  std::vector<std::string> all;
  for (DirectoryShard& shard : shards_) {
    Found found;
    const auto figures =
        undisturbed(shard, budget, found, [&] { return shard.damage() ? Seen::doubtful : Seen::nothing; });
    if (!figures) {
      return figures.error();
    }
    const std::uint32_t used = shard.records_used();
    for (std::uint32_t at = 0; at < used; ++at) {
      std::string name;  // never empty once found
      const auto looked = undisturbed(shard, budget, found,
                                      [&] { return look_.read(shard, at, store, prefix, name, found); });
      if (!looked) {
        return looked.error();
      }
      if (!name.empty()) {
        all.push_back(std::move(name));
      }
    }
  }
  return all;
}

Result<Pin> NameTable::wait(std::uint32_t store, std::string_view name, Deadline::Clock::time_point moment) {
  Shard& state = shard_of(name_hash(store, name)).state();
  for (;;) {
    NameWait waiting(state);
    auto found = find(store, name, moment);
    if (found || found.error().code() != Errc::not_found) {
      return found;
    }
    if (Deadline::Clock::now() >= moment) {
      return name_not_put().about(name);
    }
    waiting.sleep(moment);
  }
}

bool NameTable::watch(std::uint64_t hash, std::shared_ptr<NameWatcher> watcher) {
  return watch_.watch(shard_of(hash).state(), std::move(watcher));
}

// A shard whose lock a live process holds is whole, or is being repaired by that process.
void NameTable::repair() noexcept {
  for (DirectoryShard& shard : shards_) {
    {
      RobustLock lock(shard.state().lock, Deadline::Clock::time_point::min());
      if (lock.outcome() == RobustLock::Outcome::inherited) {
        make_whole(lock, shard);
      }
    }
    NameWait::wake_all(shard.state());
  }
  NameWatch::ring_all(*segment_);
}

}  // namespace locum::shm
