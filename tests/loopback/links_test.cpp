#include "tests/loopback/links.hpp"

#include <gtest/gtest.h>

namespace locum::loopback {
namespace {

using namespace std::chrono_literals;

constexpr Moment start{1000s};

TEST(LoopbackLinks, KeepsTheOrderOfEachLinkAlone) {
  Links links(3, {});
  EXPECT_EQ(links.in_order(0, 1, start + 10ns, start), start + 10ns);
  EXPECT_EQ(links.in_order(0, 1, start + 5ns, start), start + 10ns);
  EXPECT_EQ(links.in_order(1, 0, start + 5ns, start), start + 5ns);
  EXPECT_EQ(links.in_order(0, 2, start + 5ns, start), start + 5ns);
  EXPECT_EQ(links.in_order(0, 1, start + 11ns, start), start + 11ns);
}

TEST(LoopbackLinks, ForgetsOnlyWhatSaysNothing) {
  Links links(1000, {});
  (void)links.in_order(0, 1, start + 1s, start);
  EXPECT_TRUE(links.give_up(7, 8));
  links.cut(5, 6, Cut::hold);
  links.set_latency(3, 4, {1us, 1us});
  for (int round = 0; round < 5; ++round) {
    for (int to = 0; to < 1000; ++to) {
      (void)links.in_order(round + 10, to, start + round * 1ms, start + round * 1ms);
    }
  }
  EXPECT_EQ(links.in_order(0, 1, start + 10ms, start + 10ms), start + 1s);
  EXPECT_TRUE(links.given_up(7, 8));
  EXPECT_EQ(links.cut(5, 6), Cut::hold);
  EXPECT_EQ(links.latency(3, 4).least, 1us);
}

TEST(LoopbackLinks, CutsOneWay) {
  Links links(3, {});
  links.cut(0, 1, Cut::lose);
  EXPECT_EQ(links.cut(0, 1), Cut::lose);
  EXPECT_EQ(links.cut(1, 0), std::nullopt);
  links.heal(0, 1);
  EXPECT_EQ(links.cut(0, 1), std::nullopt);
}

TEST(LoopbackLinks, SetsRanksApart) {
  Links links(5, {});
  links.partition({0, 1}, Cut::hold);
  links.partition({4}, Cut::hold);
  for (int a = 0; a < 5; ++a) {
    for (int b = 0; b < 5; ++b) {
      const bool together = a == b || (a < 2 && b < 2) || (a > 1 && b > 1 && a < 4 && b < 4);
      EXPECT_EQ(links.cut(a, b), together ? std::nullopt : std::optional(Cut::hold)) << a << ' ' << b;
    }
  }
  links.cut(0, 1, Cut::lose);
  links.heal_all();
  for (int a = 0; a < 5; ++a) {
    EXPECT_EQ(links.cut(a, 1), std::nullopt);
  }
}

TEST(LoopbackLinks, GivesUpOnceAndInOneDirection) {
  Links links(2, {});
  EXPECT_FALSE(links.given_up(0, 1));
  EXPECT_TRUE(links.give_up(0, 1));
  EXPECT_FALSE(links.give_up(0, 1));
  EXPECT_TRUE(links.given_up(0, 1));
  EXPECT_FALSE(links.given_up(1, 0));
  EXPECT_TRUE(links.ended(1, 0));
  EXPECT_FALSE(links.ended(0, 1));
}

}  // namespace
}  // namespace locum::loopback
