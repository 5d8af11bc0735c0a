#include "shm/names/directory_shard.hpp"

#include <algorithm>
#include <bit>

#include "core/value/errors.hpp"
#include "shm/segment/kill_point.hpp"

namespace locum::shm {

namespace {

using std::memory_order_relaxed;
using std::memory_order_release;

}  // namespace

DirectoryShard::Change::Change(DirectoryShard& shard) noexcept : state_(*shard.state_) {
  // The previous holder of the lock may have died within a change.
  if (state_.sequence.load(memory_order_relaxed) % 2 == 0) {
    state_.sequence.fetch_add(1, std::memory_order_acq_rel);
    LOCUM_KILL_POINT("change: begun");
  }
}

DirectoryShard::Change::~Change() {
  state_.sequence.fetch_add(1, memory_order_release);
  LOCUM_KILL_POINT("change: ended");
}

DirectoryShard::DirectoryShard(Segment& segment, std::uint32_t index) noexcept
    : segment_(&segment),
      state_(&segment.shard(index)),
      records_(reinterpret_cast<Record*>(segment.base() + segment.geometry().records_offset(index))),
      heads_(reinterpret_cast<Word32*>(segment.base() + segment.geometry().buckets_offset(index))),
      index_(index),
      most_records_(static_cast<std::uint32_t>(segment.geometry().directory_bytes / sizeof(Record))) {}

std::uint32_t DirectoryShard::records_used() const noexcept {
  return std::min({state_->records_used.load(std::memory_order_acquire),
                   state_->records.load(std::memory_order_acquire), most_records_});
}

std::optional<std::string> DirectoryShard::damage() const {
  const std::uint32_t buckets = state_->buckets.load(memory_order_relaxed);
  const std::uint32_t records = state_->records.load(memory_order_relaxed);
  const std::uint32_t used = state_->records_used.load(memory_order_relaxed);
  const std::uint32_t free_record = state_->free_record.load(memory_order_relaxed);
  const std::uint32_t live = state_->live_records.load(memory_order_relaxed);
  if (sound(buckets, records) && records % (page_bytes / sizeof(Record)) == 0 && used <= records &&
      free_record <= used && live <= used) {
    return std::nullopt;
  }
  return "its counts contradict each other: " + std::to_string(buckets) + " buckets, " +
         std::to_string(records) + " records, " + std::to_string(used) + " used, " + std::to_string(live) +
         " live, first free " + std::to_string(free_record);
}

Error DirectoryShard::damaged(const std::string& what) const {
  return memory_damaged("directory shard " + std::to_string(index_) + " is damaged: " + what);
}

bool DirectoryShard::chain_is_whole(std::uint32_t bucket) const noexcept {
  const std::uint32_t buckets = state_->buckets.load(memory_order_relaxed);
  const std::uint32_t used = records_used();
  std::uint32_t next = heads_[bucket].load(memory_order_relaxed);
  for (std::uint32_t steps = 0; next != 0; ++steps) {
    if (next > used || steps == used) {
      return false;
    }
    const Record& at = records_[next - 1];
    const std::uint64_t hash = at.hash.load(memory_order_relaxed);
    if (!belongs(hash) || bucket_of(hash, buckets) != bucket) {
      return false;
    }
    next = at.next.load(memory_order_relaxed);
  }
  return true;
}

// A removal does not clear the fields of the last binding, and so may name an object whose maker died before
// it wrote the step. The next binding overwrites creator and object in that order: reading them in the
// reverse order never combines one of each.
bool DirectoryShard::is_to_bind(const Key& key) const noexcept {
  const Intent& intent = state_->intent;
  const auto step = static_cast<Intent::Step>(intent.step.load(std::memory_order_acquire));
  return (step == Intent::Step::insert || step == Intent::Step::replace) &&
         intent.new_object.load(std::memory_order_acquire) == key.serial &&
         intent.new_creator.load(std::memory_order_acquire) == key.creator;
}

Result<void> DirectoryShard::commit_first_pages() {
  if (auto done = commit_buckets(); !done) {
    return done;
  }
  return state_->records.load(memory_order_relaxed) == 0 ? commit_records() : Result<void>();
}

void DirectoryShard::touch_first_pages() const noexcept {
  if (state_->buckets.load(std::memory_order_acquire) != 0) {
    static_cast<void>(heads_[0].load(memory_order_relaxed));
  }
  if (state_->records.load(std::memory_order_acquire) != 0) {
    static_cast<void>(records_[0].hash.load(memory_order_relaxed));
  }
}

Result<void> DirectoryShard::commit_buckets() {
  if (state_->buckets.load(memory_order_relaxed) != 0) {
    return {};
  }
  if (auto done = segment_->commit(segment_->geometry().buckets_offset(index_), page_bytes); !done) {
    return done;
  }
  LOCUM_KILL_POINT("reserve: buckets committed");
  state_->buckets.store(first_buckets, memory_order_release);
  LOCUM_KILL_POINT("reserve: buckets shown");
  return {};
}

[[gnu::hot]] Result<std::uint32_t> DirectoryShard::reserve_record() {
  if (auto done = commit_buckets(); !done) {
    return done.error();
  }
  std::uint32_t index = state_->records_used.load(memory_order_relaxed);
  if (const std::uint32_t free_record = state_->free_record.load(memory_order_relaxed); free_record != 0) {
    index = free_record - 1;
  } else if (index == state_->records.load(memory_order_relaxed)) {
    if (auto done = commit_records(); !done) {
      return done.error();
    }
  }
  const Record& fresh = records_[index];
  if (fresh.hash.load(memory_order_relaxed) != 0 ||
      fresh.next.load(memory_order_relaxed) > state_->records_used.load(memory_order_relaxed)) {
    return damaged("record " + std::to_string(index) + " is in use, and among the free ones");
  }
  // A longer chain is not an error: growth that fails for want of memory is retried with the next name.
  if (state_->live_records.load(memory_order_relaxed) >= state_->buckets.load(memory_order_relaxed)) {
    if (auto done = split(); !done && done.error().code() == Errc::corrupt) {
      return done.error();
    }
  }
  return index;
}

Result<void> DirectoryShard::commit_records() {
  const Geometry& geometry = segment_->geometry();
  const std::uint64_t bytes = std::uint64_t{state_->records.load(memory_order_relaxed)} * sizeof(Record);
  const std::uint64_t growth =
      std::min(std::clamp(bytes / 4, page_bytes, 256 * page_bytes) / page_bytes * page_bytes,
               geometry.directory_bytes - bytes);
  if (growth == 0) {
    return Error(Errc::out_of_memory,
                 "the directory's address range for these names is full; set LOCUM_MEMORY_BYTES higher");
  }
  if (auto done = segment_->commit(geometry.records_offset(index_) + bytes, growth); !done) {
    return done;
  }
  LOCUM_KILL_POINT("reserve: records committed");
  state_->records.store(static_cast<std::uint32_t>((bytes + growth) / sizeof(Record)), memory_order_release);
  LOCUM_KILL_POINT("reserve: records shown");
  return {};
}

// Adds a bucket: its records come from its buddy, half the table below.
Result<void> DirectoryShard::split() {
  const std::uint32_t bucket = state_->buckets.load(memory_order_relaxed);
  const std::uint64_t end = std::uint64_t{bucket} * sizeof(Word32);
  if (end % page_bytes == 0) {
    if (auto done = segment_->commit(segment_->geometry().buckets_offset(index_) + end, page_bytes); !done) {
      return done;
    }
    LOCUM_KILL_POINT("split: buckets committed");
  }
  const std::uint32_t buddy = bucket - std::bit_floor(bucket);
  if (!chain_is_whole(buddy)) {
    return damaged("the chain of bucket " + std::to_string(buddy) + " has an invalid link");
  }
  const Change change(*this);
  std::uint32_t next = heads_[buddy].load(memory_order_relaxed);
  heads_[buddy].store(0, memory_order_release);
  LOCUM_KILL_POINT("split: buddy emptied");
  heads_[bucket].store(0, memory_order_release);
  state_->buckets.store(bucket + 1, memory_order_release);
  LOCUM_KILL_POINT("split: bucket added");
  while (next != 0) {
    Record& moved = records_[next - 1];
    const std::uint32_t following = moved.next.load(memory_order_relaxed);
    Word32& head = heads_[bucket_of(moved.hash.load(memory_order_relaxed), bucket + 1)];
    moved.next.store(head.load(memory_order_relaxed), memory_order_release);
    LOCUM_KILL_POINT("split: record linked");
    head.store(next, memory_order_release);
    LOCUM_KILL_POINT("split: record moved");
    next = following;
  }
  return {};
}

[[gnu::hot]] void DirectoryShard::link(std::uint32_t index) noexcept {
  Record& linked = records_[index];
  if (state_->free_record.load(memory_order_relaxed) == index + 1) {
    state_->free_record.store(linked.next.load(memory_order_relaxed), memory_order_release);
  } else {
    state_->records_used.store(index + 1, memory_order_release);
  }
  LOCUM_KILL_POINT("link: record taken");
  Word32& head =
      heads_[bucket_of(linked.hash.load(memory_order_relaxed), state_->buckets.load(memory_order_relaxed))];
  linked.next.store(head.load(memory_order_relaxed), memory_order_release);
  LOCUM_KILL_POINT("link: next set");
  head.store(index + 1, memory_order_release);
  LOCUM_KILL_POINT("link: in its chain");
  state_->live_records.fetch_add(1, memory_order_relaxed);
  LOCUM_KILL_POINT("link: counted");
}

void DirectoryShard::unlink(std::uint32_t index) noexcept {
  Record& dead = records_[index];
  Word32* link =
      &heads_[bucket_of(dead.hash.load(memory_order_relaxed), state_->buckets.load(memory_order_relaxed))];
  while (link->load(memory_order_relaxed) != index + 1) {
    link = &records_[link->load(memory_order_relaxed) - 1].next;
  }
  link->store(dead.next.load(memory_order_relaxed), memory_order_release);
  LOCUM_KILL_POINT("unlink: out of its chain");
  dead.hash.store(0, memory_order_release);
  LOCUM_KILL_POINT("unlink: hash cleared");
  dead.next.store(state_->free_record.load(memory_order_relaxed), memory_order_release);
  LOCUM_KILL_POINT("unlink: next set");
  state_->free_record.store(index + 1, memory_order_release);
  LOCUM_KILL_POINT("unlink: free");
  state_->live_records.fetch_sub(1, memory_order_relaxed);
  LOCUM_KILL_POINT("unlink: counted");
}

void DirectoryShard::rebuild() noexcept {
  const std::uint32_t buckets = state_->buckets.load(memory_order_relaxed);
  if (!sound(buckets, state_->records.load(memory_order_relaxed))) {
    return;  // their positions are unknown
  }
  state_->records_used.store(records_used(), memory_order_release);
  for (std::uint32_t bucket = 0; bucket < buckets; ++bucket) {
    heads_[bucket].store(0, memory_order_release);
  }
  LOCUM_KILL_POINT("rebuild: buckets emptied");
  std::uint32_t free_record = 0;
  std::uint32_t live = 0;
  for (std::uint32_t index = records_used(); index-- > 0;) {
    Record& each = records_[index];
    const std::uint64_t hash = each.hash.load(memory_order_relaxed);
    if (hash == 0) {
      each.next.store(free_record, memory_order_release);
      free_record = index + 1;
    } else {
      Word32& head = heads_[bucket_of(hash, buckets)];
      each.next.store(head.load(memory_order_relaxed), memory_order_release);
      head.store(index + 1, memory_order_release);
      ++live;
    }
    LOCUM_KILL_POINT("rebuild: a record linked");
  }
  state_->free_record.store(free_record, memory_order_release);
  LOCUM_KILL_POINT("rebuild: free list set");
  state_->live_records.store(live, memory_order_release);
  LOCUM_KILL_POINT("rebuild: counted");
}

}  // namespace locum::shm
