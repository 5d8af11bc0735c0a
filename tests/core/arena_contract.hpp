#pragma once

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "core/ports/arena.hpp"
#include "core/value/options.hpp"

/// Contract tests of the Arena port, for every implementation: INSTANTIATE_TEST_SUITE_P(…, ArenaContract, …)
/// with a maker of fresh arenas. Random operations are compared with a plain std::map.
namespace locum::tests {

struct ArenaMaker {
  std::string name;
  /// A new arena, on a node with that much memory and no other arena in use.
  std::function<std::shared_ptr<Arena>(std::uint64_t memory_bytes)> make;

  friend std::ostream& operator<<(std::ostream& out, const ArenaMaker& maker) { return out << maker.name; }
};

class ArenaContract : public testing::TestWithParam<ArenaMaker> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ArenaContract);

/// The arena's live blocks as a std::map, with a byte pattern in each block.
class ArenaModel {
 public:
  explicit ArenaModel(Arena& arena) : arena_(arena) {}

  /// Adds a block that the arena has just allocated. Returns what is wrong with it, or an empty string.
  [[nodiscard]] std::string add(const Block& block, std::uint64_t asked_bytes, std::uint64_t alignment = 16) {
    if (block.size_bytes != asked_bytes) {
      return "a block of another size";
    }
    if (block.offset % std::max<std::uint64_t>(alignment, asked_bytes >= 128 ? 64 : 16) != 0) {
      return "badly aligned: " + std::to_string(block.offset) + " for " + std::to_string(asked_bytes);
    }
    if (!arena_.contains(block.offset, block.size_bytes)) {
      return "outside of the arena";
    }
    const auto behind = live_.lower_bound(block.offset);
    const std::uint64_t end = block.offset + std::max<std::uint64_t>(block.size_bytes, 1);
    if (behind != live_.end() && behind->first < end) {
      return "overlaps the block behind it";
    }
    if (behind != live_.begin() && std::prev(behind)->second.end > block.offset) {
      return "overlaps the block before it";
    }
    const auto mark = static_cast<int>(++marks_ % 251);
    std::memset(arena_.data(block.offset), mark, block.size_bytes);
    live_[block.offset] = {block, end, mark};
    bytes_ += block.size_bytes;
    return {};
  }

  /// Frees the n-th live block (modulo their number). Returns what is wrong with its content, or an empty
  /// string.
  [[nodiscard]] std::string free(std::size_t n) {
    return free_at(std::next(live_.begin(), static_cast<std::ptrdiff_t>(n % live_.size())));
  }

  [[nodiscard]] std::string free_all() {
    while (!live_.empty()) {
      if (auto wrong = free_at(live_.size() % 2 == 0 ? live_.begin() : std::prev(live_.end()));
          !wrong.empty()) {
        return wrong;
      }
    }
    return {};
  }

  /// Returns what is wrong with the arena's own figures, or an empty string.
  [[nodiscard]] std::string check_usage() const {
    const ArenaUsage usage = arena_.usage();
    const bool sums = usage.used + usage.free == usage.committed && usage.committed <= usage.node_committed &&
                      usage.node_committed <= usage.limit && usage.largest_free <= usage.free;
    if (!sums || usage.used < bytes_ || (live_.empty() && usage.used != 0)) {
      return "used " + std::to_string(usage.used) + " free " + std::to_string(usage.free) + " largest " +
             std::to_string(usage.largest_free) + " committed " + std::to_string(usage.committed) +
             " of the node " + std::to_string(usage.node_committed) + " limit " +
             std::to_string(usage.limit) + " with " + std::to_string(bytes_) + " bytes live";
    }
    return {};
  }

  [[nodiscard]] std::size_t count() const noexcept { return live_.size(); }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  struct Live {
    Block block;
    std::uint64_t end = 0;
    int mark = 0;
  };

  [[nodiscard]] std::string free_at(std::map<std::uint64_t, Live>::iterator chosen) {
    const Live live = chosen->second;
    const std::byte* const bytes = arena_.data(live.block.offset);
    const std::uint64_t size_bytes = live.block.size_bytes;
    const bool intact = size_bytes == 0 || (std::to_integer<int>(bytes[0]) == live.mark &&
                                            std::memcmp(bytes, bytes + 1, size_bytes - 1) == 0);
    live_.erase(chosen);
    bytes_ -= live.block.size_bytes;
    arena_.free(live.block);
    return intact ? "" : "the bytes of a live block changed";
  }

  Arena& arena_;
  std::map<std::uint64_t, Live> live_;
  std::uint64_t bytes_ = 0;
  std::size_t marks_ = 0;
};

