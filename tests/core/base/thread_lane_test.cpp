#include "core/base/thread_lane.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <latch>
#include <thread>
#include <vector>

namespace locum::detail {
namespace {

/// Lanes of `count` threads that exist at the same time.
std::vector<std::uint32_t> lanes_of(std::uint32_t count) {
  std::vector<std::uint32_t> lanes(count);
  std::latch all_have_one(count);
  std::vector<std::thread> threads;
  for (std::uint32_t& lane : lanes) {
    threads.emplace_back([&] {
      lane = thread_lane();
      EXPECT_EQ(thread_lane(), lane);
      all_have_one.arrive_and_wait();
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  std::sort(lanes.begin(), lanes.end());
  return lanes;
}

TEST(ThreadLane, IsOneThreadsOwnUntilAllAreTaken) {
  const std::uint32_t mine = thread_lane();
  ASSERT_LT(mine, shared_lane);
  for (int again = 0; again < 3; ++again) {  // lanes of ended threads are reused
    const std::vector<std::uint32_t> lanes = lanes_of(shared_lane + 5);
    std::vector<std::uint32_t> expected;
    for (std::uint32_t lane = 0; lane < shared_lane; ++lane) {
      if (lane != mine) {
        expected.push_back(lane);
      }
    }
    expected.resize(lanes.size(), shared_lane);
    EXPECT_EQ(lanes, expected);
  }
}

struct AsksWhenTheThreadEnds {
  std::uint32_t* lane = nullptr;
  ~AsksWhenTheThreadEnds() {
    if (lane != nullptr) {
      *lane = thread_lane();
    }
  }
};

TEST(ThreadLane, IsTheSharedOneForAThreadThatIsEnding) {
  std::uint32_t at_the_end = 0;
  std::thread([&] {
    thread_local AsksWhenTheThreadEnds
        last;  // constructed before the lane is taken, so destroyed after it is returned
    last.lane = &at_the_end;
    ASSERT_LT(thread_lane(), shared_lane);
  }).join();
  EXPECT_EQ(at_the_end, shared_lane);
}

}  // namespace
}  // namespace locum::detail
