#include "tests/loopback/random.hpp"

#include <gtest/gtest.h>

#include <array>

namespace locum::loopback {
namespace {

using namespace std::chrono_literals;

// The first words of the published generator for this seed: the same on every machine.
TEST(LoopbackRandom, IsSplitMix64) {
  Random random(1234567);
  EXPECT_EQ(random.next(), 6457827717110365317U);
  EXPECT_EQ(random.next(), 3203168211198807973U);
  EXPECT_EQ(random.next(), 9817491932198370423U);
}

TEST(LoopbackRandom, ReachesBothBoundsAndNothingElse) {
  Random random(1);
  std::array<int, 4> seen{};
  for (int i = 0; i < 4000; ++i) {
    const auto duration = random.within({3ns, 6ns});
    ASSERT_GE(duration, 3ns);
    ASSERT_LE(duration, 6ns);
    ++seen.at(static_cast<std::size_t>(duration.count() - 3));
  }
  for (const int count : seen) {
    EXPECT_NEAR(count, 1000, 150);
  }
}

TEST(LoopbackRandom, DrawsNothingWhereThereIsNoChoice) {
  Random random(1);
  Random untouched(1);
  EXPECT_EQ(random.within({5ns, 5ns}), 5ns);
  EXPECT_FALSE(random.chance(0));
  EXPECT_EQ(random.next(), untouched.next());
  int hits = 0;
  for (int i = 0; i < 10'000; ++i) {
    hits += random.chance(0.25) ? 1 : 0;
  }
  EXPECT_NEAR(hits, 2500, 200);
  EXPECT_TRUE(random.chance(1));
}

}  // namespace
}  // namespace locum::loopback
