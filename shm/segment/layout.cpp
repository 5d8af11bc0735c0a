#include "shm/segment/layout.hpp"

#include <algorithm>
#include <string>

#include "core/value/error.hpp"

namespace locum::shm {
namespace {

// Arenas and the structures beside them are aligned to this, so that huge pages can be used if available.
constexpr std::uint64_t range_bytes = std::uint64_t{2} << 20U;
constexpr std::uint64_t smallest_memory_bytes = std::uint64_t{1} << 20U;
constexpr std::uint64_t smallest_directory_bytes = std::uint64_t{64} << 10U;
// Blocks of all sizes leave gaps that not every block fits into. A gap returns its memory but keeps its
// addresses, so that an arena needs more addresses than the node has memory.
constexpr std::uint64_t ranges_per_memory = 4;
// An object on disk keeps its addresses, too.
constexpr std::uint64_t ranges_with_disk = 64;
constexpr std::uint64_t records_per_bucket_bytes = 8;  // range of records over range of buckets

// REQUIRES: value + step does not overflow. `step` is a power of two.
constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t step) {
  return (value + step - 1) & ~(step - 1);
}
constexpr std::uint64_t round_down(std::uint64_t value, std::uint64_t step) {
  return value & ~(step - 1);
}

std::uint64_t buckets_bytes(const Geometry& geometry) {
  return round_up(geometry.directory_bytes / records_per_bucket_bytes, page_bytes);
}
std::uint64_t first_rank_offset(const Geometry& geometry) {
  return round_up(geometry.records_offset(shard_count), range_bytes);
}
std::uint64_t rank_stride(const Geometry& geometry) {
  return geometry.entries_bytes() + round_up(geometry.pins_bytes(), range_bytes) + geometry.arena_bytes;
}

}  // namespace

Geometry Geometry::fit(std::uint32_t ranks, std::uint64_t memory_bytes, std::uint64_t reserve_bytes,
                       bool spills) {
  if (ranks == 0) {
    throw Error(Errc::invalid_argument, "a node needs at least one rank");
  }
  Geometry geometry{.ranks = ranks, .memory_bytes = memory_bytes};
  const std::uint64_t least = geometry.head_bytes() + smallest_memory_bytes;
  if (memory_bytes < least) {
    throw Error(Errc::invalid_argument, "memory_bytes = " + std::to_string(memory_bytes) +
                                            " is too small for " + std::to_string(ranks) +
                                            " ranks on a node: give at least " + std::to_string(least));
  }

  // No range needs to be larger than the memory; names take at most about an eighth of the address space.
  const std::uint64_t names_bytes = std::min(memory_bytes / 16, reserve_bytes / (8 * shard_count));
  geometry.directory_bytes = std::max(smallest_directory_bytes, round_down(names_bytes, page_bytes));
  const std::uint64_t fixed = first_rank_offset(geometry);
  const std::uint64_t share = reserve_bytes > fixed ? (reserve_bytes - fixed) / ranks : 0;
  // Entries and arena have the same size at first, and pins are ranks / entries_per_pin_line of that,
  // rounded up: the rounding is what the loop pays for.
  const std::uint64_t fitting = share / (2 * entries_per_pin_line + ranks) * entries_per_pin_line;
  const std::uint64_t whole = round_up(std::min(memory_bytes, reserve_bytes), range_bytes);
  geometry.arena_bytes = std::min(whole, round_down(fitting, range_bytes));
  if (const std::uint64_t taken = rank_stride(geometry); geometry.arena_bytes == whole && taken < share) {
    const std::uint64_t left = round_down(share - taken, range_bytes);
    const std::uint64_t most_ranges = spills ? ranges_with_disk : ranges_per_memory;
    geometry.arena_bytes += std::min(left, whole * std::min(most_ranges - 1, left / whole + 1));
  }
  while (geometry.arena_bytes > 0 && geometry.total_bytes() > reserve_bytes) {
    geometry.arena_bytes -= range_bytes;
  }
  if (geometry.arena_bytes == 0) {
    geometry.arena_bytes = range_bytes;
    throw Error(Errc::invalid_argument, "reserve_bytes = " + std::to_string(reserve_bytes) +
                                            " is too small for " + std::to_string(ranks) +
                                            " ranks on a node: give at least " +
                                            std::to_string(2 * geometry.total_bytes()));
  }
  return geometry;
}

std::uint64_t Geometry::shards_offset() const noexcept {
  return sizeof(SegmentHeader);
}
std::uint64_t Geometry::shares_offset() const noexcept {
  return shards_offset() + shard_count * sizeof(Shard);
}
std::uint64_t Geometry::budgets_offset() const noexcept {
  return shares_offset() + ranks * sizeof(Share);
}
std::uint64_t Geometry::counts_offset(std::uint32_t rank) const noexcept {
  return budgets_offset() + most_budgets * sizeof(Budget) + rank * sizeof(BudgetCounts);
}
std::uint64_t Geometry::head_bytes() const noexcept {
  return round_up(counts_offset(ranks), page_bytes);
}
std::uint64_t Geometry::records_offset(std::uint32_t shard) const noexcept {
  return head_bytes() + shard * (directory_bytes + buckets_bytes(*this));
}
std::uint64_t Geometry::buckets_offset(std::uint32_t shard) const noexcept {
  return records_offset(shard) + directory_bytes;
}
std::uint64_t Geometry::entries_offset(std::uint32_t rank) const noexcept {
  return first_rank_offset(*this) + rank * rank_stride(*this);
}
// The most entries that the memory could hold without anything else.
std::uint64_t Geometry::entries_bytes() const noexcept {
  return memory_bytes < arena_bytes ? round_up(memory_bytes, range_bytes) : arena_bytes;
}
std::uint64_t Geometry::pins_offset(std::uint32_t rank) const noexcept {
  return entries_offset(rank) + entries_bytes();
}
std::uint64_t Geometry::pins_bytes() const noexcept {
  return entries_bytes() / sizeof(Entry) / entries_per_pin_line * ranks * 64;
}
std::uint64_t Geometry::arena_offset(std::uint32_t rank) const noexcept {
  return entries_offset(rank) + rank_stride(*this) - arena_bytes;
}
std::uint64_t Geometry::total_bytes() const noexcept {
  return entries_offset(ranks);
}

}  // namespace locum::shm
