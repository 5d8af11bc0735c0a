#include "core/base/spin_limit.hpp"

#include <gtest/gtest.h>

namespace locum {
namespace {

using namespace std::chrono_literals;

const SpinLimit::Clock::time_point now = SpinLimit::Clock::now();

TEST(SpinLimit, IsHalfAsLongAgainAsTheLastWait) {
  SpinLimit limit(50us);
  EXPECT_EQ(limit.time(now), 50us);
  limit.took(1ms);
  EXPECT_EQ(limit.time(now), 1500us);
  limit.took(100us);
  EXPECT_EQ(limit.time(now), 150us);
  limit.took(1900us);
  EXPECT_EQ(limit.time(now), SpinLimit::longest);
}

TEST(SpinLimit, IsTheCostOfSleepingAfterALongWait) {
  SpinLimit limit(50us);
  limit.took(1ms);
  limit.took(10ms);
  EXPECT_EQ(limit.time(now), 50us);
}

TEST(SpinLimit, RemembersTheLongWaitBehindShortOnes) {
  SpinLimit limit(50us);
  limit.took(1ms);
  limit.took(20us);
  EXPECT_EQ(limit.time(now), 1500us) << "replies of other nodes come in between";
}

TEST(SpinLimit, NeverSpinsWhereRanksOutnumberCores) {
  SpinLimit limit(0us);
  limit.took(1ms);
  EXPECT_EQ(limit.time(now), 0us);
}

TEST(SpinLimit, LeavesTheCoreToAThreadThatUsesIt) {
  SpinLimit limit(50us);
  limit.took(1ms);
  EXPECT_TRUE(limit.yielded(now, 100us));
  EXPECT_EQ(limit.time(now), 1500us);
  EXPECT_FALSE(limit.yielded(now, 4ms));
  EXPECT_EQ(limit.time(now + 43ms), 50us);
  EXPECT_EQ(limit.time(now + 44ms), 1500us);
  EXPECT_FALSE(limit.yielded(now, 1h)) << "the process was stopped: counts as 20 ms";
  EXPECT_EQ(limit.time(now + 1s), 1500us);
}

}  // namespace
}  // namespace locum