/// Typical object sizes: mostly small, some of pages, few large, and sizes next to a boundary.
inline rc::Gen<std::uint64_t> arena_size() {
  return rc::gen::weightedOneOf<std::uint64_t>(
      {{6, rc::gen::inRange<std::uint64_t>(0, 600)},
       {3, rc::gen::inRange<std::uint64_t>(600, 40'000)},
       {2, rc::gen::inRange<std::uint64_t>(40'000, 1'000'000)},
       {1, rc::gen::map(rc::gen::pair(rc::gen::inRange(0, 20), rc::gen::inRange(0, 3)),
                        [](const std::pair<int, int>& choice) {
                          return (std::uint64_t{1} << choice.first) +
                                 static_cast<std::uint64_t>(choice.second) - 1;
                        })}});
}

TEST_P(ArenaContract, AgreesWithAMapOfItsBlocks) {
  // Reported at once: with a thread that prepares memory, a failure need not repeat while it is shrunk.
  const auto require = [](const std::string& wrong) {
    if (!wrong.empty()) {
      ADD_FAILURE() << wrong;
      RC_FAIL(wrong);
    }
  };
  const auto holds = rc::check([&] {
    // (operation, size, block): one in three operations is a free.
    const auto steps = *rc::gen::scale(
        4.0, rc::gen::container<std::vector<std::tuple<int, std::uint64_t, std::uint32_t>>>(
                 rc::gen::tuple(rc::gen::inRange(0, 3), arena_size(), rc::gen::arbitrary<std::uint32_t>())));
    const auto arena = GetParam().make(4_MiB);
    ArenaModel model(*arena);
    std::size_t refusals = 0;
    for (const auto& [what, size_bytes, which] : steps) {
      if (what == 0 && model.count() > 0) {
        require(model.free(which));
      } else if (const auto block = arena->allocate(size_bytes)) {
        require(model.add(*block, size_bytes));
      } else {
        require(block.error().code() == Errc::out_of_memory ? "" : block.error().what());
        ++refusals;
      }
      require(model.check_usage());
    }
    RC_TAG(refusals > 0 ? "was full" : "had room");
    require(model.free_all());
    require(model.check_usage());
    // No memory is lost: the split pieces have been merged.
    const auto whole = arena->allocate(3_MiB);
    require(whole ? "" : whole.error().what());
    arena->free(*whole);
  });
  EXPECT_TRUE(holds);
}

TEST_P(ArenaContract, BlocksAreAlignedAsAsked) {
  const auto arena = GetParam().make(16_MiB);
  ArenaModel model(*arena);
  for (const std::uint64_t alignment : {16, 32, 64, 128, 256, 1024, 4096}) {
    for (const std::uint64_t size_bytes : {0, 1, 33, 64, 100, 129, 3000, 32'768, 32'769, 200'000}) {
      const auto block = arena->allocate(size_bytes, alignment);
      ASSERT_TRUE(block) << block.error();
      EXPECT_EQ(model.add(*block, size_bytes, alignment), "");
    }
  }
  for (const std::uint64_t alignment : {0, 24, 8192}) {
    const auto block = arena->allocate(64, alignment);
    ASSERT_FALSE(block);
    EXPECT_EQ(block.error().code(), Errc::invalid_argument);
  }
  EXPECT_EQ(model.free_all(), "");
  EXPECT_EQ(arena->usage().used, 0U);
}

TEST_P(ArenaContract, EmptyBlocksHaveAddressesOfTheirOwn) {
  const auto arena = GetParam().make(8_MiB);
  std::map<std::uint64_t, Block> blocks;
  for (int count = 0; count < 1000; ++count) {
    const auto block = arena->allocate(0);
    ASSERT_TRUE(block) << block.error();
    EXPECT_EQ(block->size_bytes, 0U);
    blocks[block->offset] = *block;
  }
  EXPECT_EQ(blocks.size(), 1000U);
  for (const auto& [offset, block] : blocks) {
    arena->free(block);
  }
  EXPECT_EQ(arena->usage().used, 0U);
}

TEST_P(ArenaContract, FullIsAnErrorWithFiguresAndAFreeMakesRoomAgain) {
  for (const std::uint64_t size_bytes : {std::uint64_t{64}, std::uint64_t{5000}, 100'000UL, 3_MiB}) {
    const auto arena = GetParam().make(8_MiB);
    ArenaModel model(*arena);
    auto block = arena->allocate(size_bytes);
    while (block) {
      ASSERT_EQ(model.add(*block, size_bytes), "");
      block = arena->allocate(size_bytes);
    }
    EXPECT_EQ(block.error().code(), Errc::out_of_memory);
    const ArenaUsage usage = arena->usage();
    for (const std::uint64_t figure : {size_bytes, usage.used, usage.free, usage.limit}) {
      EXPECT_NE(block.error().text().find(" " + std::to_string(figure)), std::string::npos)
          << figure << " is not in: " << block.error();
    }
    EXPECT_GE(model.bytes(), 8_MiB / 2) << "too little of 8 MiB was allocated, in blocks of " << size_bytes;

    ASSERT_EQ(model.free(model.count() / 2), "");
    const auto again = arena->allocate(size_bytes);
    ASSERT_TRUE(again) << again.error();
    ASSERT_EQ(model.add(*again, size_bytes), "");
    ASSERT_EQ(model.free_all(), "");
    EXPECT_EQ(model.check_usage(), "");
  }
}

TEST_P(ArenaContract, MemoryOfOneSizeServesAnother) {
  const auto arena = GetParam().make(8_MiB);
  for (const std::uint64_t size_bytes :
       {std::uint64_t{48}, 5_MiB, std::uint64_t{700}, 5_MiB, 20_KiB, 5_MiB}) {
    ArenaModel model(*arena);
    while (model.bytes() < 5_MiB) {
      const auto block = arena->allocate(size_bytes);
      ASSERT_TRUE(block) << block.error();
      ASSERT_EQ(model.add(*block, size_bytes), "");
    }
    ASSERT_EQ(model.free_all(), "");
  }
}

TEST_P(ArenaContract, AbsurdSizesAreRefusedAndChangeNothing) {
  const auto arena = GetParam().make(8_MiB);
  const auto kept = arena->allocate(100);
  ASSERT_TRUE(kept);
  const ArenaUsage before = arena->usage();
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  for (const std::uint64_t size_bytes :
       {8_MiB, 1024_GiB, std::uint64_t{1} << 44U, most / 2, most / 2 + 1, most - 4096, most - 1, most}) {
    const auto block = arena->allocate(size_bytes);
    ASSERT_FALSE(block) << size_bytes;
    EXPECT_EQ(block.error().code(), Errc::out_of_memory);
    EXPECT_NE(block.error().text().find(std::to_string(size_bytes)), std::string::npos) << block.error();
  }
  EXPECT_EQ(arena->usage().used, before.used);
  EXPECT_LE(arena->usage().committed, before.limit);  // it may prepare memory meanwhile
  EXPECT_TRUE(arena->allocate(100));
}

TEST_P(ArenaContract, ContainsNothingThatReachesBeyondIt) {
  const auto arena = GetParam().make(8_MiB);
  const auto block = arena->allocate(1000);
  ASSERT_TRUE(block);
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  EXPECT_TRUE(arena->contains(block->offset, 1000));
  EXPECT_FALSE(arena->contains(block->offset, most));
  EXPECT_FALSE(arena->contains(block->offset, most - block->offset + 1));
  EXPECT_FALSE(arena->contains(block->offset, most - block->offset + 2));
  EXPECT_FALSE(arena->contains(0, 1)) << "the header of a segment belongs to no object";
  EXPECT_FALSE(arena->contains(most, 1));
  EXPECT_FALSE(arena->contains(most, most));
}

TEST_P(ArenaContract, ThreadsOfTheOwnerAllocateAtOnce) {
  const auto arena = GetParam().make(64_MiB);
  constexpr std::size_t thread_count = 4;
  std::vector<std::string> wrong(thread_count);
  std::vector<std::thread> threads;
  for (std::size_t index = 0; index < thread_count; ++index) {
    threads.emplace_back([&, index] {
      ArenaModel mine(*arena);  // sees only what this thread has
      std::uint64_t state = index * 7919 + 1;
      for (int step = 0; step < 3000 && wrong[index].empty(); ++step) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        const std::uint64_t random = state >> 33U;
        if (random % 5 < 2 && mine.count() > 0) {
          wrong[index] = mine.free(random);
        } else {
          const std::uint64_t size_bytes = random % 7 == 0 ? random % 100'000 : random % 2'000;
          const auto block = arena->allocate(size_bytes);
          wrong[index] = block ? mine.add(*block, size_bytes) : block.error().what();
        }
      }
      if (wrong[index].empty()) {
        wrong[index] = mine.free_all();
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const std::string& text : wrong) {
    EXPECT_EQ(text, "");
  }
  EXPECT_EQ(arena->usage().used, 0U);
}

}  // namespace locum::tests
