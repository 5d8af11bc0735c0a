#include <gtest/gtest.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): kill is not in <csignal>
#include <sys/statvfs.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "core/value/options.hpp"
#include "shm/arena/arena.hpp"
#include "shm/node.hpp"
#include "tests/shm/child.hpp"
#include "tests/shm/fork_group.hpp"
#include "tests/shm/small_mount.hpp"
#include "tests/shm/stands_still.hpp"

namespace locum::shm::give_back_test {
namespace {

using tests::Ending;
using tests::in_child;
using Moment = SharedArena::Moment;

std::shared_ptr<Segment> segment_of(std::uint32_t ranks, std::uint64_t memory_bytes) {
  return Segment::create(Geometry::fit(ranks, memory_bytes, 64_GiB), 1);
}

constexpr Deadline::Clock::duration window = SharedArena::window;
constexpr Deadline::Clock::duration never = Deadline::Clock::duration::max();

/// An arena whose background work is called by the test, at times that only the test advances.
class Timed {
 public:
  Timed(std::shared_ptr<Segment> segment, std::uint64_t step_bytes, std::uint64_t prepare_bytes)
      : arena(std::move(segment), 0, step_bytes, prepare_bytes, SharedArena::Background::caller) {
    settle();
  }

  /// Does all present work; returns how long until there may be more.
  Deadline::Clock::duration settle() {
    Moment next = Moment::min();
    for (pieces = 0; next == Moment::min(); ++pieces) {
      next = arena.work(now);
    }
    return next == Moment::max() ? never : next - now;
  }
  Deadline::Clock::duration later(Deadline::Clock::duration by) {
    now += by;
    return settle();
  }

