#include "core/base/wake_timer.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace locum {
namespace {

using namespace std::chrono_literals;

TEST(WakeTimer, WakesAtTheMomentThatIsSet) {
  const WakeTimer timer;
  const auto moment = WakeTimer::Clock::now() + 20ms;
  timer.set(moment);
  timer.sleep();
  EXPECT_GE(WakeTimer::Clock::now(), moment);
}

TEST(WakeTimer, WakesAtOnceIfTheMomentHasPassed) {
  const WakeTimer timer;
  const auto before = WakeTimer::Clock::now();
  timer.set({});
  timer.sleep();
  timer.set(before);
  timer.sleep();
  EXPECT_LT(WakeTimer::Clock::now() - before, 10s);
}

TEST(WakeTimer, IsSetAnewWhileAThreadSleeps) {
  const WakeTimer timer;
  const auto before = WakeTimer::Clock::now();
  timer.set(before + 1h);
  std::thread other([&] { timer.set(WakeTimer::Clock::now() + 1ms); });
  timer.sleep();
  other.join();
  EXPECT_LT(WakeTimer::Clock::now() - before, 1min);
}

}  // namespace
}  // namespace locum
