#include "shm/arena/slabs.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace locum::shm {
namespace {

TEST(SizeClass, EverySizeGetsTheSmallestBlockThatHoldsIt) {
  for (std::uint64_t size_bytes = 0; size_bytes <= size_class::largest_bytes; ++size_bytes) {
    const std::uint32_t index = size_class::of(size_bytes);
    const std::uint32_t block = size_class::block_bytes(index);
    ASSERT_LT(index, size_class::count);
    ASSERT_GE(block, size_bytes);
    ASSERT_TRUE(index == 0 || size_class::block_bytes(index - 1) < size_bytes) << size_bytes;
    ASSERT_EQ(block % (size_bytes >= 128 ? 64 : 16), 0U) << size_bytes;
    if (size_bytes > 512) {
      ASSERT_LE(block - size_bytes, size_bytes / 8) << size_bytes;
    }
  }
}

TEST(SizeClass, SlabsHoldSeveralBlocksAndLoseLittle) {
  for (std::uint32_t index = 0; index < size_class::count; ++index) {
    const std::uint64_t bytes = size_class::slab_pages[index] * page_bytes;
    const std::uint64_t blocks = bytes / size_class::block_bytes(index);
    EXPECT_GE(blocks, 4U) << index;
    EXPECT_LE(blocks, size_class::most_blocks) << index;
    EXPECT_LE(bytes - blocks * size_class::block_bytes(index), bytes / 32) << index;
  }
}

TEST(Slabs, GiveEachBlockOfASlabOnceAndReuseTheLowestFirst) {
  for (std::uint32_t index = 0; index < size_class::count; ++index) {
    Slabs slabs;
    EXPECT_EQ(slabs.allocate(index), std::nullopt);
    slabs.add(index, 100);
    std::set<std::uint64_t> begins;
    while (const auto begin = slabs.allocate(index)) {
      EXPECT_TRUE(begins.insert(*begin).second);
    }
    const std::uint64_t block = size_class::block_bytes(index);
    ASSERT_EQ(begins.size(), size_class::slab_pages[index] * page_bytes / block);
    EXPECT_EQ(*begins.begin(), 100 * page_bytes);
    EXPECT_EQ(*begins.rbegin(), 100 * page_bytes + (begins.size() - 1) * block);
    EXPECT_FALSE(slabs.free(*begins.rbegin()).has_value());
    EXPECT_FALSE(slabs.free(*begins.begin()).has_value());
    EXPECT_EQ(slabs.allocate(index), *begins.begin());
    EXPECT_EQ(slabs.largest(), block);
  }
}

TEST(Slabs, AnEmptySlabIsHandedBackUnlessItIsTheOnlyOneWithRoom) {
  const std::uint32_t index = size_class::of(4096);
  Slabs slabs;
  const auto fill = [&](std::uint64_t first_page) {
    slabs.add(index, first_page);
    std::vector<std::uint64_t> begins;
    while (const auto begin = slabs.allocate(index)) {
      begins.push_back(*begin);
    }
    return begins;
  };
  const auto one = fill(0);
  const auto other = fill(50);
  for (const std::uint64_t begin : one) {
    EXPECT_FALSE(slabs.free(begin).has_value()) << "the only one with room is kept";
  }
  ASSERT_EQ(other.size(), 4U);
  for (std::size_t n = 0; n < 3; ++n) {
    EXPECT_FALSE(slabs.free(other[n]).has_value());
  }
  const auto pages = slabs.free(other[3]);
  ASSERT_TRUE(pages.has_value());
  EXPECT_EQ(pages->first, 50U);
  EXPECT_EQ(pages->count, size_class::slab_pages[index]);

  const auto kept = slabs.give_back();
  ASSERT_TRUE(kept.has_value());
  EXPECT_EQ(kept->first, 0U);
  EXPECT_FALSE(slabs.give_back().has_value());
  EXPECT_EQ(slabs.largest(), 0U);
}

}  // namespace
}  // namespace locum::shm
