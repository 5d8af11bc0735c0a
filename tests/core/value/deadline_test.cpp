#include "core/value/deadline.hpp"

#include <gtest/gtest.h>

namespace locum {
namespace {

using namespace std::chrono_literals;

TEST(Deadline, MadeFromNothingIsTheDefault) {
  const Deadline deadline;
  EXPECT_TRUE(deadline.is_default());
  const auto before = Deadline::Clock::now();
  const auto moment = deadline.moment(5s);
  EXPECT_GE(moment, before + 5s);
  EXPECT_LE(moment, Deadline::Clock::now() + 5s);
}

TEST(Deadline, MadeFromADurationCountsFromThen) {
  const auto before = Deadline::Clock::now();
  const Deadline deadline = 10ms;
  EXPECT_FALSE(deadline.is_default());
  EXPECT_GE(deadline.moment(1h), before + 10ms);
  EXPECT_LE(deadline.moment(1h), Deadline::Clock::now() + 10ms);
  EXPECT_EQ(deadline.moment(1h), deadline.moment(2h));
}

TEST(Deadline, MadeFromAMomentIsThatMoment) {
  const auto moment = Deadline::Clock::now() + 3s;
  EXPECT_EQ(Deadline(moment).moment(1h), moment);
}

TEST(Deadline, SaturatesInsteadOfOverflowing) {
  EXPECT_EQ(Deadline(std::chrono::hours::max()).moment(1s), Deadline::Clock::time_point::max());
  EXPECT_EQ(Deadline(std::chrono::years(5000)).moment(1s), Deadline::Clock::time_point::max());
  EXPECT_EQ(Deadline().moment(std::chrono::milliseconds::max()), Deadline::Clock::time_point::max());
  const auto just_over = Deadline(-1s).moment(1s);
  const auto long_over = Deadline(-std::chrono::years(5000)).moment(1s);
  EXPECT_LE(just_over, Deadline::Clock::now());
  EXPECT_LE(long_over, Deadline::Clock::now());
}

}  // namespace
}  // namespace locum
