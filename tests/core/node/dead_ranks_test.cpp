#include "core/node/dead_ranks.hpp"

#include <gtest/gtest.h>

#include <new>

#include "core/value/error.hpp"

namespace locum {
namespace {

TEST(DeadRanks, AreSortedAndKnowTheLatestAdopter) {
  DeadRanks losses(3);
  EXPECT_FALSE(losses.any());
  EXPECT_TRUE(losses.all().empty());
  losses.note({.rank = 2, .adopter = std::nullopt});
  losses.note({.rank = 0, .adopter = 1});
  losses.note({.rank = 2, .adopter = 1});
  EXPECT_TRUE(losses.any());
  const auto all = losses.all();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].rank, 0U);
  EXPECT_EQ(all[1].rank, 2U);
  EXPECT_EQ(all[1].adopter, 1U);
}

TEST(DeadRanks, TellWhoWantsToKnowOfAdoptionsAndPassOnWhatItThrows) {
  DeadRanks losses(1);
  losses.adopted();  // no listener
  int told = 0;
  losses.when_adopted([&] { ++told; });
  losses.adopted();
  losses.adopted();
  EXPECT_EQ(told, 2);
  losses.when_adopted([]() -> void { throw Error(Errc::system, "the test says so"); });
  EXPECT_THROW(losses.adopted(), Error);
  EXPECT_EQ(told, 2);
}

}  // namespace
}  // namespace locum
