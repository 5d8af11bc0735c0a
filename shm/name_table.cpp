#include "shm/name_table.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "core/object_tail.hpp"
#include "shm/futex.hpp"
#include "shm/kill_point.hpp"

namespace locum::shm {

namespace {

constexpr int patience = 64;  ///< disturbed looks before a reader asks for the lock
/// A sleeper looks again this often. No death needs it (repair() wakes all): it is for a writer that was
/// stopped, as by a debugger, before it woke anybody, and for a flag that a stray store cleared.
constexpr std::chrono::milliseconds longest_sleep{200};

using std::memory_order_acq_rel;
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;

void wake(Shard& shard) noexcept {
  shard.published.fetch_add(1, memory_order_acq_rel);
  LOCUM_KILL_POINT("wake: counted");
  futex_wake_all(shard.published);
  LOCUM_KILL_POINT("wake: woken");
}

// All of a record but its hash, by which readers find it.
void write(Record& record, const Key& key, std::uint64_t generation) noexcept {
  record.creator.store(key.creator, memory_order_release);
  LOCUM_KILL_POINT("record: creator written");
  record.object.store(key.serial, memory_order_release);
  LOCUM_KILL_POINT("record: object written");
  record.generation.store(generation, memory_order_release);
  LOCUM_KILL_POINT("record: generation written");
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
      lock_timeout_(lock_timeout),
      segment_bytes_(segment_->geometry().total_bytes()) {
  shards_.reserve(shard_count);
  for (std::uint32_t index = 0; index < shard_count; ++index) {
    shards_.emplace_back(*segment_, index);
  }
}

DirectoryShard& NameTable::shard_of(std::uint64_t hash) noexcept {
  return shards_[shard_index(hash)];
}

// The name that an object carries; none if the record leads out of the mapping, whatever wrote that.
std::optional<std::string_view> NameTable::name_in(const ObjectRecord& record) const noexcept {
  const std::uint64_t bytes = record.block_bytes();
  if (record.size_bytes > segment_bytes_ || bytes > segment_bytes_ ||
      record.offset > segment_bytes_ - bytes) {
    return std::nullopt;
  }
  return read_name(segment_->base() + record.offset, record);
}

// What a record points to, if it is a live object of this store that is bound to a name.
std::optional<Pin> NameTable::pin_bound(const Record& record, std::uint32_t store) {
  const std::uint32_t creator = record.creator.load(memory_order_acquire);
  const std::uint64_t object = record.object.load(memory_order_acquire);
  auto pin = objects_->try_pin(Key{store, creator, object});
  if (pin && pin->generation == 0) {
    objects_->release(pin->id);
    return std::nullopt;
  }
  return pin;
}

// What is wrong with a record, once nothing moves: nothing if it names a live object, bound or about to be.
const char* NameTable::wrong_with(const DirectoryShard& shard, const Record& record) const {
  const Key key{0, record.creator.load(memory_order_acquire), record.object.load(memory_order_acquire)};
  return !shard.belongs(record.hash.load(memory_order_acquire)) ? "its hash belongs to another shard"
         : objects_->damage(key)                                ? "its object's table entry is damaged"
         : !objects_->live(key)                                 ? "it names no live object"
                                                                : nullptr;
}

NameTable::Look NameTable::walk(const DirectoryShard& shard, std::uint64_t hash, std::uint32_t store,
                                std::string_view name, Found& found) {
  found.wrong = nullptr;
  const auto doubt = [&](std::uint32_t index, const char* wrong) {
    found.record = index;
    found.wrong = wrong;
  };
  const auto walked = shard.visit_chain(hash, [&](std::uint32_t index) {
    const Record& record = shard.record(index);
    const auto pin = pin_bound(record, store);
    if (!pin) {
      if (const char* wrong = wrong_with(shard, record)) {
        doubt(index, wrong);
      }
      return false;
    }
    const auto carried = name_in(*pin->record);
    const bool same = pin->record->name_hash == hash && carried == name;
    if (same && pin->generation == record.generation.load(memory_order_acquire)) [[likely]] {
      found.record = index;
      found.pin = *pin;
      return true;
    }
    if (same) {
      doubt(index, "its generation is not its object's");
    } else if (pin->record->name_hash != hash) {
      doubt(index, "its object has another name's hash");
    } else if (!carried || name_hash(store, *carried) != hash) {
      doubt(index, "its object's name was overwritten");
    }
    objects_->release(pin->id);
    return false;
  });
  if (walked == DirectoryShard::Walk::found) {
    return Look::content;
  }
  return walked == DirectoryShard::Walk::ended && found.wrong == nullptr ? Look::nothing : Look::doubtful;
}

Error NameTable::damaged(const DirectoryShard& shard, const Found& found) const {
  if (found.wrong == nullptr) {
    return shard.damaged(shard.damage().value_or("a chain leads astray"));
  }
  const Record& record = shard.record(found.record);
  const auto cause = objects_->damage(
      {0, record.creator.load(memory_order_acquire), record.object.load(memory_order_acquire)});
  return cause ? *cause : shard.damaged("record " + std::to_string(found.record) + ": " + found.wrong);
}

// Repeats `see` until it is content with what it saw, or saw nothing and no writer came between; if writers
// never leave it alone, one died in the middle, or what it saw makes no sense, under the lock, where nothing
// moves.
template <class See>
Result<void> NameTable::undisturbed(DirectoryShard& shard, Deadline deadline, const Found& found, See see) {
  const Word64& sequence = shard.state().sequence;
  for (int looks = 0; looks < patience; ++looks) {
    const std::uint64_t before = sequence.load(memory_order_acquire);
    const Look seen = see();
    const bool alone = before % 2 == 0 && sequence.load(memory_order_acquire) == before;
    if (seen == Look::content || (seen == Look::nothing && alone)) {
      return {};
    }
    if (alone) {
      break;
    }
    std::this_thread::yield();
  }
  RobustLock lock(shard.state().lock, deadline.moment(lock_timeout_));
  if (auto ready = prepare(lock, shard); !ready) {
    return ready;
  }
  return see() == Look::doubtful ? Result<void>(damaged(shard, found)) : Result<void>();
}

Result<Pin> NameTable::find(std::uint32_t store, std::string_view name) {
  return find_by(store, name, {});
}

Result<Pin> NameTable::find_by(std::uint32_t store, std::string_view name, Deadline deadline) {
  const std::uint64_t hash = name_hash(store, name);
  DirectoryShard& shard = shard_of(hash);
  Found found;
  Look seen = Look::nothing;
  const auto looked =
      undisturbed(shard, deadline, found, [&] { return seen = walk(shard, hash, store, name, found); });
  if (seen == Look::content) {
    return found.pin;
  }
  return looked ? no_such_object() : looked.error().about(name);
}

// With the lock in hand: the shard is whole, whoever held the lock before.
Result<void> NameTable::prepare(RobustLock& lock, DirectoryShard& shard) {
  switch (lock.outcome()) {
    case RobustLock::Outcome::held:
      break;
    case RobustLock::Outcome::inherited:
      make_whole(lock, shard);
      break;
    case RobustLock::Outcome::timed_out:
      return Error(Errc::timeout,
                   "another process has held a part of the directory for too long; is it stopped, or in a "
                   "debugger?");
    case RobustLock::Outcome::damaged:
      return shard.damaged("its lock is none, or held by a thread that does not exist");
  }
  const auto wrong = shard.damage();
  return wrong ? Result<void>(shard.damaged(*wrong)) : Result<void>();
}

void NameTable::make_whole(RobustLock& lock, DirectoryShard& shard) noexcept {
  {
    const DirectoryShard::Change change(shard);
    finish(shard);
    shard.rebuild();
    lock.repaired();
    LOCUM_KILL_POINT("repair: lock made good");
  }
  wake(shard.state());
}

// Completes what the lock's last holder began, but for chains and free list; doing it twice changes nothing.
void NameTable::finish(DirectoryShard& shard) noexcept {
  Shard& state = shard.state();
  Intent& intent = state.intent;
  const auto step = static_cast<Intent::Step>(intent.step.load(memory_order_acquire));
  if (step == Intent::Step::none || step > Intent::Step::remove || !shard.belongs(intent.hash) ||
      intent.record >= state.records.load(memory_order_relaxed)) {
    intent.step.store(0,
                      memory_order_release);  // overwritten: nobody is to finish the next one under its step
    return;
  }
  Record& record = shard.record(intent.record);
  if (step == Intent::Step::remove) {
    if (record.object.load(memory_order_relaxed) == intent.old_object &&
        record.creator.load(memory_order_relaxed) == intent.old_creator) {
      record.hash.store(0, memory_order_release);
      LOCUM_KILL_POINT("finish: hash cleared");
    }
  } else {
    const Key key{0, intent.new_creator.load(memory_order_relaxed),
                  intent.new_object.load(memory_order_relaxed)};
    if (Word64* word = objects_->generation(key)) {
      word->store(intent.generation, memory_order_release);
      LOCUM_KILL_POINT("finish: object bound");
    }
    write(record, key, intent.generation);
    record.hash.store(intent.hash, memory_order_release);
    LOCUM_KILL_POINT("finish: hash written");
    if (state.records_used.load(memory_order_relaxed) <= intent.record) {
      state.records_used.store(intent.record + 1, memory_order_release);
    }
  }
  if (step != Intent::Step::insert) {
    (void)objects_->tombstone(Key{0, intent.old_creator, intent.old_object});
  }
  intent.step.store(0, memory_order_release);
  LOCUM_KILL_POINT("finish: intent cleared");
}

Result<std::uint64_t> NameTable::bind(const Key& key, const SealOptions& options) {
  const auto mine = objects_->pin(key);
  if (!mine) {
    return mine.error();
  }
  const PinHold hold(*objects_, mine->id);
  const std::uint64_t hash = mine->record->name_hash;
  const auto carried = name_in(*mine->record);
  if (!carried || name_hash(key.store, *carried) != hash) {
    return Error(Errc::corrupt, "the name of this object was overwritten before it was bound")
        .about(to_string(key));
  }
  const std::string_view name = *carried;
  DirectoryShard& shard = shard_of(hash);
  Shard& state = shard.state();
  RobustLock lock(state.lock, Deadline().moment(lock_timeout_));
  LOCUM_KILL_POINT("bind: locked");
  if (auto ready = prepare(lock, shard); !ready) {
    return ready.error().about(name);
  }
  Found found;
  const Look seen = walk(shard, hash, key.store, name, found);
  const bool live = seen == Look::content;
  if (seen == Look::doubtful) {
    return damaged(shard, found).about(name);
  }
  if (live) {
    objects_->release(found.pin.id);  // the lock keeps it bound
    if (options.mode == SealMode::put) {
      return Error(Errc::key_exists, "this name is live; evict it first, or use replace()").about(name);
    }
    if (options.expected_generation != 0 && found.pin.generation != options.expected_generation) {
      return Error(Errc::stale, "generation " + std::to_string(found.pin.generation) +
                                    " is live, expected was " + std::to_string(options.expected_generation))
          .about(name);
    }
  } else if (options.expected_generation != 0) {
    return no_such_object().about(name);
  }
  const Result<std::uint32_t> index = live ? Result<std::uint32_t>(found.record) : shard.reserve_record();
  if (!index) {
    return index.error().about(name);
  }
  Record& record = shard.record(*index);
  const std::uint64_t generation = segment_->header().generation.fetch_add(1, memory_order_relaxed) + 1;
  LOCUM_KILL_POINT("bind: generation drawn");
  Word64* const bound = objects_->generation(key);
  if (bound == nullptr || generation == 0 || (live && generation <= found.pin.generation)) {
    return Error(Errc::corrupt,
                 "the segment's count of generations went back, or the object's table entry was overwritten")
        .about(name);
  }
  Intent& intent = state.intent;
  intent.record = *index;
  intent.hash = hash;
  intent.generation = generation;
  intent.new_creator.store(key.creator, memory_order_release);
  LOCUM_KILL_POINT("bind: intent half written");
  intent.new_object.store(key.serial, memory_order_release);
  intent.old_object = live ? found.pin.key.serial : 0;
  intent.old_creator = live ? found.pin.key.creator : 0;
  LOCUM_KILL_POINT("bind: intent written");
  intent.step.store(static_cast<std::uint32_t>(live ? Intent::Step::replace : Intent::Step::insert),
                    memory_order_release);
  LOCUM_KILL_POINT("bind: intended");
  const auto bind_object = [&] {
    bound->store(generation, memory_order_release);
    LOCUM_KILL_POINT("bind: object bound");
  };
  if (live) {
    bind_object();
    const DirectoryShard::Change change(shard);
    write(record, key, generation);
    (void)objects_->tombstone(found.pin.key);
  } else {
    write(record, key, generation);
    record.hash.store(hash, memory_order_release);
    LOCUM_KILL_POINT("bind: hash written");
    shard.link(*index);
    bind_object();  // last: the moment from which on find() and names() believe the record, both of them
  }
  intent.step.store(0, memory_order_release);
  LOCUM_KILL_POINT("bind: intent cleared");
  if (!live && state.waiting.exchange(0, memory_order_acq_rel) != 0) {
    LOCUM_KILL_POINT("bind: flag taken");
    wake(state);
  }
  return generation;
}

Result<bool> NameTable::unbind(std::uint32_t store, std::string_view name, const Key& only) {
  const std::uint64_t hash = name_hash(store, name);
  DirectoryShard& shard = shard_of(hash);
  Shard& state = shard.state();
  RobustLock lock(state.lock, Deadline().moment(lock_timeout_));
  LOCUM_KILL_POINT("unbind: locked");
  if (auto ready = prepare(lock, shard); !ready) {
    return ready.error().about(name);
  }
  Found found;
  switch (walk(shard, hash, store, name, found)) {
    case Look::nothing:
      return false;
    case Look::doubtful:
      return damaged(shard, found).about(name);
    case Look::content:
      break;
  }
  objects_->release(found.pin.id);
  if (only.valid() && found.pin.key != only) {
    return false;
  }
  Intent& intent = state.intent;
  intent.record = found.record;
  intent.hash = hash;
  intent.old_object = found.pin.key.serial;
  intent.old_creator = found.pin.key.creator;
  LOCUM_KILL_POINT("unbind: intent written");
  intent.step.store(static_cast<std::uint32_t>(Intent::Step::remove), memory_order_release);
  LOCUM_KILL_POINT("unbind: intended");
  {
    const DirectoryShard::Change change(shard);
    (void)objects_->tombstone(found.pin.key);
    shard.unlink(found.record);
  }
  intent.step.store(0, memory_order_release);
  LOCUM_KILL_POINT("unbind: intent cleared");
  return true;
}

std::uint64_t NameTable::generation(std::uint64_t hash) {
  DirectoryShard& shard = shard_of(hash);
  std::uint64_t live = 0;
  const auto looked = undisturbed(shard, {}, {}, [&] {
    live = 0;
    const auto walked = shard.visit_chain(hash, [&](std::uint32_t index) {
      live = shard.record(index).generation.load(memory_order_acquire);
      return true;
    });
    return walked == DirectoryShard::Walk::astray ? Look::doubtful : Look::nothing;
  });
  return looked ? live : 0;
}

// A live name keeps its record whatever its generation, so that one pass over the records meets it exactly
// once.
Result<std::vector<std::string>> NameTable::names(std::uint32_t store, std::string_view prefix) {
  std::vector<std::string> all;
  for (DirectoryShard& shard : shards_) {
    Found found;
    const auto figures =
        undisturbed(shard, {}, found, [&] { return shard.damage() ? Look::doubtful : Look::nothing; });
    if (!figures) {
      return figures.error();
    }
    const std::uint32_t used = shard.records_used();
    for (std::uint32_t at = 0; at < used; ++at) {
      const Record& record = shard.record(at);
      std::string name;  // never empty once found
      const auto looked = undisturbed(shard, {}, found, [&] {
        name.clear();
        found = {.record = at, .pin = {}, .wrong = nullptr};
        const std::uint64_t hash = record.hash.load(memory_order_acquire);
        if (hash == 0) {
          return Look::content;  // a live name's record is never without a hash
        }
        if (const auto pin = pin_bound(record, store)) {
          const auto carried = name_in(*pin->record);
          if (!carried || pin->record->name_hash != hash || name_hash(store, *carried) != hash) {
            found.wrong = "its object has another name";
          } else if (carried->starts_with(prefix)) {
            name = *carried;
          }
          objects_->release(pin->id);
        } else {
          found.wrong = wrong_with(shard, record);
        }
        return found.wrong != nullptr ? Look::doubtful : Look::nothing;
      });
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
    const std::uint32_t seen = state.published.load(memory_order_acquire);
    // An exchange, not a store: it comes after the last taker's in one order, and so sees what that linked.
    (void)state.waiting.exchange(1, memory_order_acq_rel);
    LOCUM_KILL_POINT("wait: flag up");
    auto found = find_by(store, name, moment);
    if (found || found.error().code() != Errc::not_found) {
      return found;
    }
    const auto now = Deadline::Clock::now();
    if (now >= moment) {
      return Error(Errc::timeout, "nobody put this name before the deadline").about(name);
    }
    futex_wait(state.published, seen, std::min(moment, now + longest_sleep));
  }
}

// A shard that a living process holds is whole, or that process is making it so.
void NameTable::repair() noexcept {
  for (DirectoryShard& shard : shards_) {
    {
      RobustLock lock(shard.state().lock, Deadline::Clock::time_point::min());
      if (lock.outcome() == RobustLock::Outcome::inherited) {
        make_whole(lock, shard);
      }
    }
    wake(shard.state());
  }
}

}  // namespace locum::shm
