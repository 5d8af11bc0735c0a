#include "shm/death/exits_while_closing.hpp"

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

class ProcessExitsTest : public testing::Test {
 protected:
  [[nodiscard]] std::vector<ProcessIdentity> processes() const {
    std::vector<ProcessIdentity> all(3, ProcessIdentity::own());
    all[1].number = static_cast<std::uint64_t>(first_.id());
    all[2].number = static_cast<std::uint64_t>(second_.id());
    return all;
  }
  // Waits until an end is seen, or for twenty seconds.
  [[nodiscard]] static Ranks wait_for_ending(ExitsWhileClosing& exits, Clock::duration patience) {
    const auto latest = Clock::now() + std::chrono::seconds(20);
    Ranks ended;
    while (ended.empty() && Clock::now() < latest) {
      std::this_thread::yield();
      ended = exits.exited_for(patience);
    }
    return ended;
  }

  tests::Child first_{live_on};
  tests::Child second_{live_on};
};

TEST_F(ProcessExitsTest, TellWhoHasEnded) {
  ExitsWhileClosing exits(processes(), 0);
  EXPECT_EQ(exits.exited_for(Clock::duration::zero()), Ranks());
  second_.kill();
  EXPECT_EQ(wait_for_ending(exits, Clock::duration::zero()), Ranks{2});
  first_.kill();
  EXPECT_EQ(first_.wait().exit_code, -1);
  EXPECT_EQ(exits.exited_for(Clock::duration::zero()), (Ranks{1, 2}));
}

TEST_F(ProcessExitsTest, AreToldOnceTheyWereSeenLongEnough) {
  constexpr std::chrono::milliseconds patience{50};
  ExitsWhileClosing exits(processes(), 0);
  second_.kill();
  EXPECT_EQ(second_.wait().exit_code, -1);
  const auto begin = Clock::now();
  EXPECT_EQ(exits.exited_for(patience), Ranks());
  EXPECT_EQ(wait_for_ending(exits, patience), Ranks{2});
  EXPECT_GE(Clock::now() - begin, patience);
}

TEST_F(ProcessExitsTest, AreUnknownWhereTheSystemCannotTell) {
  std::vector<ProcessIdentity> elsewhere = processes();
  for (ProcessIdentity& each : elsewhere) {
    each.name_space = 0;
  }
  ExitsWhileClosing exits(elsewhere, 0);
  second_.kill();
  EXPECT_EQ(second_.wait().exit_code, -1);
  EXPECT_EQ(exits.exited_for(Clock::duration::zero()), Ranks());
}

}  // namespace
}  // namespace locum::shm
