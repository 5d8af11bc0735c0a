#include "core/base/call_gate.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <optional>
#include <thread>
#include <vector>

namespace locum {
namespace {

using namespace std::chrono_literals;

constexpr auto closing_time = 60s;

Deadline::Clock::time_point later() {
  return Deadline::Clock::now() + closing_time;
}

// Calls again and again until one is refused.
bool is_refused_in_time(CallGate& gate) {
  for (const auto last = later(); Deadline::Clock::now() < last; std::this_thread::yield()) {
    if (!CallGate::Pass(gate)) {
      return true;
    }
  }
  return false;
}

TEST(CallGate, LetsCallsInUntilItsEnd) {
  CallGate gate;
  {
    const CallGate::Pass one(gate);
    const CallGate::Pass another(gate);
    EXPECT_TRUE(one);
    EXPECT_TRUE(another);
  }
  EXPECT_EQ(gate.end(later()), CallGate::End::all_have_left);
  EXPECT_FALSE(CallGate::Pass(gate));
  EXPECT_EQ(gate.end(later()), CallGate::End::has_begun_before);
}

// A reader-writer lock that prefers readers would let the later calls in, and the end would wait for them.
TEST(CallGate, RefusesCallsFromTheBeginningOfTheEndOn) {
  CallGate gate;
  std::optional<CallGate::Pass> inside(std::in_place, gate);
  auto ending = std::async(std::launch::async, [&] { return gate.end(later()); });
  EXPECT_TRUE(is_refused_in_time(gate));
  EXPECT_EQ(gate.end(later()), CallGate::End::has_begun_before);
  inside.reset();
  EXPECT_EQ(ending.get(), CallGate::End::all_have_left);
}

TEST(CallGate, LetsCallsInAgainAfterAnEndThatHadToBeGivenUp) {
  CallGate gate;
  {
    const CallGate::Pass inside(gate);
    EXPECT_EQ(gate.end(Deadline::Clock::now()), CallGate::End::some_are_inside);
    EXPECT_TRUE(CallGate::Pass(gate));
  }
  EXPECT_EQ(gate.end(later()), CallGate::End::all_have_left);
}

TEST(CallGate, EndsBesideThreadsThatCallAllTheTime) {
  CallGate gate;
  std::vector<std::future<bool>> callers;
  callers.reserve(4);
  for (int caller = 0; caller < 4; ++caller) {
    callers.push_back(std::async(std::launch::async, [&] { return is_refused_in_time(gate); }));
  }
  EXPECT_EQ(gate.end(later()), CallGate::End::all_have_left);
  for (auto& caller : callers) {
    EXPECT_TRUE(caller.get());
  }
}

}  // namespace
}  // namespace locum