  SharedArena arena;
  Moment now{std::chrono::hours(1)};
  int pieces = 0;
};

TEST(GiveBack, IsWhatWasNotNeededForTwoWindowsButForWhatIsKeptReady) {
  const auto segment = segment_of(1, 512_MiB);
  const std::uint64_t head_bytes = segment->committed_bytes();
  Timed timed(segment, 1_MiB, 8_MiB);
  const auto first = timed.arena.allocate(100_MiB);
  const auto second = timed.arena.allocate(100_MiB);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(timed.settle(), never) << "nothing to check later";
  timed.arena.free(*first);
  timed.arena.free(*second);
  EXPECT_EQ(timed.settle(), window);
  EXPECT_GE(segment->committed_bytes(), head_bytes + 200_MiB);
  EXPECT_EQ(timed.later(window), window) << "earlier demand is not known yet";
  EXPECT_GE(segment->committed_bytes(), head_bytes + 200_MiB);
  EXPECT_EQ(timed.later(window), never);
  EXPECT_GE(timed.pieces, 100) << "in pieces of 2 MiB";
  EXPECT_EQ(segment->committed_bytes(), head_bytes + 8_MiB);
  EXPECT_EQ(timed.arena.usage().committed, 8_MiB);
  EXPECT_EQ(timed.arena.usage().free, 8_MiB);
  EXPECT_EQ(timed.later(std::chrono::hours(1)), never);
  EXPECT_EQ(segment->committed_bytes(), head_bytes + 8_MiB);
}

TEST(GiveBack, LeavesWhatWasNeededOnceInTwoWindows) {
  const auto segment = segment_of(1, 512_MiB);
  Timed timed(segment, 1_MiB, 0);
  const auto block = timed.arena.allocate(100_MiB);
  timed.arena.free(*block);
  timed.settle();
  for (int round = 0; round < 10; ++round) {
    const auto again = timed.arena.allocate(60_MiB);
    timed.arena.free(*again);
    timed.later(window);
  }
  EXPECT_EQ(timed.arena.usage().committed, 60_MiB) << "the peak of each window";
  EXPECT_EQ(timed.later(window), window);
  EXPECT_EQ(timed.later(window), never);
  EXPECT_EQ(timed.arena.usage().committed, 0U);
}

// Evicts and puts a gibibyte every two seconds, in either order: after the first rounds the same pages are
// reused.
TEST(GiveBack, LeavesACycleOfTwoSecondsAlone) {
  for (const bool evict_first : {true, false}) {
    const auto segment = segment_of(1, 3_GiB);
    Timed timed(segment, 2_MiB, 64_MiB);
    std::vector<Block> objects;
    const auto put = [&] {
      for (int count = 0; count < 16; ++count) {
        objects.push_back(timed.arena.allocate(64_MiB).value());
      }
    };
    const auto evict = [&] {
      for (int count = 0; count < 16; ++count) {
        timed.arena.free(objects[static_cast<std::size_t>(count)]);
      }
      objects.erase(objects.begin(), objects.begin() + 16);
    };
    put();
    std::uint64_t committed_bytes = 0;
    std::uint64_t given_back_bytes = 0;
    for (int round = 0; round < 20; ++round) {
      evict_first ? (evict(), put()) : (put(), evict());
      for (int step = 0; step < 20; ++step) {
        timed.later(std::chrono::milliseconds(100));
      }
      if (round < 5) {
        committed_bytes = segment->committed_bytes();
        given_back_bytes = timed.arena.given_back_bytes();
      }
      ASSERT_EQ(segment->committed_bytes(), committed_bytes) << "round " << round;
      ASSERT_EQ(timed.arena.given_back_bytes(), given_back_bytes) << "round " << round;
    }
  }
}

// With it there would be enough.
TEST(GiveBack, CountsNotOnWhatIsKeptForTables) {
  const auto segment = segment_of(1, 64_MiB);
  segment->keep_spare(8_MiB);
  Timed timed(segment, 1_MiB, 0);
  const auto large = timed.arena.allocate(45_MiB);
  const auto gap = timed.arena.allocate(4_MiB);
  const auto last = timed.arena.allocate(1_MiB);
  ASSERT_TRUE(large && gap && last);
  timed.arena.free(*gap);
  EXPECT_FALSE(timed.arena.allocate(16_MiB));
  EXPECT_EQ(timed.arena.given_back_bytes(), 0U) << "in vain";
  EXPECT_TRUE(timed.arena.allocate(4_MiB));
}

TEST(GiveBack, LeavesHolesThatServeAgainBeforeTheEndDoes) {
  const auto segment = segment_of(1, 512_MiB);
  Timed timed(segment, 1_MiB, 0);
  std::vector<Block> blocks;
  for (int count = 0; count < 20; ++count) {
    blocks.push_back(timed.arena.allocate(10_MiB).value());
  }
  const std::uint64_t end = blocks.back().offset;
  for (std::size_t index = 0; index < blocks.size(); index += 2) {
    timed.arena.free(blocks[index]);
  }
  timed.settle();
  timed.later(window);
  timed.later(window);
  EXPECT_EQ(timed.arena.usage().committed, 100_MiB);
  EXPECT_EQ(timed.arena.usage().free, 0U);
  for (int count = 0; count < 10; ++count) {
    const auto block = timed.arena.allocate(10_MiB);
    ASSERT_TRUE(block);
    EXPECT_LT(block->offset, end);
    EXPECT_EQ(timed.arena.usage().committed, static_cast<std::uint64_t>(11 + count) * 10_MiB);
    EXPECT_EQ(std::to_integer<int>(timed.arena.data(block->offset)[5_MiB]), 0) << "zero-filled";
  }
}

// An empty slab that is kept for its size occupies a whole step.
TEST(GiveBack, TakesEmptySlabsApart) {
  const auto segment = segment_of(1, 256_MiB);
  Timed timed(segment, 1_MiB, 0);
  std::vector<Block> blocks;
  std::vector<Block> between;
  for (std::uint64_t size_bytes = 16; size_bytes <= 32_KiB; size_bytes *= 2) {
    blocks.push_back(timed.arena.allocate(size_bytes).value());
    between.push_back(timed.arena.allocate(3_MiB).value());
  }
  for (std::size_t index = 0; index < blocks.size(); ++index) {
    timed.arena.free(blocks[index]);
    timed.arena.free(between[index]);
  }
  timed.settle();
  timed.later(window);
  timed.later(window);
  timed.later(window);
  timed.later(window);
  EXPECT_LT(timed.arena.usage().committed, 1_MiB);
}

TEST(GiveBack, IsSeenByWhoLooksAtTheFileSystem) {
  const Ending ending = in_child([]() -> std::string {
    if (const auto reason = tests::mount_small_shared_memory(256_MiB)) {
      return "skipped: " + *reason;
    }
    const auto free_bytes = [] {
      struct statvfs facts {};
      return ::statvfs("/dev/shm", &facts) == 0 ? facts.f_bfree * facts.f_bsize : 0;
    };
    const auto segment = segment_of(1, 200_MiB);
    if (segment->kind() == "memfd") {
      return "the segment is not in /dev/shm";
    }
    const std::uint64_t before = free_bytes();
    Timed timed(segment, 1_MiB, 0);
    const auto block = timed.arena.allocate(100_MiB);
    if (!block || free_bytes() != before - 100_MiB) {
      return "100 MiB are not taken";
    }
    timed.arena.free(*block);
    timed.settle();
    timed.later(window);
    timed.later(window);
    return free_bytes() == before ? "all came back"
                                  : "only " + std::to_string(free_bytes()) + " are free again";
  });
  if (ending.said.starts_with("skipped")) {
    GTEST_SKIP() << ending.said;
  }
  EXPECT_EQ(ending.said, "all came back");
}

// Two processes with 64 MiB: rank 1 needs the memory that rank 0 has free and keeps ready, so that it is
// returned on a request and not before.
class ShortMemory {
 public:
  explicit ShortMemory(Group& group)
      : node_(open_node(group, {0, 1},
                        {.memory_bytes = 64_MiB,
                         .reserve_bytes = 4_GiB,
                         .prepare_bytes = group.rank() == 0 ? 45_MiB : 64_KiB},
                        7)) {
    if (group.rank() == 0) {
      const auto block = node_.arena->allocate(45_MiB);
      node_.arena->free(block.value());
    }
    const auto pid = ::getpid();
    const auto pids = group.all_gather(std::as_bytes(std::span(&pid, 1)));
    std::memcpy(&other_, pids.data(), sizeof other_);
  }

