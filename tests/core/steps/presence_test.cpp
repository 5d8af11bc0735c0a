#include "core/steps/presence.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "tests/core/session_fixture.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using State = detail::PresenceWatch::State;

/// The state as soon as it is another one; `here` after a minute.
State awaited(detail::PresenceWatch& watch) {
  const auto until = Clock::now() + 60s;
  while (watch.is_here() && Clock::now() < until) {
    std::this_thread::sleep_for(1ms);
  }
  return watch.state();
}

class PresenceTest : public ::testing::Test {
 protected:
  // A wait for a promise ends after so long, and has to begin again.
  SessionFixture node{{}, {.options = {.timeout = 10ms}}};
  Store store = node.store();
  detail::Presence presence = detail::Presence::make(store).value();
  detail::PresenceWatch watch{*node.session->state(), presence.handle()};
};

TEST_F(PresenceTest, IsSeenToEndHoweverLongItLasts) {
  for (const auto until = Clock::now() + 100ms; Clock::now() < until;) {
    ASSERT_TRUE(watch.is_here());
    std::this_thread::sleep_for(1ms);
  }
  presence = {};  // as by a death: without a word
  EXPECT_EQ(awaited(watch), State::lost);
}

TEST_F(PresenceTest, TellsWhoLeftFromWhoIsLost) {
  presence.leave(1s);
  EXPECT_EQ(awaited(watch), State::left);
}

TEST_F(PresenceTest, IsSeenToHaveEndedBefore) {
  for (const bool leaves : {true, false}) {
    auto other = detail::Presence::make(store).value();
    const Handle handle = other.handle();
    if (leaves) {
      other.vanish(store, 1s);
    } else {
      other = {};
    }
    detail::PresenceWatch late{*node.session->state(), handle};
    EXPECT_EQ(awaited(late), leaves ? State::left : State::lost);
  }
}

TEST_F(PresenceTest, LeavesNothingWhereNobodyAsksHowItEnded) {
  const auto before = node.connector->usage().own_objects;
  auto other = detail::Presence::make(store).value();
  other.vanish(store, 1s);
  EXPECT_EQ(node.connector->usage().own_objects, before);
  EXPECT_FALSE(other.is_open());
}

}  // namespace
}  // namespace locum::tests
