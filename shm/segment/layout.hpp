#pragma once

#include <pthread.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/ports/node_table.hpp"

/// The layout of a node's memory; docs/memory_layout.md shows it byte by byte. All positions are offsets from
/// the start of the segment, all structures have a fixed size that is checked here. The address space is
/// reserved generously and committed as it is used: at the start only the first part is committed.
///
///   header · shards · shares · budgets │ per shard: records, buckets │ per rank: entries, pins, arena
namespace locum::shm {

inline constexpr std::uint64_t segment_magic = 0x314D55434F4C0A00U;  // "\0\nLOCUM1", little-endian
inline constexpr std::uint32_t layout_version = 10;
inline constexpr std::uint32_t shard_count = 64;
inline constexpr std::uint64_t page_bytes = 4096;
inline constexpr std::uint32_t entries_per_pin_line = 512;  ///< one cache line of pin bits
inline constexpr std::uint32_t most_budgets = 64;           ///< stores of a node that have one

using Word32 = std::atomic<std::uint32_t>;
using Word64 = std::atomic<std::uint64_t>;
static_assert(Word32::is_always_lock_free && Word64::is_always_lock_free);
static_assert(sizeof(Word64) == 8 && sizeof(Word32) == 4);

/// Sizes that fix all positions; the same in every process of the node.
struct Geometry {
  std::uint32_t ranks = 0;            ///< processes of the node
  std::uint64_t memory_bytes = 0;     ///< upper bound of committed memory
  std::uint64_t arena_bytes = 0;      ///< address range of one rank's arena
  std::uint64_t directory_bytes = 0;  ///< address range of one shard's records, and of its buckets

  /// The largest ranges that fit into `reserve_bytes` of address space, up to what memory_bytes can fill; for
  /// the arenas up to four times as much, or 64 times if objects may leave memory: they keep their addresses.
  [[nodiscard]] static Geometry fit(std::uint32_t ranks, std::uint64_t memory_bytes,
                                    std::uint64_t reserve_bytes, bool spills = false);

  [[nodiscard]] std::uint64_t shards_offset() const noexcept;
  [[nodiscard]] std::uint64_t shares_offset() const noexcept;
  [[nodiscard]] std::uint64_t budgets_offset() const noexcept;
  [[nodiscard]] std::uint64_t counts_offset(std::uint32_t rank) const noexcept;
  /// Header, shards, shares, budgets and counts: committed at the start.
  [[nodiscard]] std::uint64_t head_bytes() const noexcept;
  [[nodiscard]] std::uint64_t records_offset(std::uint32_t shard) const noexcept;
  [[nodiscard]] std::uint64_t buckets_offset(std::uint32_t shard) const noexcept;
  [[nodiscard]] std::uint64_t entries_offset(std::uint32_t rank) const noexcept;
  [[nodiscard]] std::uint64_t entries_bytes() const noexcept;  ///< address range of one rank's entries
  [[nodiscard]] std::uint64_t pins_offset(std::uint32_t rank) const noexcept;
  [[nodiscard]] std::uint64_t pins_bytes()
      const noexcept;  ///< address range of the pin bits for one rank's entries
  [[nodiscard]] std::uint64_t arena_offset(std::uint32_t rank) const noexcept;
  [[nodiscard]] std::uint64_t total_bytes() const noexcept;