  /// Number of requests for memory so far, according to the node's memory.
  [[nodiscard]] std::uint32_t calls() const {
    return reinterpret_cast<const SegmentHeader*>(node_.arena->data(0))->pressure.load();
  }
  [[nodiscard]] Result<Block> ask() { return node_.arena->allocate(40_MiB, 16, budget); }
  [[nodiscard]] Result<Block> ask_little() { return node_.arena->allocate(2_MiB, 16, budget); }
  /// On a busy machine a request may be given up before the other rank can reply.
  [[nodiscard]] std::string ask_until_served(Result<Block> (ShortMemory::*request)() = &ShortMemory::ask) {
    const auto latest = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    auto block = (this->*request)();
    while (!block && std::chrono::steady_clock::now() < latest) {
      block = (this->*request)();
    }
    return block ? "" : block.error().what();
  }
  /// Rank 0 is stopped meanwhile.
  template <class Body>
  std::string while_stopped(Body body) {
    if (::kill(other_, SIGSTOP) != 0) {
      return "rank 0 cannot be stopped";
    }
    std::string said = tests::stands_still(other_) ? body() : "rank 0 does not stop";
    ::kill(other_, SIGCONT);
    return said;
  }

  WaitBudget budget;  ///< of each call

 private:
  Node node_;
  pid_t other_ = 0;  ///< rank 0
};

// Runs `body` in rank 1, while rank 0 waits.
void expect_had(const std::function<std::string(ShortMemory&)>& body) {
  for (const Ending& ending : tests::run_group(2, [&](Group& group) {
         ShortMemory memory(group);
         const std::string said = group.rank() == 1 ? body(memory) : "";
         group.barrier();
         return said.empty() ? "had it" : said;
       })) {
    EXPECT_EQ(ending.said, "had it") << ending.signal;
  }
}

TEST(GiveBack, ServesAnotherRankThatLacksMemory) {
  expect_had([](ShortMemory& memory) { return memory.ask_until_served(); });
}

// The first request waits, later ones do not for a while.
TEST(GiveBack, IsNotWaitedForWhenTheOtherRankIsStopped) {
  expect_had([](ShortMemory& memory) {
    const std::string said = memory.while_stopped([&]() -> std::string {
      const std::uint32_t calls = memory.calls();
      const auto begin = std::chrono::steady_clock::now();
      const auto block = memory.ask();
      const auto end = std::chrono::steady_clock::now();
      if (block || block.error().code() != Errc::out_of_memory) {
        return "more memory than there can be";
      }
      if (end - begin < Pressure::patience || memory.calls() != calls + 1) {
        return "called " + std::to_string(memory.calls() - calls) + " times in " +
               std::to_string(std::chrono::duration<double>(end - begin).count()) + " s";
      }
      const auto again = memory.ask();
      const bool soon = std::chrono::steady_clock::now() - end < Pressure::longest;
      return again || (soon && memory.calls() != calls + 1) ? "called again" : "";
    });
    // It returns the requested memory as soon as it continues.
    return said.empty() ? memory.ask_until_served() : said;
  });
}

using Ask = Result<Block> (ShortMemory::*)();

// While the other rank is stopped: the request is made once, nobody waits, and memory may come later.
std::string asked_without_waiting(ShortMemory& memory, Ask ask) {
  const std::uint32_t calls = memory.calls();
  const auto begin = std::chrono::steady_clock::now();
  const auto block = (memory.*ask)();
  const auto end = std::chrono::steady_clock::now();
  if (block || block.error().code() != Errc::out_of_memory) {
    return "more memory than there can be";
  }
  if (!block.error().is_transient()) {
    return "the error does not say that memory may come later";
  }
  return memory.calls() == calls + 1 && end - begin < Pressure::patience
             ? ""
             : "called " + std::to_string(memory.calls() - calls) + " times in " +
                   std::to_string(std::chrono::duration<double>(end - begin).count()) + " s";
}

WaitBudget limited(WaitBudget::Work work) {
  return WaitBudget::limited(std::chrono::milliseconds(10), work);
}

// A call that must not wait requests memory, and finds it the next time.
TEST(GiveBack, IsNotWaitedForOnALimitedBudget) {
  expect_had([](ShortMemory& memory) {
    memory.budget = limited(WaitBudget::Work::little);
    const std::string said = memory.while_stopped([&] {
      while (memory.ask_little()) {
      }
      return asked_without_waiting(memory, &ShortMemory::ask_little);
    });
    return said.empty() ? memory.ask_until_served(&ShortMemory::ask_little) : said;
  });
}

TEST(GiveBack, IsNotWaitedForOnALimitedBudgetByWhoMayWork) {
  expect_had([](ShortMemory& memory) {
    memory.budget = limited(WaitBudget::Work::any);
    const std::string said =
        memory.while_stopped([&] { return asked_without_waiting(memory, &ShortMemory::ask); });
    return said.empty() ? memory.ask_until_served() : said;
  });
}

// A caller that retries without waiting is told to come back no longer than others wait for a first reply.
TEST(GiveBack, IsNotPromisedOnALimitedBudgetWhenTheOtherRankIsStopped) {
  expect_had([](ShortMemory& memory) {
    memory.budget = limited(WaitBudget::Work::little);
    const std::string said = memory.while_stopped([&]() -> std::string {
      auto block = memory.ask_little();
      while (block) {
        block = memory.ask_little();
      }
      const auto begin = std::chrono::steady_clock::now();
      auto took = begin - begin;
      while (block.error().is_transient() && took < Pressure::longest) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        block = memory.ask_little();
        if (block) {
          return "more memory than there can be";
        }
        took = std::chrono::steady_clock::now() - begin;
      }
      const std::uint32_t calls = memory.calls();
      block = memory.ask_little();
      if (block || block.error().is_transient() || memory.calls() != calls) {
        return "promised again";
      }
      constexpr auto tolerated = std::chrono::milliseconds(50);
      return took > Pressure::patience - tolerated && took < Pressure::longest
                 ? ""
                 : "promised for " + std::to_string(std::chrono::duration<double>(took).count()) + " s";
    });
    return said.empty() ? memory.ask_until_served(&ShortMemory::ask_little) : said;
  });
}

// A request that fits the free memory, but no single piece of it: the arena returns its own free steps, and
// the calling thread does so. There is no background work here.
TEST(GiveBack, OfOnesOwnStepsServesALargerBlock) {
  const auto segment = segment_of(1, 64_MiB);
  SharedArena arena(segment, 0, 1_MiB, 0, SharedArena::Background::caller);
  std::vector<Block> blocks;
  for (auto block = arena.allocate(2_MiB); block; block = arena.allocate(2_MiB)) {
    blocks.push_back(*block);
  }
  ASSERT_GT(blocks.size(), 28U);
  for (std::size_t index = 0; index < blocks.size(); index += 2) {
    arena.free(blocks[index]);
  }
  EXPECT_EQ(arena.usage().largest_free, 2_MiB);
  const auto block = arena.allocate(7_MiB);
  ASSERT_TRUE(block) << block.error();
  EXPECT_GT(arena.given_back_bytes(), 0U);
  EXPECT_LE(arena.given_back_bytes(), 8_MiB) << "only what was lacking";
}

}  // namespace
}  // namespace locum::shm::give_back_test
