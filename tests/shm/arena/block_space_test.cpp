#include "shm/arena/block_space.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace locum::shm {
namespace {

constexpr std::uint64_t limit_pages = 1024;
constexpr std::uint64_t unit_pages = 16;

void commit(BlockSpace& blocks, std::uint64_t pages) {
  const auto plan = blocks.pages().plan_ahead(pages);
  ASSERT_TRUE(plan.has_value());
  blocks.pages().committed(*plan);
}

TEST(BlockSpace, TakesNothingThatIsNotCommitted) {
  BlockSpace blocks(limit_pages, unit_pages);
  EXPECT_EQ(blocks.take({.size_bytes = 1}), std::nullopt);
  EXPECT_EQ(blocks.take({.size_bytes = 1 << 20}), std::nullopt);
  EXPECT_EQ(blocks.used_bytes(), 0U);
  EXPECT_EQ(blocks.largest_free(), 0U);
}

TEST(BlockSpace, CountsWhatBlocksTakeUp) {
  BlockSpace blocks(limit_pages, unit_pages);
  commit(blocks, 64);
  const auto small = blocks.take({.size_bytes = 100});
  const auto large = blocks.take({.size_bytes = 9 * page_bytes + 1});
  ASSERT_TRUE(small && large);
  EXPECT_EQ(blocks.used_bytes(), 112 + 10 * page_bytes) << "the bytes of its class, and of its pages";
  EXPECT_FALSE(blocks.free(*small, 100)) << "the only slab of its size stays";
  EXPECT_EQ(blocks.used_bytes(), 10 * page_bytes);
  EXPECT_TRUE(blocks.free(*large, 9 * page_bytes + 1));
  EXPECT_EQ(blocks.used_bytes(), 0U);
}

TEST(BlockSpace, CountsABlockOfAWiderClassAsThat) {
  BlockSpace blocks(limit_pages, unit_pages);
  commit(blocks, 64);
  const auto aligned = blocks.take({.size_bytes = 100, .class_bytes = 256});
  ASSERT_TRUE(aligned);
  EXPECT_EQ(blocks.used_bytes(), 256U);
  EXPECT_FALSE(blocks.free(*aligned, 100));
  EXPECT_EQ(blocks.used_bytes(), 0U);
}

TEST(BlockSpace, CutsABlockOutOfPagesThatWereCommittedForIt) {
  BlockSpace blocks(limit_pages, unit_pages);
  for (const std::uint64_t size_bytes : {std::uint64_t{64}, 3 * page_bytes + size_class::largest_bytes}) {
    const BlockRequest request{.size_bytes = size_bytes};
    const auto plan = blocks.pages().plan(request.pages);
    ASSERT_TRUE(plan.has_value());
    blocks.pages().committed(*plan);
    const std::uint64_t begin = blocks.cut(request, plan->block.first);
    EXPECT_EQ(begin, plan->block.first * page_bytes);
    EXPECT_EQ(blocks.used_bytes(), request.rounded_bytes);
    static_cast<void>(blocks.free(begin, size_bytes));
  }
}

TEST(BlockSpace, RetiresSlabsThatWereKeptForTheirSize) {
  BlockSpace blocks(limit_pages, unit_pages);
  commit(blocks, 64);
  const std::uint64_t free_pages = blocks.pages().free_pages();
  const auto kept = blocks.take({.size_bytes = 16});
  const auto empty = blocks.take({.size_bytes = 4096});
  ASSERT_TRUE(kept && empty);
  EXPECT_FALSE(blocks.free(*empty, 4096));
  EXPECT_TRUE(blocks.retire_slabs());
  EXPECT_EQ(blocks.pages().free_pages(), free_pages - BlockRequest{.size_bytes = 16}.pages);
  EXPECT_FALSE(blocks.retire_slabs()) << "the other one is in use";
}

// A block of ten pages of which eight leave memory; as the last block, and with another one behind it.
TEST(BlockSpace, FreesABlockOfWhichPartsHaveLeft) {
  for (const bool is_last : {true, false}) {
    BlockSpace blocks(limit_pages, unit_pages);
    const BlockRequest request{.size_bytes = 10 * page_bytes};
    const auto plan = blocks.pages().plan(request.pages);
    ASSERT_TRUE(plan.has_value());
    blocks.pages().committed(*plan);
    const std::uint64_t begin = blocks.cut(request, plan->block.first);
    if (!is_last) {
      const auto behind = blocks.pages().plan(request.pages);
      ASSERT_TRUE(behind.has_value());
      blocks.pages().committed(*behind);
      static_cast<void>(blocks.cut(request, behind->block.first));
    }
    const std::uint64_t used = blocks.used_bytes();
    const std::uint64_t committed = blocks.pages().committed_pages();
    const std::uint64_t holes = blocks.pages().hole_pages();
    blocks.left(8 * page_bytes);
    EXPECT_EQ(blocks.used_bytes(), used - 8 * page_bytes);
    EXPECT_EQ(blocks.pages().committed_pages(), committed - 8);
    blocks.free_left(begin, request.size_bytes, 8 * page_bytes);
    EXPECT_EQ(blocks.used_bytes(), used - request.rounded_bytes);
    EXPECT_EQ(blocks.pages().committed_pages(), committed - 10);
    EXPECT_TRUE(is_last || blocks.pages().hole_pages() == holes + 10);
    const auto again = blocks.pages().plan(request.pages);
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(again->block.first * page_bytes, begin) << "its addresses are free";
  }
}

}  // namespace
}  // namespace locum::shm
