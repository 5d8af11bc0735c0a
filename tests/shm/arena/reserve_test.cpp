#include "shm/arena/reserve.hpp"

#include <gtest/gtest.h>

namespace locum::shm {
namespace {

using Moment = Reserve::Moment;

constexpr Moment start{std::chrono::hours(1)};
constexpr std::uint64_t keep = 8;
constexpr bool can_grow = true;

TEST(Reserve, WakesTheBackgroundWhenHalfOfWhatIsKeptIsGone) {
  Reserve reserve(keep);
  EXPECT_FALSE(reserve.note(keep / 2, can_grow));
  EXPECT_TRUE(reserve.lacks(keep / 2, can_grow)) << "once awake, it commits up to `keep`";
  EXPECT_TRUE(reserve.note(keep / 2 - 1, can_grow));
  EXPECT_FALSE(reserve.note(keep / 2 - 1, false)) << "there is nothing to commit";
  EXPECT_FALSE(reserve.lacks(keep, can_grow));
}

TEST(Reserve, LacksNothingWhileSomebodyWaitsForACommit) {
  Reserve reserve(keep);
  reserve.commit_begins();
  reserve.commit_begins();
  reserve.commit_ends(true);
  EXPECT_FALSE(reserve.lacks(0, can_grow));
  reserve.commit_ends(false);
  EXPECT_TRUE(reserve.lacks(0, can_grow));
}

TEST(Reserve, LacksNothingWhileMemoryIsShort) {
  Reserve reserve(keep);
  reserve.run_short();
  EXPECT_FALSE(reserve.lacks(0, can_grow));
  reserve.commit_begins();
  reserve.commit_ends(false);
  EXPECT_FALSE(reserve.lacks(0, can_grow)) << "memory is still short";
  reserve.commit_begins();
  reserve.commit_ends(true);
  EXPECT_TRUE(reserve.lacks(0, can_grow));
}

TEST(Reserve, GivesBackWhatTwoWindowsDidNotNeed) {
  Reserve reserve(keep);
  EXPECT_TRUE(reserve.note(20, can_grow)) << "from now on windows are watched";
  EXPECT_FALSE(reserve.note(20, can_grow));
  EXPECT_EQ(reserve.look(start, 20), start + Reserve::window);
  EXPECT_FALSE(reserve.note(12, can_grow));
  EXPECT_FALSE(reserve.note(20, can_grow));
  EXPECT_EQ(reserve.look(start + Reserve::window, 20), start + 2 * Reserve::window)
      << "demand before the first window is not known";
  EXPECT_EQ(reserve.look(start + 2 * Reserve::window, 20), Moment::min());
  EXPECT_EQ(reserve.surplus(20), 12 - keep);
  reserve.gave_back(3);
  EXPECT_EQ(reserve.surplus(17), 1U);
  reserve.gave_back(1);
  EXPECT_EQ(reserve.surplus(16), 0U);
  EXPECT_EQ(reserve.look(start + 3 * Reserve::window, keep), Moment::max());
  EXPECT_TRUE(reserve.note(keep + 1, can_grow)) << "windows were not watched meanwhile";
}

TEST(Reserve, GivesBackInTurnWhatIsTooScattered) {
  Reserve reserve(keep);
  EXPECT_FALSE(reserve.exchange(5, 0, keep)) << "kept units stay";
  EXPECT_TRUE(reserve.exchange(5, 400, 30))
      << "of the others a 16th of the used ones, or as many as were committed";
  EXPECT_EQ(reserve.surplus(30), 5U);
  EXPECT_TRUE(reserve.exchange(0, 16, 30));
  EXPECT_EQ(reserve.surplus(30), 30 - keep);
  EXPECT_EQ(reserve.surplus(10), 2U) << "units used meanwhile are no surplus";
}

TEST(Reserve, AnswersACallWithHalfOfAllThatIsFree) {
  Reserve reserve(keep);
  reserve.on_request(21, 2);
  EXPECT_TRUE(reserve.was_requested());
  EXPECT_FALSE(reserve.lacks(0, can_grow)) << "memory returned for others is not committed again";
  EXPECT_EQ(reserve.surplus(21), 11U);
  reserve.gave_back(6);
  EXPECT_TRUE(reserve.was_requested());
  EXPECT_EQ(reserve.surplus(15), 5U);
  reserve.gave_back(5);
  EXPECT_FALSE(reserve.was_requested());
  reserve.on_request(6, 16);
  EXPECT_EQ(reserve.surplus(6), 6U) << "kept ones, too, if there are too few others";
  reserve.gave_back(0);
  EXPECT_FALSE(reserve.was_requested()) << "no more can be returned";
  EXPECT_EQ(reserve.surplus(6), 0U);
}

}  // namespace
}  // namespace locum::shm
