#include "core/ports/wait_in_turns.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <vector>

#include "tests/core/code_of.hpp"

namespace locum::wait_in_turns_test {
namespace {

using namespace std::chrono_literals;
using Moment = Deadline::Clock::time_point;
using tests::code_of;

/// A wait by a clock of its own: each turn takes until its moment.
class WaitInTurns : public ::testing::Test {
 protected:
  [[nodiscard]] Result<ObjectView> wait(Moment until, std::optional<BackOff> turns,
                                        const Wanted& wanted = {}) {
    return wait_in_turns(
        until, turns, wanted,
        [&](Moment moment) -> Result<ObjectView> {
          turns_.push_back(moment);
          now_ = std::max(now_, moment);
          return turns_.size() == ends_at_ ? end_ : name_not_put();
        },
        [&] { return now_; });
  }

  Moment now_ = Moment(1h);
  std::vector<Moment> turns_;
  std::size_t ends_at_ = 0;  ///< the turn that ends the wait
  Result<ObjectView> end_ = ObjectView();
};

TEST_F(WaitInTurns, TakesLongerTurnsUntilItsMomentAndThenOneMore) {
  const Moment began = now_;
  EXPECT_EQ(code_of(wait(began + 10ms, BackOff(1ms, 4ms))), Errc::timeout);
  const std::vector<Moment> expected{began + 1ms, began + 3ms, began + 7ms, began + 10ms, began + 10ms};
  EXPECT_EQ(turns_, expected);
}

TEST_F(WaitInTurns, TakesOneTurnWithoutTime) {
  EXPECT_EQ(code_of(wait(Moment::min(), turns_of_looks)), Errc::timeout);
  EXPECT_EQ(turns_, std::vector<Moment>{Moment::min()});
}

TEST_F(WaitInTurns, TakesOneTurnWhereNothingInterruptsIt) {
  const Moment until = now_ + 48h;
  EXPECT_EQ(code_of(wait(until, std::nullopt)), Errc::timeout);
  EXPECT_EQ(turns_, std::vector<Moment>{until});
}

// The object that was found was evicted before it was read.
TEST_F(WaitInTurns, TakesAnotherTurnIfOneEndsEarly) {
  const Moment until = now_ + 1h;
  int turns = 0;
  const auto found = wait_in_turns(
      until, std::nullopt, {},
      [&](Moment) { return ++turns == 1 ? Result<ObjectView>(name_not_put()) : ObjectView(); },
      [&] { return now_; });
  EXPECT_TRUE(found);
  EXPECT_EQ(turns, 2);
}

TEST_F(WaitInTurns, EndsWithAnObjectOrWithAnotherError) {
  ends_at_ = 3;
  EXPECT_TRUE(wait(now_ + 1h, turns_of_looks));
  EXPECT_EQ(turns_.size(), 3U);
  turns_.clear();
  end_ = Error(Errc::peer_lost, "by the test");
  EXPECT_EQ(code_of(wait(now_ + 1h, turns_of_looks)), Errc::peer_lost);
  EXPECT_EQ(turns_.size(), 3U);
}

TEST_F(WaitInTurns, AsksAtEachIntervalWhetherItsResultIsWanted) {
  const Moment began = now_;
  std::vector<Moment> asked;
  const auto is_wanted = [&] {
    asked.push_back(now_);
    return asked.size() < 3;
  };
  EXPECT_EQ(code_of(wait(began + 1h, BackOff(1ms, 1ms), is_wanted)), Errc::timeout);
  const std::vector<Moment> expected{began + look_interval, began + 2 * look_interval,
                                     began + 3 * look_interval};
  EXPECT_EQ(asked, expected);
}

}  // namespace
}  // namespace locum::wait_in_turns_test
