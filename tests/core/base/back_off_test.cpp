#include "core/base/back_off.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace locum {
namespace {

using namespace std::chrono_literals;

TEST(BackOff, DoublesUpToItsLongestPause) {
  BackOff back_off(1ms, 5ms);
  EXPECT_EQ(back_off.pause(), 1ms);
  EXPECT_EQ(back_off.next(), 1ms);
  EXPECT_EQ(back_off.next(), 2ms);
  EXPECT_EQ(back_off.next(), 4ms);
  EXPECT_EQ(back_off.next(), 5ms);
  EXPECT_EQ(back_off.next(), 5ms);
}

TEST(BackOff, IsNoShorterThanItsFirstPauseAndNoLongerThanAnHour) {
  BackOff one(2s, 1s);
  EXPECT_EQ(one.next(), 2s);
  EXPECT_EQ(one.next(), 2s);
  BackOff endless(50min, std::chrono::milliseconds::max());
  EXPECT_EQ(endless.next(), 50min);
  EXPECT_EQ(endless.next(), 1h);
}

}  // namespace
}  // namespace locum