  friend bool operator==(const Geometry&, const Geometry&) = default;
};

/// First bytes of the segment.
struct SegmentHeader {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t ranks;
  std::uint64_t memory_bytes;
  std::uint64_t arena_bytes;
  std::uint64_t directory_bytes;
  std::uint64_t incarnation;
  Word64 generation;      ///< the last one given to a name, of all stores but the registry
  Word32 pressure;        ///< counts requests for memory that others could return
  Word32 given_back;      ///< counts replies to them; requesting processes sleep on it
  Word64 stores;          ///< the last generation given to a name of the registry: numbers of stores
  Word32 memory_awaited;  ///< 1: threads may wait for memory; see shm/segment/memory_notice.hpp
  Word32 memory_freed;    ///< counts notices to them; they sleep on it
  Word64 spill_wanted;    ///< bytes that processes should move to disk; see shm/spill/spill_requests.hpp
  Word32 spill_replies;   ///< counts replies to that; processes that wait for memory sleep on it
  Word32 spill_calls;     ///< counts requests for it
  Word32 budgets;         ///< stores that have a budget
  Word32 collect_calls;   ///< counts requests to free evicted objects at once, for the budget of a store
  Word64 highest_bytes;   ///< the most that was committed, of what the limit allowed
  std::array<std::byte, 16> reserved;
};
static_assert(sizeof(SegmentHeader) == 128);

/// State of an entry, in the low byte of its tag. From `live` on without `tombstone` the object exists; see
/// shm/table/disk_entries.cpp for the last four.
enum class EntryState : std::uint8_t {
  free = 0,
  live = 1,
  tombstone = 2,
  moving = 3,     ///< its owner decides whether it leaves memory; nothing has changed yet
  leaving = 4,    ///< its payload is on disk, the memory of it is being given back
  on_disk = 5,    ///< its payload is on disk alone
  returning = 6,  ///< the process that the tag names brings it back
};

/// One object in the table of its creator. One cache line.
struct alignas(64) Entry {
  Word64 tag;  ///< sequence << 32 | state, a tombstone's also its maker: the one word that readers check
  ObjectRecord record;
  Word64 generation;  ///< 0 until bound to a name
};
static_assert(sizeof(Entry) == 64);

/// Whether a process takes part.
enum class ShareState : std::uint32_t {
  absent = 0,   ///< not yet
  present = 1,  ///< takes part, or died and was not adopted yet
  left = 2,     ///< closed its runtime; its memory is not reused
  adopted = 3,  ///< died; the holder of `life` has adopted its share
};

/// The published state of one rank and its entries: a cache line that is rarely written, and one that often
/// is.
struct alignas(64) Share {
  /// Process-shared, robust. Held by a thread of the process for as long as it takes part, so that the system
  /// itself passes it on when the process dies: the process that gets it as `inherited` owns the share.
  pthread_mutex_t life;
  Word32 state;    ///< ShareState
  Word32 adopter;  ///< node rank + 1 of the owner of a dead process's share; 0 while it is alive
  Word64 entries;  ///< number of committed slots, with a check (entries_word()); readers access no others
  Word32 closed_alone;  ///< the rank closed without waiting for the others: see shm/death/closed_alone.hpp
  std::array<std::byte, 4> reserved;
  Word32 retired;        ///< head of the list of tombstoned slots that others handed back, + 1; 0 is empty
  Word32 bell;           ///< counts wake-ups of the arena's background thread, which sleeps on it
  Word64 surplus_bytes;  ///< committed and free, in whole steps: what a request for memory would return
  Word32
      listens;  ///< 1: the owner wants a bell when an entry is handed back; see shm/death/eviction_notice.hpp
  Word32 dead;  ///< known dead entries that the owner has not freed: viewed, or being freed
  Word32 news;  ///< counts names bound while it watched; its listener sleeps on it
  Word32 watching;  ///< 1: the process watches names; see shm/names/name_watch.hpp
  std::array<std::byte, 32> reserved_last;
};
static_assert(sizeof(Share) == 128 && sizeof(pthread_mutex_t) == 40);

/// The budget of a store: see shm/table/shared_accounts.hpp.
struct Budget {
  Word32 store;  ///< its number; 0: not in use
  std::array<std::byte, 4> reserved;
  Word64 limit_bytes;
  Word64 highest_bytes;  ///< the most that its objects took together
  std::array<std::byte, 8> reserved_last;
};
static_assert(sizeof(Budget) == 32);

/// What the objects of a rank's share take, by the position of their store's budget: written by the owner of
/// the share.
struct alignas(64) BudgetCounts {
  std::array<Word64, most_budgets> used_bytes;
};
static_assert(sizeof(BudgetCounts) == 512);

/// A name's record in a shard: its hash, and the object bound to it.
struct Record {
  Word64 hash;    ///< 0 in a free record
  Word64 object;  ///< serial of the object's key
  Word64 generation;
  Word32 creator;
  Word32 next;  ///< record + 1 that follows in the bucket or in the free list; 0 ends
};
static_assert(sizeof(Record) == 32);

/// The change that a writer is about to make to a shard, complete enough for the next holder to finish it.
struct Intent {
  enum class Step : std::uint32_t { none = 0, insert = 1, replace = 2, remove = 3 };
  Word32 step;           ///< written last, cleared last
  std::uint32_t record;  ///< index
  std::uint64_t hash;
  std::uint64_t generation;
  std::uint64_t old_object;
  Word64 new_object;  ///< written after new_creator: readers without the lock read it before
  std::uint32_t old_creator;
  Word32 new_creator;
};
static_assert(sizeof(Intent) == 48);

/// Bits of Shard::waiting. Threads may sleep on `published`.
inline constexpr std::uint32_t shard_awaited = 1;
/// Processes may watch names of this shard (shm/names/name_watch.hpp).
inline constexpr std::uint32_t shard_watched = 2;

/// One shard of the directory: a linear-hashing table of chains. Written under `lock`, read without.
struct alignas(64) Shard {
  pthread_mutex_t lock;  ///< process-shared, robust
  Word64 sequence;       ///< odd while a writer changes chains
  Word32 buckets;        ///< 0 until the first name
  Word32 records;        ///< committed
  Word32 records_used;   ///< high-water mark
  Word32 free_record;    ///< + 1
  Word32 live_records;
  Word32 published;  ///< counts bindings; waiters sleep on it
  Word32 waiting;    ///< shard_awaited, shard_watched: who is notified of new names
  Word32 reserved;
  Intent intent;
};
static_assert(sizeof(Shard) == 128);

}  // namespace locum::shm
