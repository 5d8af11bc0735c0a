#include "core/base/warm_memory.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "tests/core/forked_child.hpp"

namespace locum {
namespace {

constexpr std::uint64_t mebi = std::uint64_t{1} << 20U;

TEST(WarmMemory, HandsOutAgainWhatWasGivenBack) {
  WarmMemory memory;
  std::byte* const block = memory.take(mebi + 72, 4096);
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(memory.kept_bytes(), 0U);
  memory.give_back(block, mebi + 72, 4096);
  EXPECT_EQ(memory.kept_bytes(), mebi + mebi / 4) << "rounded up to the next size class";
  EXPECT_EQ(memory.take(mebi + 100, 64), block) << "for a block of about the same size";
  EXPECT_EQ(memory.kept_bytes(), 0U);
  std::byte* const other = memory.take(mebi + 72, 4096);
  EXPECT_NE(other, block);
  memory.give_back(other, mebi + 72, 4096);
  memory.give_back(block, mebi + 100, 64);
  memory.drop();
  EXPECT_EQ(memory.kept_bytes(), 0U);
}

TEST(WarmMemory, CountsSmallBlocksToo) {
  WarmMemory memory;
  std::byte* const first = memory.take(1000, 64);
  std::byte* const second = memory.take(1000, 64);
  ASSERT_NE(first, second);
  memory.give_back(first, 1000, 64);
  EXPECT_EQ(memory.kept_bytes(), 1024U);
  memory.give_back(second, 1000, 64);
  EXPECT_EQ(memory.kept_bytes(), 2048U);
  std::byte* const again = memory.take(1000, 64);
  std::byte* const the_other = memory.take(1000, 64);
  EXPECT_NE(again, the_other);
  EXPECT_TRUE((again == first && the_other == second) || (again == second && the_other == first));
  EXPECT_EQ(memory.kept_bytes(), 0U);
  memory.give_back(again, 1000, 64);
  memory.give_back(the_other, 1000, 64);
  memory.drop();
  EXPECT_EQ(memory.kept_bytes(), 0U);
}

TEST(WarmMemory, IsAlignedAsAskedForWhoeverHadItBefore) {
  WarmMemory memory;
  for (std::uint64_t bytes : {std::uint64_t{1}, std::uint64_t{255}, std::uint64_t{256}, std::uint64_t{257},
                              std::uint64_t{1024}, std::uint64_t{1072}, std::uint64_t{1536},
                              std::uint64_t{4095}, std::uint64_t{5000}, mebi, 16 * mebi, 16 * mebi + 1}) {
    for (std::uint64_t before = 64; before <= 4096; before *= 2) {
      for (std::uint64_t alignment = 64; alignment <= 4096; alignment *= 2) {
        memory.give_back(memory.take(bytes, before), bytes, before);
        std::byte* const block = memory.take(bytes, alignment);
        ASSERT_NE(block, nullptr);
        ASSERT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0U) << bytes << ' ' << before;
        std::memset(block, 1, bytes);
        memory.give_back(block, bytes, alignment);
      }
    }
  }
}

TEST(WarmMemory, KeepsABoundedAmountAndWhatCameLast) {
  WarmMemory memory;
  std::vector<std::byte*> blocks;
  for (int number = 0; number < 40; ++number) {
    blocks.push_back(memory.take(mebi, 4096));
  }
  for (std::byte* const block : blocks) {
    memory.give_back(block, mebi, 4096);
    EXPECT_LE(memory.kept_bytes(), WarmMemory::most_kept_bytes);
    EXPECT_GE(memory.kept_bytes(), mebi);
  }
  std::byte* const huge = memory.take(WarmMemory::most_kept_bytes + 1, 4096);
  const std::uint64_t kept = memory.kept_bytes();
  memory.give_back(huge, WarmMemory::most_kept_bytes + 1, 4096);
  EXPECT_EQ(memory.kept_bytes(), kept) << "too large to be kept";
  EXPECT_EQ(memory.take(~std::uint64_t{0}, 64), nullptr);
}

// Threads never share a block.
TEST(WarmMemory, ServesManyThreads) {
  WarmMemory memory;
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  for (std::size_t thread = 0; thread < wrong.size(); ++thread) {
    threads.emplace_back([&memory, &mine = wrong[thread], thread] {
      std::mt19937 random(static_cast<unsigned>(thread));
      std::vector<std::pair<std::byte*, std::uint64_t>> held;
      for (int turn = 0; turn < 20'000; ++turn) {
        if (held.size() < 8 && random() % 2 == 0) {
          const std::uint64_t bytes = 1 + random() % 3000;
          held.emplace_back(memory.take(bytes, 64), bytes);
          std::memset(held.back().first, static_cast<int>(thread), bytes);
        } else if (!held.empty()) {
          const auto [block, bytes] = held.back();
          held.pop_back();
          mine += block[0] == std::byte(thread) && block[bytes - 1] == std::byte(thread) ? 0 : 1;
          memory.give_back(block, bytes, 64);
        }
      }
      for (const auto& [block, bytes] : held) {
        memory.give_back(block, bytes, 64);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(wrong, std::vector<int>(4));
}

// The mutex may be held by a thread that the child does not have.
TEST(WarmMemory, IsLeftToItsProcessByAFork) {
  WarmMemory memory;
  std::atomic<bool> is_over{false};
  std::thread other([&] {
    while (!is_over) {
      memory.give_back(memory.take(mebi, 64), mebi, 64);
    }
  });
  std::byte* const inherited = memory.take(mebi, 64);
  std::memset(inherited, 1, mebi);
  for (int fork = 0; fork < 50; ++fork) {
    ASSERT_EQ(tests::status_of_child([&] {
                std::byte* const own = memory.take(mebi, 64);
                std::memset(own, 2, mebi);
                const bool is_whole = inherited[mebi - 1] == std::byte(1);
                memory.give_back(own, mebi, 64);
                memory.give_back(inherited, mebi, 64);
                memory.drop();
                return is_whole && memory.kept_bytes() == 0 ? 0 : 1;
              }),
              0);
  }
  is_over = true;
  other.join();
  memory.give_back(inherited, mebi, 64);
}

}  // namespace
}  // namespace locum
