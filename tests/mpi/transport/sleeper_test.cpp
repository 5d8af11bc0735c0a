#include "mpi/transport/sleeper.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace locum::mpi {
namespace {

using namespace std::chrono_literals;
using Clock = Sleeper::Clock;

TEST(Sleeper, AsksOnlyWhileArmed) {
  Sleeper sleeper(1ms);
  int asked = 0;
  sleeper.sleep(Clock::now() + 20ms, [&] { return ++asked > 0; });
  EXPECT_EQ(asked, 0);
  sleeper.arm();
  sleeper.sleep(Clock::now() + 60s, [&] { return ++asked == 3; });
  EXPECT_EQ(asked, 3);
  sleeper.disarm();
  sleeper.sleep(Clock::now() + 5ms, [&] { return ++asked > 0; });
  EXPECT_EQ(asked, 3);
}

// The intervals grow to the longest one: a second of idleness costs about a thousand questions, not a
// million.
TEST(Sleeper, AsksEverLessOften) {
  Sleeper sleeper(1ms);
  sleeper.arm();
  int asked = 0;
  sleeper.sleep(Clock::now() + 300ms, [&] { return ++asked < 0; });
  EXPECT_GT(asked, 50);
  EXPECT_LT(asked, 400);
  sleeper.moved();
  asked = 0;
  sleeper.sleep(Clock::now() + 60s, [&] { return ++asked == 50; });
  EXPECT_EQ(asked, 50) << "by yields, at once";
}

TEST(Sleeper, IsWokenByTheBellOnce) {
  Sleeper sleeper(1ms);
  sleeper.ring();
  sleeper.ring();
  const auto start = Clock::now();
  sleeper.sleep(start + 60s, [] { return false; });
  EXPECT_LT(Clock::now() - start, 30s);
  const auto moment = Clock::now() + 20ms;
  sleeper.sleep(moment, [] { return false; });
  EXPECT_GE(Clock::now(), moment);
}

TEST(Sleeper, WakesForABellAndForArming) {
  Sleeper sleeper(1ms);
  std::atomic<int> wakings{0};
  std::atomic<bool> has_come{false};
  std::thread sleeping([&] {
    sleeper.sleep(Clock::now() + 60s, [&] { return has_come.load(); });
    wakings = 1;
    sleeper.sleep(Clock::now() + 60s, [&] { return has_come.load(); });
    wakings = 2;
  });
  const auto start = Clock::now();
  sleeper.ring();
  while (wakings < 1 && Clock::now() - start < 30s) {
    std::this_thread::yield();
  }
  EXPECT_EQ(wakings, 1);
  has_come = true;
  sleeper.arm();
  sleeping.join();
  EXPECT_LT(Clock::now() - start, 30s);
}

}  // namespace
}  // namespace locum::mpi
