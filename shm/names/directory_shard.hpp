#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <string>

#include "core/value/key.hpp"
#include "core/value/result.hpp"
#include "shm/segment/segment.hpp"

namespace locum::shm {

/// The shard of a name: the top bits of its hash; the bottom bits select the bucket.
[[nodiscard]] constexpr std::uint32_t shard_index(std::uint64_t hash) noexcept {
  static_assert(shard_count == 64);
  return static_cast<std::uint32_t>(hash >> 58U);
}

/// One shard of the directory, as mapped in this process: a linear-hashing table (Litwin 1980) of chained
/// records that grows by one bucket at a time. Cheap to copy; it knows chains and memory, not the meaning of
/// records. Any thread may look up; only the holder of the shard's lock may change.
class DirectoryShard {
 public:
  /// The sequence is odd during its lifetime: readers that see a change retry.
  class Change {
   public:
    explicit Change(DirectoryShard& shard) noexcept;
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;
    ~Change();

   private:
    Shard& state_;
  };

  DirectoryShard(Segment& segment, std::uint32_t index) noexcept;

  [[nodiscard]] Shard& state() const noexcept { return *state_; }
  [[nodiscard]] std::uint32_t index() const noexcept { return index_; }
  [[nodiscard]] Record& record(std::uint32_t index) const noexcept { return records_[index]; }
  /// Records ever used: the range of indices for a pass over all of them.
  [[nodiscard]] std::uint32_t records_used() const noexcept;

  /// Whether a holder of the lock, dead or alive, is about to bind an object whose maker is dead. Needs no
  /// lock: the intents of others name no such object.
  [[nodiscard]] bool is_to_bind(const Key& key) const noexcept;

  /// How following a chain ended.
  enum class Walk : std::uint8_t {
    ended,        ///< at its end
    found,        ///< where `visit` said true
    broken_link,  ///< at an invalid link: changed meanwhile, or damaged
  };

  /// Calls `visit(index)` for the records with this hash, until it returns true. Follows no link out of the
  /// shard, and ends always: a record of another bucket, or more steps than there are records, end it as
  /// `broken_link`.
  template <class Visit>
  Walk visit_chain(std::uint64_t hash, Visit&& visit) const {
    const std::uint32_t buckets = state_->buckets.load(std::memory_order_acquire);
    const std::uint32_t records = state_->records.load(std::memory_order_acquire);
    if (!sound(buckets, records)) [[unlikely]] {
      return Walk::broken_link;
    }
    if (buckets == 0) {
      return Walk::ended;
    }
    const std::uint32_t bucket = bucket_of(hash, buckets);
    std::uint32_t next = heads_[bucket].load(std::memory_order_acquire);
    for (std::uint32_t steps = 0; next != 0; ++steps) {
      if (next > records || steps == records) [[unlikely]] {
        return Walk::broken_link;
      }
      const Record& at = records_[next - 1];
      const std::uint64_t there = at.hash.load(std::memory_order_acquire);
      if (there == hash) {
        if (visit(next - 1)) {
          return Walk::found;
        }
      } else if (!belongs(there) || bucket_of(there, buckets) != bucket) [[unlikely]] {
        return Walk::broken_link;
      }
      next = at.next.load(std::memory_order_acquire);
    }
    return Walk::ended;
  }
  /// Whether a record with this hash belongs to this shard.
  [[nodiscard]] bool belongs(std::uint64_t hash) const noexcept { return hash != 0 && hash >> 58U == index_; }

  /// Which of the shard's counts are wrong, if any. REQUIRES: the lock is held.
  [[nodiscard]] std::optional<std::string> damage() const;
  /// The error of a damaged shard; `what` says where.
  [[nodiscard]] Error damaged(const std::string& what) const;

  /// Commits the memory of the shard's first names in advance. REQUIRES: the lock is held, or no other
  /// process knows of the segment yet.
  [[nodiscard]] Result<void> commit_first_pages();
  /// Maps the existing part of these pages into this process.
  void touch_first_pages() const noexcept;
  /// A record that is in no chain, committed; it stays free until link(). May split a bucket.
  [[nodiscard]] Result<std::uint32_t> reserve_record();
  /// Links a reserved record, whose words are written, into the chain of its hash.
  void link(std::uint32_t index) noexcept;
  /// Unlinks a record and frees it. REQUIRES: a Change exists.
  void unlink(std::uint32_t index) noexcept;
  /// Rebuilds chains and free list from the records. REQUIRES: a Change exists.
  void rebuild() noexcept;

 private:
  static constexpr std::uint32_t first_buckets = 64;

  // Buckets are added one by one, each when there are more names than buckets; the range
  // beyond these counts may be uncommitted, or belong to others.
  [[nodiscard]] bool sound(std::uint32_t buckets, std::uint32_t records) const noexcept {
    return buckets == 0 ? records == 0
                        : records <= most_records_ && buckets >= first_buckets &&
                              buckets <= std::max(first_buckets, records);
  }
  [[nodiscard]] bool chain_is_whole(std::uint32_t bucket) const noexcept;
  [[nodiscard]] static std::uint32_t bucket_of(std::uint64_t hash, std::uint32_t buckets) noexcept {
    const std::uint32_t mask = std::bit_ceil(buckets) - 1;
    const std::uint32_t bucket = static_cast<std::uint32_t>(hash) & mask;
    return bucket < buckets ? bucket : bucket & (mask >> 1U);
  }
  [[nodiscard]] Result<void> commit_buckets();
  [[nodiscard]] Result<void> commit_records();
  [[nodiscard]] Result<void> split();

  Segment* segment_;
  Shard* state_;
  Record* records_;
  Word32* heads_;
  std::uint32_t index_;
  std::uint32_t most_records_;
};

}  // namespace locum::shm
