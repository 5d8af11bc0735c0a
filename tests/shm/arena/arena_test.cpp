#include "shm/arena/arena.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "shm/segment/available_memory.hpp"
#include "tests/core/arena_contract.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/core/system_calls.hpp"
#include "tests/shm/child.hpp"
#include "tests/shm/small_mount.hpp"

namespace locum::shm {
namespace {

using tests::ArenaContract;
using tests::ArenaMaker;
using tests::ArenaModel;
using tests::Ending;
using tests::in_child;

constexpr std::uint64_t reserve_bytes = 64_GiB;

std::shared_ptr<Segment> segment_of(std::uint32_t ranks, std::uint64_t memory_bytes) {
  return Segment::create(Geometry::fit(ranks, memory_bytes, reserve_bytes), 1);
}

ArenaMaker arenas(std::string name, std::uint32_t rank, std::uint64_t step_bytes,
                  std::uint64_t prepare_bytes) {
  return {std::move(name), [=](std::uint64_t memory_bytes) -> std::shared_ptr<Arena> {
            return std::make_shared<SharedArena>(segment_of(rank + 1, memory_bytes), rank, step_bytes,
                                                 prepare_bytes);
          }};
}

INSTANTIATE_TEST_SUITE_P(Shared, ArenaContract,
                         ::testing::Values(arenas("SmallSteps", 0, 64_KiB, 0),
                                           arenas("LargeSteps", 2, 1_MiB, 0),
                                           arenas("Prepared", 1, 64_KiB, 1_MiB)),
                         [](const auto& maker) { return maker.param.name; });

// Waits until `condition` is true; false if it is not within ten seconds.
template <class Condition>
bool soon(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    std::this_thread::yield();
  }
  return true;
}

bool kernel_touches_on_request() {
  constexpr int populate_write = 23;
  void* const page = ::mmap(nullptr, page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const bool touches = page != MAP_FAILED && ::madvise(page, page_bytes, populate_write) == 0;
  ::munmap(page, page_bytes);
  return touches;
}

TEST(SharedArena, OtherProcessesFindTheBytesAtTheSameOffset) {
  const auto segment = segment_of(2, 32_MiB);
  SharedArena mine(segment, 0, 64_KiB, 0);
  const auto other_segment =
      Segment::attach(Descriptor(::fcntl(segment->descriptor(), F_DUPFD_CLOEXEC, 0)), segment->geometry(), 1);
  SharedArena other(other_segment, 1, 64_KiB, 0);

  const auto block = mine.allocate(100'000);
  const auto others_block = other.allocate(100'000);
  ASSERT_TRUE(block && others_block);
  EXPECT_NE(block->offset, others_block->offset);
  std::memset(mine.data(block->offset), 0x11, block->size_bytes);
  std::memset(other.data(others_block->offset), 0x22, others_block->size_bytes);
  EXPECT_TRUE(other.contains(block->offset, block->size_bytes));
  EXPECT_NE(mine.data(block->offset), other.data(block->offset));
  EXPECT_EQ(std::memcmp(mine.data(block->offset), other.data(block->offset), block->size_bytes), 0);
  EXPECT_EQ(std::to_integer<int>(mine.data(others_block->offset)[99'999]), 0x22);
  EXPECT_EQ(mine.usage().node_committed, other.usage().node_committed);
  EXPECT_LT(mine.usage().committed, mine.usage().node_committed);
}

TEST(SharedArena, ContainsTheArenasAndNotWhatStandsBetweenThem) {
  const auto segment = segment_of(3, 32_MiB);
  const SharedArena arena(segment, 1, 64_KiB, 0);
  const Geometry& geometry = segment->geometry();
  for (std::uint32_t rank = 0; rank < 3; ++rank) {
    const std::uint64_t first = geometry.arena_offset(rank);
    EXPECT_TRUE(arena.contains(first, geometry.arena_bytes));
    EXPECT_FALSE(arena.contains(first, geometry.arena_bytes + 1));
    EXPECT_TRUE(arena.contains(first + geometry.arena_bytes - 1, 1));
    EXPECT_FALSE(arena.contains(first + geometry.arena_bytes, 0));
    EXPECT_FALSE(arena.contains(first - 1, 1)) << "the pins of rank " << rank;
    EXPECT_FALSE(arena.contains(geometry.entries_offset(rank), 1));
  }
  EXPECT_FALSE(arena.contains(geometry.total_bytes(), 0));
  EXPECT_FALSE(arena.contains(geometry.records_offset(5), 1));
}

TEST(SharedArena, TakesWhatALargeObjectLacksAndNoMore) {
  SharedArena arena(segment_of(1, 64_MiB), 0, 64_KiB, 0);
  const auto small = arena.allocate(1000);
  ASSERT_TRUE(small);
  EXPECT_EQ(arena.usage().committed, 64_KiB);
  const auto large = arena.allocate(10_MiB);  // continues where the small one's slab ends
  ASSERT_TRUE(large);
  EXPECT_LE(arena.usage().committed, 10_MiB + 128_KiB);
  EXPECT_EQ(large->offset - small->offset, 16_KiB);
  arena.free(*large);
  const auto again = arena.allocate(10_MiB);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->offset, large->offset) << "touched memory is reused";
}

// Half of the memory is free, but no step as a whole, and no two pieces are adjacent.
TEST(SharedArena, MakesALargeBlockOfFreePagesThatAreScattered) {
  const auto segment = segment_of(1, 8_MiB);
  SharedArena arena(segment, 0, 64_KiB, 0, SharedArena::Background::caller);
  std::vector<Block> freed;
  std::vector<Block> kept;
  for (;;) {
    const auto large = arena.allocate(40_KiB);
    const auto small = large ? arena.allocate(36_KiB) : large;
    if (large) {
      freed.push_back(*large);
    }
    if (!small) {
      break;
    }
    kept.push_back(*small);
  }
  ASSERT_GT(kept.size(), 90U);
  for (const Block& block : freed) {
    arena.free(block);
  }
  ASSERT_LT(arena.usage().largest_free, 128_KiB);
  const std::uint64_t calls = segment->header().pressure.load();
  const auto whole = arena.allocate(3_MiB);
  ASSERT_TRUE(whole) << whole.error();
  std::memset(arena.data(whole->offset), 1, whole->size_bytes);
  EXPECT_EQ(segment->header().pressure.load(), calls) << "no other process was asked";
  EXPECT_EQ(arena.usage().used, 3_MiB + kept.size() * 36_KiB);
  EXPECT_LE(segment->committed_bytes(), 8_MiB + segment->geometry().head_bytes());
  arena.free(*whole);
}

// A large request commits for a long time: a small one meanwhile is served before that is over.
TEST(SharedArena, ASmallRequestDoesNotWaitForALargeOne) {
  constexpr std::uint64_t large_bytes = 768_MiB;
  bool overtaken = false;
  for (int attempt = 0; attempt < 10 && !overtaken; ++attempt) {  // this thread may not be scheduled in time
    const auto segment = segment_of(1, 1_GiB);
    SharedArena arena(segment, 0, 64_KiB, 0, SharedArena::Background::caller);
    const std::uint64_t before = segment->committed_bytes();
    std::thread other([&] { EXPECT_TRUE(arena.allocate(large_bytes)); });
    EXPECT_TRUE(soon([&] { return segment->committed_bytes() > before; }));
    for (int request = 0; request < 4; ++request) {  // each of them grows the arena
      EXPECT_TRUE(arena.allocate(1_MiB));
    }
    overtaken = segment->committed_bytes() - before < large_bytes;
    other.join();
    EXPECT_EQ(arena.usage().used, large_bytes + 4_MiB);
    EXPECT_EQ(segment->committed_bytes() - before, arena.usage().committed);
  }
  EXPECT_TRUE(overtaken);
}

TEST(SharedArena, CommitsAPieceAtMostForWhoMayNotWork) {
  const auto segment = segment_of(1, 64_MiB);
  SharedArena arena(segment, 0, 64_KiB, 0, SharedArena::Background::caller);
  const std::uint64_t before = segment->committed_bytes();
  const auto brief = WaitBudget::limited(std::chrono::milliseconds(10), WaitBudget::Work::little);
  const auto refused = arena.allocate(3_MiB, 16, brief);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::out_of_memory);
  EXPECT_FALSE(refused.error().is_transient()) << "no other thread commits it";
  EXPECT_EQ(segment->committed_bytes(), before);
  EXPECT_TRUE(arena.allocate(2_MiB, 16, brief));
  const auto block = arena.allocate(3_MiB);
  ASSERT_TRUE(block);
  arena.free(*block);
  EXPECT_TRUE(arena.allocate(3_MiB, 16, brief)) << "committed memory needs no work";
}

TEST(SharedArena, CommitsAllForWhoMayWorkButNotWait) {
  SharedArena arena(segment_of(1, 64_MiB), 0, 64_KiB, 0, SharedArena::Background::caller);
  const auto brief = WaitBudget::limited(std::chrono::milliseconds(10), WaitBudget::Work::any);
  EXPECT_TRUE(arena.allocate(30_MiB, 16, brief));
  EXPECT_TRUE(arena.allocate(10_MiB, 16, brief));
}

TEST(SharedArena, ObjectsOf64BytesLoseAFewBytesEach) {
  SharedArena arena(segment_of(1, 64_MiB), 0, 64_KiB, 0);
  constexpr std::uint64_t count = 100'000;
  for (std::uint64_t n = 0; n < count; ++n) {
    ASSERT_TRUE(arena.allocate(64));
  }
  const double lost = static_cast<double>(arena.usage().committed) / count - 64;
  RecordProperty("lost_bytes", std::to_string(lost));
  EXPECT_LT(lost, 2.0);
}

// Mixed sizes, log-uniform from 16 bytes to 4 MiB, at a steady number of live blocks.
TEST(SharedArena, StaysDenseUnderMixedSizes) {
  SharedArena arena(segment_of(1, 2_GiB), 0, 1_MiB, 0);
  std::mt19937_64 random(20240607);
  std::uniform_real_distribution<double> exponent(4, 22);
  std::vector<Block> live;
  std::uint64_t live_bytes = 0;
  std::uint64_t most_live_bytes = 0;
  const auto add = [&] {
    const auto size_bytes = static_cast<std::uint64_t>(std::exp2(exponent(random)));
    const auto block = arena.allocate(size_bytes);
    ASSERT_TRUE(block) << block.error();
    live.push_back(*block);
    live_bytes += size_bytes;
    most_live_bytes = std::max(most_live_bytes, live_bytes);
  };
  for (int n = 0; n < 1000; ++n) {
    add();
  }
  for (int n = 0; n < 50'000; ++n) {
    const std::size_t chosen = random() % live.size();
    live_bytes -= live[chosen].size_bytes;
    arena.free(live[chosen]);
    live[chosen] = live.back();
    live.pop_back();
    add();
  }
  const auto committed = static_cast<double>(arena.usage().committed);
  const double dense = static_cast<double>(most_live_bytes) / committed;
  std::printf("live at most %.0f MiB, committed %.0f MiB, live/committed %.3f, rounding alone %.3f\n",
              static_cast<double>(most_live_bytes) / 1_MiB, committed / 1_MiB, dense,
              static_cast<double>(live_bytes) / static_cast<double>(arena.usage().used));
  EXPECT_GT(dense, 0.75);
  EXPECT_GT(static_cast<double>(live_bytes) / static_cast<double>(arena.usage().used), 0.9);
}

TEST(SharedArena, PreparesAheadOnceItIsUsedAndTouchesWhatItPrepares) {
  SharedArena arena(segment_of(1, 256_MiB), 0, 64_KiB, 8_MiB);
  EXPECT_EQ(arena.usage().committed, 0U) << "nothing is prepared before the first allocation";
  ASSERT_TRUE(arena.allocate(64));
  ASSERT_TRUE(soon([&] { return arena.usage().largest_free >= 8_MiB; }));
  ASSERT_TRUE(soon([&] { return arena.prepared_bytes() + 64_KiB == arena.usage().committed; }));

  if (tests::sanitized) {
    GTEST_SKIP() << "the sanitizer's own memory is touched at the same time; that it is prepared was tested";
  }
  if (!kernel_touches_on_request()) {
    GTEST_SKIP() << "this kernel touches no pages on request (MADV_POPULATE_WRITE, Linux 5.14)";
  }
  rusage before{};
  rusage after{};
  const auto block = arena.allocate(3_MiB);
  ASSERT_TRUE(block);
  ::getrusage(RUSAGE_THREAD, &before);
  std::memset(arena.data(block->offset), 1, block->size_bytes);
  ::getrusage(RUSAGE_THREAD, &after);
  EXPECT_LT(after.ru_minflt - before.ru_minflt, static_cast<long>(3_MiB / page_bytes / 4));
}

TEST(SharedArena, PreparesNothingWhileItIsNotWanted) {
  SharedArena arena(segment_of(1, 256_MiB), 0, 64_KiB, 8_MiB, SharedArena::Background::caller);
  const auto work = [&] {
    while (arena.work(std::chrono::steady_clock::now()) == SharedArena::Moment::min()) {
    }
  };
  arena.prepare(false);
  ASSERT_TRUE(arena.allocate(64));
  work();
  EXPECT_EQ(arena.prepared_bytes(), 0U);
  EXPECT_EQ(arena.usage().committed, 64_KiB);
  arena.prepare(true);
  work();
  EXPECT_GE(arena.usage().largest_free, 8_MiB);
  const std::uint64_t prepared = arena.prepared_bytes();
  arena.prepare(false);
  ASSERT_TRUE(arena.allocate(4_MiB));
  work();
  EXPECT_EQ(arena.prepared_bytes(), prepared);
}

TEST(SharedArena, PreparingLeavesTheLastQuarterToWhoNeedsIt) {
  const auto segment = segment_of(2, 32_MiB);
  SharedArena arena(segment, 0, 64_KiB, 32_MiB);
  SharedArena other(segment, 1, 64_KiB, 32_MiB);
  ASSERT_TRUE(arena.allocate(64));
  ASSERT_TRUE(other.allocate(64));
  ASSERT_TRUE(soon([&] { return arena.usage().node_committed > 22_MiB; }));
  const auto block = arena.allocate(arena.usage().largest_free + 6_MiB);
  ASSERT_TRUE(block) << block.error();
}

TEST(SharedArena, EndsAtOnceWhileItIsPreparing) {
  const auto start = std::chrono::steady_clock::now();
  for (int round = 0; round < 20; ++round) {
    SharedArena arena(segment_of(1, 2_GiB), 0, 64_KiB, 1_GiB);
    ASSERT_TRUE(arena.allocate(64));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  EXPECT_LT(took.count(), 10.0) << "twenty times 1 GiB would take longer to prepare";
}

TEST(SharedArena, GoesOnAfterSharedMemoryWasFull) {
  const Ending ending = in_child([]() -> std::string {
    if (const auto reason = tests::mount_small_shared_memory(24_MiB)) {
      return "skipped: " + *reason;
    }
    SharedArena arena(segment_of(1, 20_MiB), 0, 64_KiB, 0);
    std::ofstream("/dev/shm/filling") << std::string(14_MiB, 'x') << std::flush;
    ArenaModel model(arena);
    auto block = arena.allocate(1_MiB);
    for (; block; block = arena.allocate(1_MiB)) {
      if (auto wrong = model.add(*block, 1_MiB); !wrong.empty()) {  // writes all of it: no SIGBUS
        return wrong;
      }
    }
    if (block.error().code() != Errc::out_of_memory ||
        std::string(block.error().what()).find("/dev/shm is full") == std::string::npos ||
        model.count() < 5) {
      return block.error().what();
    }
    if (auto wrong = model.free(2); !wrong.empty()) {
      return wrong;
    }
    block = arena.allocate(1_MiB);
    if (!block) {
      return block.error().what();
    }
    if (auto wrong = model.add(*block, 1_MiB); !wrong.empty()) {
      return wrong;
    }
    std::filesystem::remove("/dev/shm/filling");
    return arena.allocate(8_MiB) ? "goes on" : "does not notice that there is room again";
  });
  if (ending.said.starts_with("skipped")) {
    GTEST_SKIP() << ending.said;
  }
  EXPECT_EQ(ending.signal, 0) << "a signal ended it; 7 is SIGBUS";
  EXPECT_EQ(ending.said, "goes on");
}

/// Does all present background work; returns the number of pieces.
int settle(SharedArena& arena) {
  int pieces = 0;
  while (arena.work(SharedArena::Moment(std::chrono::hours(1))) == SharedArena::Moment::min()) {
    ++pieces;
  }
  return pieces;
}

// Rank 0 has died; rank 1 knows its used blocks.
TEST(SharedArena, AdoptingGivesBackWhatNoBlockLiesIn) {
  const auto segment = segment_of(2, 512_MiB);
  SharedArena heir(segment, 1, 64_KiB, 0, SharedArena::Background::caller);
  std::vector<Block> used;
  std::uint64_t used_pages = 0;
  {
    SharedArena dead(segment, 0, 64_KiB, 0);
    for (const std::uint64_t size_bytes : {100_KiB, 64_MiB, 20_MiB, 1_MiB, 40_MiB}) {
      const auto kept = dead.allocate(size_bytes);
      const auto lost = dead.allocate(3 * size_bytes / 2);
      ASSERT_TRUE(kept && lost);
      std::memset(dead.data(kept->offset), 0x33, size_bytes);
      used.push_back(*kept);
      used_pages += (size_bytes + page_bytes - 1) / page_bytes;
    }
  }
  const std::uint64_t before = segment->committed_bytes();
  segment->share(0).surplus_bytes = 1_MiB;
  ASSERT_TRUE(heir.adopt(0, used));
  EXPECT_EQ(segment->share(0).surplus_bytes, 0U) << "no process is left to return it";
  EXPECT_EQ(segment->committed_bytes(), segment->geometry().head_bytes() + used_pages * page_bytes);
  EXPECT_GT(before, segment->committed_bytes());
  EXPECT_EQ(heir.usage().used, used_pages * page_bytes);
  EXPECT_EQ(heir.usage().committed, used_pages * page_bytes);
  const std::uint64_t most = used_pages * page_bytes;
  for (const Block& block : used) {
    for (std::uint64_t at = 0; at < block.size_bytes; ++at) {
      ASSERT_EQ(std::to_integer<int>(heir.data(block.offset)[at]), 0x33) << at << " of " << block.size_bytes;
    }
  }

  ASSERT_TRUE(heir.adopt(0, used)) << "as after an adopter's death: nothing changes";
  EXPECT_EQ(segment->committed_bytes(), segment->geometry().head_bytes() + used_pages * page_bytes);
  EXPECT_EQ(heir.usage().used, used_pages * page_bytes);
  for (const Block& block : used) {
    heir.free(block);
    used_pages -= (block.size_bytes + page_bytes - 1) / page_bytes;
    EXPECT_EQ(heir.usage().used, used_pages * page_bytes);
    (void)settle(heir);
    EXPECT_EQ(segment->committed_bytes(), segment->geometry().head_bytes() + used_pages * page_bytes);
  }
  EXPECT_EQ(heir.usage().committed, 0U);
  EXPECT_EQ(heir.usage().highest, most);
  EXPECT_EQ(heir.usage().node_highest, before);
}

// Returning a gibibyte takes a fifth of a second, which the freeing thread must not spend.
TEST(SharedArena, AdoptedBlocksAreGivenBackInTheBackgroundPieceByPiece) {
  const auto segment = segment_of(2, 512_MiB);
  SharedArena heir(segment, 1, 64_KiB, 0, SharedArena::Background::caller);
  std::vector<Block> used;
  {
    SharedArena dead(segment, 0, 64_KiB, 0, SharedArena::Background::caller);
    used = {*dead.allocate(101_MiB), *dead.allocate(1_MiB), *dead.allocate(100_MiB)};
  }
  ASSERT_TRUE(heir.adopt(0, used));
  EXPECT_EQ(settle(heir), 0) << "nothing is left to do";
  const std::uint64_t before = segment->committed_bytes();
  if (!tests::sanitized) {  // a sanitizer makes its own system calls
    EXPECT_TRUE(locum::tests::makes_no_system_call([&] {
      heir.free(used[0]);
      heir.free(used[2]);
    }));
  }
  heir.free(used[0]);
  heir.free(used[2]);
  EXPECT_EQ(segment->committed_bytes(), before);
  EXPECT_EQ(heir.usage().used, 1_MiB);
  EXPECT_EQ(heir.usage().committed, 202_MiB);
  EXPECT_EQ(segment->share(1).surplus_bytes, 201_MiB) << "processes that lack memory see it";
  std::uint64_t committed = before;
  while (committed > before - 201_MiB) {
    ASSERT_EQ(heir.work(SharedArena::Moment(std::chrono::hours(1))), SharedArena::Moment::min());
    const std::uint64_t now = segment->committed_bytes();
    ASSERT_LT(now, committed);
    ASSERT_LE(committed - now, 2_MiB) << "others wait that long for the file";
    committed = now;
  }
  EXPECT_EQ(settle(heir), 0);
  EXPECT_EQ(heir.given_back_bytes(), 201_MiB);
  EXPECT_EQ(heir.usage().committed, 1_MiB);
  EXPECT_EQ(segment->share(1).surplus_bytes, 0U);
}

TEST(SharedArena, AdoptedBlocksAreGivenBackUnasked) {
  const auto segment = segment_of(2, 512_MiB);
  SharedArena heir(segment, 1, 64_KiB, 0);
  Block used;
  {
    SharedArena dead(segment, 0, 64_KiB, 0, SharedArena::Background::caller);
    used = *dead.allocate(100_MiB);
  }
  ASSERT_TRUE(heir.adopt(0, std::vector<Block>{used}));
  heir.free(used);
  EXPECT_TRUE(soon([&] { return segment->committed_bytes() == segment->geometry().head_bytes(); }));
  EXPECT_EQ(heir.usage().committed, 0U);
}

TEST(SharedArena, AdoptedSmallBlocksShareTheirPages) {
  const auto segment = segment_of(2, 64_MiB);
  SharedArena heir(segment, 1, 64_KiB, 0, SharedArena::Background::caller);
  std::vector<Block> used;
  {
    SharedArena dead(segment, 0, 64_KiB, 0);
    for (int count = 0; count < 256; ++count) {
      used.push_back(*dead.allocate(64));  // four pages
    }
  }
  ASSERT_TRUE(heir.adopt(0, used));
  const std::uint64_t head_bytes = segment->geometry().head_bytes();
  EXPECT_EQ(segment->committed_bytes(), head_bytes + 4 * page_bytes);
  for (std::size_t index = 0; index < used.size(); ++index) {
    heir.free(used[index]);
    (void)settle(heir);
    const std::uint64_t left = 4 - (index + 1) / 64;
    ASSERT_EQ(segment->committed_bytes(), head_bytes + left * page_bytes) << index;
  }
}

TEST(SharedArena, AdoptingSurvivesATableThatWasOverwritten) {
  const auto segment = segment_of(3, 64_MiB);
  const Geometry& geometry = segment->geometry();
  SharedArena heir(segment, 2, 64_KiB, 0, SharedArena::Background::caller);
  Block real;
  {
    SharedArena dead(segment, 0, 64_KiB, 0);
    real = *dead.allocate(1_MiB);
  }
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t begin = geometry.arena_offset(0);
  const std::vector<Block> used{real,
                                real,
                                {real.offset + 5000, 3},
                                {begin, geometry.arena_bytes + 1},
                                {begin - 1, 2},
                                {0, most},
                                {most, most},
                                {most, 0},
                                {begin + geometry.arena_bytes - 1, 1},
                                {begin + geometry.arena_bytes, 0},
                                {geometry.arena_offset(1), 100}};
  ASSERT_TRUE(heir.adopt(0, used));
  EXPECT_EQ(heir.usage().used, real.size_bytes + page_bytes);
  for (const Block& block : used) {
    heir.free(block);
    heir.free({block.offset, block.size_bytes / 2});
  }
  EXPECT_EQ(heir.usage().used, 0U);
  (void)settle(heir);
  EXPECT_EQ(segment->committed_bytes(), geometry.head_bytes());
  EXPECT_EQ(heir.adopt(2, used).error().code(), Errc::invalid_argument) << "its own share";
  EXPECT_EQ(heir.adopt(3, used).error().code(), Errc::invalid_argument);
}

// Two tebibytes of address space, mostly never committed: the empty part must not be walked.
TEST(SharedArena, AdoptingALargeRangeTakesMilliseconds) {
  if (tests::sanitized) {
    GTEST_SKIP() << "ThreadSanitizer refuses address ranges of this size";
  }
  const auto segment = Segment::create(Geometry::fit(2, 2048_GiB, std::uint64_t{32} << 40U), 1);
  const std::uint64_t begin = segment->geometry().arena_offset(0);
  std::vector<Block> used;
  for (const std::uint64_t at : {0_GiB, 1000_GiB, 2000_GiB}) {
    ASSERT_TRUE(segment->commit(begin + at, 4_MiB));
    used.push_back({begin + at + 1_MiB, 1_MiB});
  }
  SharedArena heir(segment, 1, 64_KiB, 0);
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(heir.adopt(0, used));
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  RecordProperty("adopt_ms", std::to_string(took.count()));
  EXPECT_EQ(segment->committed_bytes(), segment->geometry().head_bytes() + 3_MiB);
  EXPECT_LT(took.count(), 2000) << "in pieces of 16 MiB throughout it would be 131072 calls";
}

}  // namespace
}  // namespace locum::shm
