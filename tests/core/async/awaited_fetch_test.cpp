#include "core/async/awaited_fetch.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>

#include "tests/core/by_hand.hpp"
#include "tests/core/code_of.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;
using tests::ByHand;
using tests::code_of;
using tests::Told;

class NamedFetch final : public AwaitedFetch {
 public:
  NamedFetch() : AwaitedFetch(Deadline::Clock::now() + 20s) {}

 protected:
  Error late() const override { return name_not_put(); }
};

TEST(AwaitedFetch, EndsWithTheFirstOutcome) {
  int told = 0;
  NamedFetch fetch;
  fetch.observe(std::make_shared<Told>(told));
  EXPECT_EQ(code_of(fetch.get(1ms)), Errc::timeout);
  EXPECT_FALSE(fetch.is_decided());
  fetch.end(Error(Errc::corrupt, "by the test"));
  EXPECT_TRUE(fetch.ended());
  EXPECT_EQ(told, 1);
  const auto late = std::make_shared<ByHand<ObjectView>>();
  fetch.end_as(late);
  EXPECT_TRUE(late->is_forgotten());
  fetch.end(ObjectView());
  EXPECT_EQ(code_of(fetch.get({})), Errc::corrupt);
  EXPECT_EQ(told, 1);
}

TEST(AwaitedFetch, EndsAsAnotherOne) {
  int told = 0;
  NamedFetch fetch;
  fetch.observe(std::make_shared<Told>(told));
  fetch.expedite();
  const auto other = std::make_shared<ByHand<ObjectView>>();
  fetch.end_as(other);
  fetch.end(Error(Errc::timeout, "by the test"));
  EXPECT_TRUE(fetch.is_decided());
  EXPECT_FALSE(fetch.ended()) << "it has not come yet";
  EXPECT_TRUE(other->is_expedited()) << "a thread has said before that it waits";
  EXPECT_EQ(told, 0);
  other->end(ObjectView());
  EXPECT_TRUE(fetch.ended());
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(fetch.get({}));
  fetch.forget();
  EXPECT_TRUE(other->is_forgotten());
}

TEST(AwaitedFetch, TellsWhoObservesItLate) {
  int told = 0;
  NamedFetch fetch;
  const auto other = std::make_shared<ByHand<ObjectView>>();
  fetch.end_as(other);
  fetch.observe(std::make_shared<Told>(told));
  EXPECT_EQ(told, 0);
  other->end(ObjectView());
  EXPECT_EQ(told, 1);
}

TEST(AwaitedFetch, ForgetsWhatNobodyWants) {
  NamedFetch fetch;
  fetch.forget();
  EXPECT_FALSE(fetch.is_wanted());
  const auto other = std::make_shared<ByHand<ObjectView>>();
  fetch.end_as(other);
  EXPECT_TRUE(other->is_forgotten());
}

TEST(AwaitedFetch, WakesWhoWaits) {
  NamedFetch fetch;
  const auto other = std::make_shared<ByHand<ObjectView>>();
  auto waiting = std::async(std::launch::async, [&] { return fetch.get(20s); });
  fetch.end_as(other);
  other->end(Error(Errc::stale, "by the test"));
  EXPECT_EQ(code_of(waiting.get()), Errc::stale);
}

}  // namespace
}  // namespace locum
