#include "shm/segment/layout.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstddef>
#include <limits>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/value/error.hpp"
#include "core/value/options.hpp"

namespace locum::shm {
namespace {

struct Range {
  std::string name;
  std::uint64_t begin;
  std::uint64_t end;
};

// Every range of a segment, in the required order.
std::vector<Range> ranges(const Geometry& geometry) {
  std::vector<Range> all{
      {"header", 0, sizeof(SegmentHeader)},
      {"shards", geometry.shards_offset(), geometry.shards_offset() + shard_count * sizeof(Shard)},
      {"shares", geometry.shares_offset(), geometry.shares_offset() + geometry.ranks * sizeof(Share)}};
  for (std::uint32_t shard = 0; shard < shard_count; ++shard) {
    all.push_back({"records", geometry.records_offset(shard),
                   geometry.records_offset(shard) + geometry.directory_bytes});
    all.push_back({"buckets", geometry.buckets_offset(shard),
                   geometry.buckets_offset(shard) + geometry.directory_bytes / 8});
  }
  for (std::uint32_t rank = 0; rank < geometry.ranks; ++rank) {
    all.push_back(
        {"entries", geometry.entries_offset(rank), geometry.entries_offset(rank) + geometry.entries_bytes()});
    all.push_back({"pins", geometry.pins_offset(rank), geometry.pins_offset(rank) + geometry.pins_bytes()});
    all.push_back({"arena", geometry.arena_offset(rank), geometry.arena_offset(rank) + geometry.arena_bytes});
  }
  return all;
}

void expect_sound(const Geometry& geometry, std::uint64_t reserve_bytes) {
  std::uint64_t end = 0;
  for (const Range& range : ranges(geometry)) {
    ASSERT_GE(range.begin, end) << range.name << " overlaps the range before it";
    ASSERT_GT(range.end, range.begin) << range.name << " is empty";
    ASSERT_EQ(range.begin % 64, 0U) << range.name;
    const bool committed_apart = range.name != "header" && range.name != "shards" && range.name != "shares";
    if (committed_apart) {
      ASSERT_EQ(range.begin % page_bytes, 0U) << range.name;
      ASSERT_GE(range.begin, geometry.head_bytes()) << range.name;
    } else {
      ASSERT_LE(range.end, geometry.head_bytes()) << range.name;
    }
    if (range.name == "arena") {
      ASSERT_EQ(range.begin % 2_MiB, 0U);
    }
    end = range.end;
  }
  ASSERT_LE(end, geometry.total_bytes());
  ASSERT_LE(geometry.total_bytes(), reserve_bytes);
  ASSERT_EQ(geometry.total_bytes() % page_bytes, 0U);
  // A bit for each (entry, process).
  const std::uint64_t entries = geometry.entries_bytes() / sizeof(Entry);
  ASSERT_GE(geometry.pins_bytes() * 8, entries * geometry.ranks);
}

TEST(Geometry, HoldsAllMemoryInOneArenaWhereTheAddressSpaceAllows) {
  for (const std::uint32_t ranks : {1U, 2U, 5U, 64U}) {
    const Geometry geometry = Geometry::fit(ranks, 3_GiB + 1, 32768_GiB);
    expect_sound(geometry, 32768_GiB);
    EXPECT_EQ(geometry.entries_bytes(), 3_GiB + 2_MiB);
    EXPECT_EQ(geometry.arena_bytes, 4 * (3_GiB + 2_MiB)) << "so that gaps need not be filled";
    EXPECT_GE(geometry.directory_bytes, 3_GiB / 16 - page_bytes);
  }
}

TEST(Geometry, GivesTheArenasWhatTheEntriesNeedNot) {
  const Geometry geometry = Geometry::fit(2, 4_GiB, 24_GiB);
  expect_sound(geometry, 24_GiB);
  EXPECT_EQ(geometry.entries_bytes(), 4_GiB);
  EXPECT_GT(geometry.arena_bytes, 6_GiB);
  EXPECT_LT(geometry.total_bytes() + 3 * 2_MiB, 24_GiB + 4 * 2_MiB);
  EXPECT_GT(geometry.total_bytes() + 3 * 2_MiB, 24_GiB) << "all except rounding";
}

TEST(Geometry, ShrinksTheArenasToTheAddressSpaceThatIsGiven) {
  const Geometry geometry = Geometry::fit(8, 1024_GiB, 64_GiB);
  expect_sound(geometry, 64_GiB);
  EXPECT_LT(geometry.arena_bytes, 4_GiB);
  EXPECT_GT(geometry.arena_bytes, 3_GiB);  // an eighth of 64 GiB, halved, minus names and pins
}

RC_GTEST_PROP(Geometry, RangesAreApartAlignedAndWithinTheReserve, ()) {
  const auto ranks = *rc::gen::inRange<std::uint32_t>(1, 700);
  const auto memory_shift = *rc::gen::inRange(21, 63);
  const auto reserve_shift = *rc::gen::inRange(21, 63);
  const auto odd = *rc::gen::arbitrary<std::uint64_t>();
  const std::uint64_t memory_bytes =
      (std::uint64_t{1} << memory_shift) + odd % (std::uint64_t{1} << memory_shift);
  const std::uint64_t reserve_bytes =
      (std::uint64_t{1} << reserve_shift) + (odd >> 1U) % (std::uint64_t{1} << reserve_shift);
  try {
    const Geometry geometry = Geometry::fit(ranks, memory_bytes, reserve_bytes);
    RC_TAG("fits");
    expect_sound(geometry, reserve_bytes);
    RC_ASSERT(!testing::Test::HasFatalFailure());
  } catch (const Error& error) {
    RC_TAG("refused");
    RC_ASSERT(error.code() == Errc::invalid_argument);
    // It fails only for lack of address space: twice what the smallest ranges need is enough.
    RC_ASSERT(reserve_bytes < std::uint64_t{2} * ranks * 3 * 2_MiB + 64_MiB);
  }
}

TEST(Geometry, NamesTheSmallestMemoryAndTheSmallestReserve) {
  for (const auto& [memory_bytes, reserve_bytes, field] :
       {std::tuple{1_MiB, 32768_GiB, "memory_bytes"}, std::tuple{std::uint64_t{0}, 32768_GiB, "memory_bytes"},
        std::tuple{64_MiB, 8_MiB, "reserve_bytes"}, std::tuple{64_MiB, std::uint64_t{0}, "reserve_bytes"}}) {
    try {
      static_cast<void>(Geometry::fit(4, memory_bytes, reserve_bytes));
      FAIL() << memory_bytes << " of " << reserve_bytes;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::invalid_argument);
      const std::string text = error.text();
      EXPECT_NE(text.find(field), std::string::npos) << text;
      // The amount that the error text names is enough.
      const std::uint64_t least = std::stoull(text.substr(text.find("at least ") + 9));
      const bool memory = std::string(field) == "memory_bytes";
      expect_sound(Geometry::fit(4, memory ? least : memory_bytes, memory ? reserve_bytes : least),
                   memory ? reserve_bytes : least);
    }
  }
}

// The table of docs/memory_layout.md.
TEST(Layout, PutsTheWordsOfAShareWhereTheDocumentSays) {
  EXPECT_EQ(offsetof(Share, life), 0U);
  EXPECT_EQ(offsetof(Share, state), 40U);
  EXPECT_EQ(offsetof(Share, adopter), 44U);
  EXPECT_EQ(offsetof(Share, entries), 48U);
  EXPECT_EQ(offsetof(Share, closed_alone), 56U);
  EXPECT_EQ(offsetof(Share, retired), 64U);
  EXPECT_EQ(offsetof(Share, surplus_bytes), 72U);
  EXPECT_EQ(offsetof(SegmentHeader, generation), 48U);
  EXPECT_EQ(offsetof(SegmentHeader, pressure), 56U);
  EXPECT_EQ(offsetof(SegmentHeader, given_back), 60U);
  EXPECT_EQ(offsetof(SegmentHeader, stores), 64U);
  EXPECT_EQ(offsetof(SegmentHeader, memory_awaited), 72U);
  EXPECT_EQ(offsetof(SegmentHeader, memory_freed), 76U);
  EXPECT_EQ(offsetof(SegmentHeader, spill_wanted), 80U);
  EXPECT_EQ(offsetof(SegmentHeader, spill_replies), 88U);
  EXPECT_EQ(offsetof(SegmentHeader, spill_calls), 92U);
  EXPECT_EQ(offsetof(SegmentHeader, budgets), 96U);
  EXPECT_EQ(offsetof(SegmentHeader, collect_calls), 100U);
}

}  // namespace
}  // namespace locum::shm
