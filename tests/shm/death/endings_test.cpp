#include "shm/death/endings.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tests/shm/child.hpp"

namespace locum::shm {
namespace {

using Clock = Deadline::Clock;
using Ranks = std::vector<std::uint32_t>;

std::string live_on() {
  ::pause();
  return {};
}

class EndingsTest : public testing::Test {
 protected:
  [[nodiscard]] std::vector<ProcessIdentity> processes() const {
    std::vector<ProcessIdentity> all(3, ProcessIdentity::own());
    all[1].number = static_cast<std::uint64_t>(first_.id());
    all[2].number = static_cast<std::uint64_t>(second_.id());
    return all;
  }
  // Once anybody is seen to have ended, or after twenty seconds.
  [[nodiscard]] static Ranks wait_for_ending(Endings& endings, Clock::duration patience) {
    const auto latest = Clock::now() + std::chrono::seconds(20);
    Ranks ended;
    while (ended.empty() && Clock::now() < latest) {
      std::this_thread::yield();
      ended = endings.ended_for(patience);
    }
    return ended;
  }

  tests::Child first_{live_on};
  tests::Child second_{live_on};
};

TEST_F(EndingsTest, TellWhoHasEnded) {
  Endings endings(processes(), 0);
  EXPECT_EQ(endings.ended_for(Clock::duration::zero()), Ranks());
  second_.kill();
  EXPECT_EQ(wait_for_ending(endings, Clock::duration::zero()), Ranks{2});
  first_.kill();
  EXPECT_EQ(first_.wait().exit_code, -1);
  EXPECT_EQ(endings.ended_for(Clock::duration::zero()), (Ranks{1, 2}));
}

TEST_F(EndingsTest, AreToldOnceTheyWereSeenLongEnough) {
  constexpr std::chrono::milliseconds patience{50};
  Endings endings(processes(), 0);
  second_.kill();
  EXPECT_EQ(second_.wait().exit_code, -1);
  const auto begin = Clock::now();
  EXPECT_EQ(endings.ended_for(patience), Ranks());
  EXPECT_EQ(wait_for_ending(endings, patience), Ranks{2});
  EXPECT_GE(Clock::now() - begin, patience);
}

TEST_F(EndingsTest, AreUnknownWhereTheSystemCannotTell) {
  std::vector<ProcessIdentity> elsewhere = processes();
  for (ProcessIdentity& each : elsewhere) {
    each.name_space = 0;
  }
  Endings endings(elsewhere, 0);
  second_.kill();
  EXPECT_EQ(second_.wait().exit_code, -1);
  EXPECT_EQ(endings.ended_for(Clock::duration::zero()), Ranks());
}

}  // namespace
}  // namespace locum::shm
