#include "shm/name_table.hpp"

#include <algorithm>
#include <bit>
#include <climits>
#include <thread>
#include <utility>

#include "core/object_tail.hpp"
#include "shm/futex.hpp"

namespace locum::shm {

namespace {

constexpr std::uint32_t first_buckets = 64;
constexpr int patience = 64;  ///< disturbed looks before a reader asks for the lock

using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;
using std::memory_order_seq_cst;

std::uint32_t bucket_of(std::uint64_t hash, std::uint32_t buckets) noexcept {
  const std::uint32_t mask = std::bit_ceil(buckets) - 1;
  const std::uint32_t bucket = static_cast<std::uint32_t>(hash) & mask;
  return bucket < buckets ? bucket : bucket & (mask >> 1U);
}

Error no_such_name(std::string_view name) {
  return Error(Errc::not_found, "no object has this name; it was never put, or it has been evicted")
      .about(name);
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

/// Odd while it lives: readers that come across a change look again.
class Change {
 public:
  explicit Change(Shard& shard) noexcept : shard_(shard) {
    shard_.sequence.fetch_add(1, std::memory_order_acq_rel);
  }
  Change(const Change&) = delete;
  Change& operator=(const Change&) = delete;
  ~Change() { shard_.sequence.fetch_add(1, memory_order_release); }

 private:
  Shard& shard_;
};

}  // namespace

NameTable::NameTable(std::shared_ptr<Segment> segment, std::shared_ptr<ObjectTable> objects,
                     std::chrono::milliseconds lock_timeout)
    : segment_(std::move(segment)), objects_(std::move(objects)), lock_timeout_(lock_timeout) {}

NameTable::Tables NameTable::tables_at(std::uint32_t shard) const noexcept {
  const Geometry& geometry = segment_->geometry();
  std::byte* base = segment_->base();
  return {segment_->shard(shard), reinterpret_cast<Record*>(base + geometry.records_offset(shard)),
          reinterpret_cast<Word32*>(base + geometry.buckets_offset(shard)), shard};
}

// The shard is taken from the top of the hash, the bucket from its bottom.
NameTable::Tables NameTable::tables(std::uint64_t hash) const noexcept {
  static_assert(shard_count == 64);
  return tables_at(static_cast<std::uint32_t>(hash >> 58U));
}

std::optional<NameTable::Found> NameTable::walk(const Tables& at, std::uint64_t hash, std::uint32_t store,
                                                std::string_view name) {
  const std::uint32_t buckets = at.shard.buckets.load(memory_order_acquire);
  if (buckets == 0) {
    return std::nullopt;
  }
  const std::uint32_t records = at.shard.records.load(memory_order_acquire);
  std::uint32_t next = at.heads[bucket_of(hash, buckets)].load(memory_order_acquire);
  // A chain that changes under the reader may lead in circles; no chain is longer than there are records.
  for (std::uint32_t steps = 0; next != 0 && next <= records && steps < records; ++steps) {
    const Record& record = at.records[next - 1];
    if (record.hash.load(memory_order_acquire) == hash) {
      const std::uint32_t creator = record.creator.load(memory_order_acquire);
      const std::uint64_t object = record.object.load(memory_order_acquire);
      if (const auto pin = objects_->pin(Key{store, creator, object})) {
        // Generation 0: published and not yet bound, met because creator and serial were read while they
        // changed.
        const ObjectRecord& found = *pin->record;
        if (pin->generation != 0 && found.name_hash == hash &&
            read_name(segment_->base() + found.offset, found) == name) {
          return Found{next - 1, *pin};
        }
        objects_->release(pin->id);
      }
    }
    next = record.next.load(memory_order_acquire);
  }
  return std::nullopt;
}

Result<Pin> NameTable::find(std::uint32_t store, std::string_view name) {
  const std::uint64_t hash = name_hash(store, name);
  const Tables at = tables(hash);
  for (int look = 0; look < patience; ++look) {
    const std::uint64_t before = at.shard.sequence.load(memory_order_acquire);
    if (const auto found = walk(at, hash, store, name)) {
      return found->pin;
    }
    if (before % 2 == 0 && at.shard.sequence.load(memory_order_acquire) == before) {
      return no_such_name(name);
    }
    std::this_thread::yield();
  }
  // Writers never leave us alone, or one died in the middle: with the lock, nothing moves.
  RobustLock lock(at.shard.lock, Deadline::Clock::now() + lock_timeout_);
  if (auto ready = prepare(lock, at); !ready) {
    return ready.error();
  }
  if (const auto found = walk(at, hash, store, name)) {
    return found->pin;
  }
  return no_such_name(name);
}

// With the lock in hand: the shard is whole, whoever held the lock before.
Result<void> NameTable::prepare(RobustLock& lock, const Tables& at) {
  switch (lock.outcome()) {
    case RobustLock::Outcome::held:
      return {};
    case RobustLock::Outcome::inherited:
      finish(at);
      rebuild(at);
      lock.repaired();
      return {};
    case RobustLock::Outcome::timed_out:
      return Error(
          Errc::timeout,
          "another process has held a part of the directory for longer than the runtime's timeout; is it "
          "stopped, or in a debugger?");
    case RobustLock::Outcome::damaged:
      break;
  }
  return Error(Errc::corrupt, "the lock of directory shard " + std::to_string(at.index) +
                                  " is damaged; something wrote into the node's memory");
}

// Completes what the lock's last holder began; doing it twice changes nothing.
void NameTable::finish(const Tables& at) {
  Intent& intent = at.shard.intent;
  const auto step = static_cast<Intent::Step>(intent.step.load(memory_order_acquire));
  Record& record = at.records[intent.record];
  switch (step) {
    case Intent::Step::none:
      return;
    case Intent::Step::insert:
    case Intent::Step::replace: {
      if (Word64* word = objects_->generation(Key{0, intent.new_creator, intent.new_object})) {
        word->store(intent.generation, memory_order_release);
      }
      record.creator.store(intent.new_creator, memory_order_release);
      record.object.store(intent.new_object, memory_order_release);
      record.generation.store(intent.generation, memory_order_release);
      record.hash.store(intent.hash, memory_order_release);
      if (step == Intent::Step::insert && at.shard.records_used.load(memory_order_relaxed) <= intent.record) {
        at.shard.records_used.store(intent.record + 1, memory_order_release);
      }
      break;
    }
    case Intent::Step::remove:
      record.hash.store(0, memory_order_release);
      break;
  }
  if (step != Intent::Step::insert) {
    (void)objects_->tombstone(Key{0, intent.old_creator, intent.old_object});
  }
  intent.step.store(0, memory_order_release);
}

// Chains and free list anew from the records.
void NameTable::rebuild(const Tables& at) {
  Shard& shard = at.shard;
  const bool was_odd = shard.sequence.load(memory_order_relaxed) % 2 != 0;
  if (!was_odd) {
    shard.sequence.fetch_add(1, std::memory_order_acq_rel);
  }
  const std::uint32_t buckets = shard.buckets.load(memory_order_relaxed);
  for (std::uint32_t bucket = 0; bucket < buckets; ++bucket) {
    at.heads[bucket].store(0, memory_order_release);
  }
  std::uint32_t free_record = 0;
  std::uint32_t live = 0;
  for (std::uint32_t index = shard.records_used.load(memory_order_relaxed); index-- > 0;) {
    Record& record = at.records[index];
    const std::uint64_t hash = record.hash.load(memory_order_relaxed);
    Word32& head = at.heads[bucket_of(hash, buckets)];
    record.next.store(hash == 0 ? free_record : head.load(memory_order_relaxed), memory_order_release);
    if (hash == 0) {
      free_record = index + 1;
    } else {
      head.store(index + 1, memory_order_release);
      ++live;
    }
  }
  shard.free_record.store(free_record, memory_order_release);
  shard.live_records.store(live, memory_order_release);
  shard.sequence.fetch_add(1, memory_order_release);
  shard.published.fetch_add(1, memory_order_seq_cst);
  futex_wake_all(shard.published);
}

Result<std::uint32_t> NameTable::reserve_record(const Tables& at) {
  Shard& shard = at.shard;
  const Geometry& geometry = segment_->geometry();
  if (shard.buckets.load(memory_order_relaxed) == 0) {
    if (auto done = segment_->commit(geometry.buckets_offset(at.index), page_bytes); !done) {
      return done.error();
    }
    shard.buckets.store(first_buckets, memory_order_release);
  }
  if (const std::uint32_t free_record = shard.free_record.load(memory_order_relaxed); free_record != 0) {
    return free_record - 1;
  }
  const std::uint32_t used = shard.records_used.load(memory_order_relaxed);
  const std::uint32_t committed = shard.records.load(memory_order_relaxed);
  if (used == committed) {
    const std::uint64_t bytes = std::uint64_t{committed} * sizeof(Record);
    const std::uint64_t growth =
        std::min(std::clamp<std::uint64_t>(bytes / 4, page_bytes, 256 * page_bytes) / page_bytes * page_bytes,
                 geometry.directory_bytes - bytes);
    if (growth == 0) {
      return Error(Errc::out_of_memory,
                   "the directory's address range for these names is full; set LOCUM_MEMORY_BYTES higher");
    }
    if (auto done = segment_->commit(geometry.records_offset(at.index) + bytes, growth); !done) {
      return done.error();
    }
    shard.records.store(static_cast<std::uint32_t>((bytes + growth) / sizeof(Record)), memory_order_release);
  }
  return used;
}

// One more bucket: what belongs there comes from its buddy, half the table below.
Result<void> NameTable::split(const Tables& at) {
  Shard& shard = at.shard;
  const std::uint32_t bucket = shard.buckets.load(memory_order_relaxed);
  const std::uint64_t end = std::uint64_t{bucket} * sizeof(Word32);
  if (end % page_bytes == 0) {
    if (auto done = segment_->commit(segment_->geometry().buckets_offset(at.index) + end, page_bytes);
        !done) {
      return done;
    }
  }
  const std::uint32_t buddy = bucket - std::bit_floor(bucket);
  const Change change(shard);
  std::uint32_t next = at.heads[buddy].load(memory_order_relaxed);
  at.heads[buddy].store(0, memory_order_release);
  at.heads[bucket].store(0, memory_order_release);
  shard.buckets.store(bucket + 1, memory_order_release);
  while (next != 0) {
    Record& record = at.records[next - 1];
    const std::uint32_t following = record.next.load(memory_order_relaxed);
    Word32& head = at.heads[bucket_of(record.hash.load(memory_order_relaxed), bucket + 1)];
    record.next.store(head.load(memory_order_relaxed), memory_order_release);
    head.store(next, memory_order_release);
    next = following;
  }
  return {};
}

Result<std::uint64_t> NameTable::bind(const Key& key, const SealOptions& options) {
  const auto mine = objects_->pin(key);
  if (!mine) {
    return mine.error();
  }
  const PinHold hold(*objects_, mine->id);
  const std::uint64_t hash = mine->record->name_hash;
  const std::string_view name = read_name(segment_->base() + mine->record->offset, *mine->record);
  const Tables at = tables(hash);
  Shard& shard = at.shard;
  RobustLock lock(shard.lock, Deadline::Clock::now() + lock_timeout_);
  if (auto ready = prepare(lock, at); !ready) {
    return ready.error();
  }
  const auto found = walk(at, hash, key.store, name);
  if (found) {
    objects_->release(found->pin.id);  // the lock keeps it bound
    if (options.mode == SealMode::put) {
      return Error(Errc::key_exists, "this name is live; evict it first, or use replace()").about(name);
    }
    if (options.expected_generation != 0 && found->pin.generation != options.expected_generation) {
      return Error(Errc::stale, "generation " + std::to_string(found->pin.generation) +
                                    " is live, expected was " + std::to_string(options.expected_generation))
          .about(name);
    }
  } else if (options.expected_generation != 0) {
    return no_such_name(name);
  }
  std::uint32_t index = found ? found->record : 0;
  if (!found) {
    const auto reserved = reserve_record(at);
    if (!reserved) {
      return reserved.error();
    }
    index = *reserved;
    // A longer chain is no error: growth that fails for want of memory is tried again with the next name.
    if (shard.live_records.load(memory_order_relaxed) >= shard.buckets.load(memory_order_relaxed)) {
      (void)split(at);
    }
  }
  Record& record = at.records[index];
  const std::uint64_t generation = segment_->header().generation.fetch_add(1, memory_order_relaxed) + 1;
  Intent& intent = shard.intent;
  intent.record = index;
  intent.hash = hash;
  intent.generation = generation;
  intent.new_object = key.serial;
  intent.new_creator = key.creator;
  intent.old_object = found ? found->pin.key.serial : 0;
  intent.old_creator = found ? found->pin.key.creator : 0;
  intent.step.store(static_cast<std::uint32_t>(found ? Intent::Step::replace : Intent::Step::insert),
                    memory_order_release);
  objects_->generation(key)->store(generation, memory_order_release);
  if (found) {
    const Change change(shard);
    record.creator.store(key.creator, memory_order_release);
    record.object.store(key.serial, memory_order_release);
    record.generation.store(generation, memory_order_release);
    (void)objects_->tombstone(found->pin.key);
  } else {
    if (shard.free_record.load(memory_order_relaxed) == index + 1) {
      shard.free_record.store(record.next.load(memory_order_relaxed), memory_order_release);
    } else {
      shard.records_used.store(index + 1, memory_order_release);
    }
    Word32& head = at.heads[bucket_of(hash, shard.buckets.load(memory_order_relaxed))];
    record.creator.store(key.creator, memory_order_release);
    record.object.store(key.serial, memory_order_release);
    record.generation.store(generation, memory_order_release);
    record.hash.store(hash, memory_order_release);
    record.next.store(head.load(memory_order_relaxed), memory_order_release);
    head.store(index + 1, memory_order_release);
    shard.live_records.fetch_add(1, memory_order_relaxed);
  }
  intent.step.store(0, memory_order_release);
  shard.published.fetch_add(1, memory_order_seq_cst);
  if (shard.waiting.exchange(0, memory_order_seq_cst) != 0) {
    futex_wake_all(shard.published);
  }
  return generation;
}

Result<bool> NameTable::unbind(std::uint32_t store, std::string_view name, const Key& only) {
  const std::uint64_t hash = name_hash(store, name);
  const Tables at = tables(hash);
  Shard& shard = at.shard;
  RobustLock lock(shard.lock, Deadline::Clock::now() + lock_timeout_);
  if (auto ready = prepare(lock, at); !ready) {
    return ready.error();
  }
  const auto found = walk(at, hash, store, name);
  if (!found) {
    return false;
  }
  objects_->release(found->pin.id);
  if (only.valid() && found->pin.key != only) {
    return false;
  }
  Intent& intent = shard.intent;
  intent.record = found->record;
  intent.hash = hash;
  intent.old_object = found->pin.key.serial;
  intent.old_creator = found->pin.key.creator;
  intent.step.store(static_cast<std::uint32_t>(Intent::Step::remove), memory_order_release);
  {
    const Change change(shard);
    (void)objects_->tombstone(found->pin.key);
    Record& record = at.records[found->record];
    Word32* link = &at.heads[bucket_of(hash, shard.buckets.load(memory_order_relaxed))];
    while (link->load(memory_order_relaxed) != found->record + 1) {
      link = &at.records[link->load(memory_order_relaxed) - 1].next;
    }
    link->store(record.next.load(memory_order_relaxed), memory_order_release);
    record.hash.store(0, memory_order_release);
    record.next.store(shard.free_record.load(memory_order_relaxed), memory_order_release);
    shard.free_record.store(found->record + 1, memory_order_release);
    shard.live_records.fetch_sub(1, memory_order_relaxed);
  }
  intent.step.store(0, memory_order_release);
  return true;
}

std::uint64_t NameTable::generation(std::uint64_t hash) {
  const Tables at = tables(hash);
  for (int look = 0; look < patience; ++look) {
    const std::uint64_t before = at.shard.sequence.load(memory_order_acquire);
    const std::uint32_t buckets = at.shard.buckets.load(memory_order_acquire);
    const std::uint32_t records = at.shard.records.load(memory_order_acquire);
    std::uint64_t live = 0;
    std::uint32_t next = buckets == 0 ? 0 : at.heads[bucket_of(hash, buckets)].load(memory_order_acquire);
    for (std::uint32_t steps = 0; next != 0 && next <= records && steps < records; ++steps) {
      const Record& record = at.records[next - 1];
      if (record.hash.load(memory_order_acquire) == hash) {
        live = record.generation.load(memory_order_acquire);
      }
      next = record.next.load(memory_order_acquire);
    }
    if (before % 2 == 0 && at.shard.sequence.load(memory_order_acquire) == before) {
      return live;
    }
    std::this_thread::yield();
  }
  return 0;
}

// A live name keeps its record whatever its generation, so that one pass over the records meets it exactly
// once.
std::vector<std::string> NameTable::names(std::uint32_t store, std::string_view prefix) {
  std::vector<std::string> found;
  for (std::uint32_t shard = 0; shard < shard_count; ++shard) {
    const Tables at = tables_at(shard);
    const std::uint32_t used = at.shard.records_used.load(memory_order_acquire);
    for (std::uint32_t index = 0; index < used; ++index) {
      const Record& record = at.records[index];
      for (int look = 0; look < patience; ++look) {
        const std::uint64_t hash = record.hash.load(memory_order_acquire);
        if (hash == 0) {
          break;
        }
        const std::uint32_t creator = record.creator.load(memory_order_acquire);
        const std::uint64_t object = record.object.load(memory_order_acquire);
        if (const auto pin = objects_->pin(Key{store, creator, object})) {
          const std::string_view name = read_name(segment_->base() + pin->record->offset, *pin->record);
          const bool whole = pin->record->name_hash == hash;
          if (whole && name.starts_with(prefix)) {
            found.emplace_back(name);
          }
          objects_->release(pin->id);
          if (whole) {
            break;
          }
        } else if (record.object.load(memory_order_acquire) == object) {
          break;  // of another store, or just being removed
        }
        std::this_thread::yield();
      }
    }
  }
  return found;
}

Result<Pin> NameTable::wait(std::uint32_t store, std::string_view name, Deadline::Clock::time_point moment) {
  Shard& shard = tables(name_hash(store, name)).shard;
  for (;;) {
    shard.waiting.store(1, memory_order_seq_cst);
    const std::uint32_t seen = shard.published.load(memory_order_seq_cst);
    auto found = find(store, name);
    if (found || found.error().code() != Errc::not_found) {
      return found;
    }
    if (Deadline::Clock::now() >= moment) {
      return Error(Errc::timeout, "nobody put this name before the deadline").about(name);
    }
    futex_wait(shard.published, seen, moment);
  }
}

}  // namespace locum::shm
