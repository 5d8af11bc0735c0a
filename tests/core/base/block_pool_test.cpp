#include "core/base/block_pool.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>

namespace locum {
namespace {

TEST(BlockPool, KeepsBlocksForTheNextOfTheirSize) {
  BlockPool pool;
  void* const small = pool.allocate(40);
  void* const large = pool.allocate(1024);
  EXPECT_NE(small, large);
  pool.deallocate(small, 40);
  pool.deallocate(large, 1024);
  EXPECT_EQ(pool.allocate(970), large);
  EXPECT_EQ(pool.allocate(64), small);
  pool.deallocate(small, 64);
  void* const other = pool.allocate(65);
  EXPECT_NE(other, small);
  pool.deallocate(other, 65);
  pool.deallocate(large, 970);
}

TEST(BlockPool, PassesOnWhatIsLargeOrAligned) {
  BlockPool pool;
  void* const large = pool.allocate(5000);
  void* const aligned = pool.allocate(64, 256);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(aligned) % 256, 0U);
  pool.deallocate(large, 5000);
  pool.deallocate(aligned, 64, 256);
}

TEST(BlockPool, ServesAMap) {
  BlockPool pool;
  std::pmr::map<int, int> numbers(&pool);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 1000; ++i) {
      numbers.emplace(i, round + i);
    }
    for (int i = 0; i < 1000; ++i) {
      ASSERT_EQ(numbers.at(i), round + i);
    }
    numbers.clear();
  }
}

}  // namespace
}  // namespace locum
