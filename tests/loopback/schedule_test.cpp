#include "tests/loopback/schedule.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

namespace locum::loopback {
namespace {

TEST(LoopbackSchedule, OrdersByMomentAndThenByWhoCameFirst) {
  std::mt19937 random(1);
  Schedule schedule;
  EXPECT_EQ(schedule.next(), Moment::max());
  std::vector<std::pair<Moment, int>> done;
  for (int i = 0; i < 2000; ++i) {
    const Moment moment{std::chrono::nanoseconds(random() % 50)};
    schedule.add(moment, [&done, moment, i] { done.emplace_back(moment, i); });
  }
  while (!schedule.empty()) {
    const Moment next = schedule.next();
    schedule.take()();
    EXPECT_EQ(done.back().first, next);
  }
  ASSERT_EQ(done.size(), 2000U);
  EXPECT_TRUE(std::ranges::is_sorted(done));
}

}  // namespace
}  // namespace locum::loopback
