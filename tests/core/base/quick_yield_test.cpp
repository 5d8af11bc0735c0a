#include "core/base/quick_yield.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace locum {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// Keeps the calling thread on the first core that it may use.
void stay_on_one_core() {
  cpu_set_t all;
  ASSERT_EQ(::sched_getaffinity(0, sizeof all, &all), 0);
  std::size_t core = 0;
  while (!CPU_ISSET(core, &all)) {
    ++core;
  }
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(core, &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
}

/// Whether quick_yield() returns `value` within a minute.
bool returns(bool value) {
  const auto end = Clock::now() + 60s;
  while (quick_yield() != value) {
    if (Clock::now() > end) {
      return false;
    }
  }
  return true;
}

TEST(QuickYield, IsLeftOutWhileAnotherThreadComputesOnTheSameCore) {
  std::thread([] {
    stay_on_one_core();
    std::atomic<bool> computes{true};
    std::thread computing([&] {
      while (computes.load(std::memory_order_relaxed)) {
      }
    });
    EXPECT_TRUE(returns(false));
    computes = false;
    computing.join();
    EXPECT_TRUE(returns(true)) << "it is tried again";
  }).join();
}

TEST(QuickYield, IsLeftOutForAHundredTimesAsLong) {
  EXPECT_EQ(pause_behind_yield(4ms), 400ms);
}

TEST(QuickYield, IsNotLeftOutForLongAfterTheProcessWasStopped) {
  EXPECT_EQ(pause_behind_yield(24h), 2s);
}

}  // namespace
}  // namespace locum
