#include "core/async/completion.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <thread>

#include "tests/core/by_hand.hpp"

namespace locum::completion_test {
namespace {

using namespace std::chrono_literals;
using Clock = Deadline::Clock;
using tests::Told;

/// How threads wait: they sleep, or through the counter of a session.
class CompletionOf : public ::testing::TestWithParam<bool> {
 protected:
  Completion<int> completion_{GetParam() ? std::make_shared<CompletionCounter>(20s) : nullptr};
};

TEST_P(CompletionOf, KeepsTheFirstValue) {
  EXPECT_FALSE(completion_.is_set());
  EXPECT_EQ(completion_.value(), nullptr);
  EXPECT_TRUE(completion_.set(1));
  const int* const value = completion_.value();
  EXPECT_FALSE(completion_.set(2));
  EXPECT_TRUE(completion_.is_set());
  ASSERT_EQ(completion_.value(), value);
  EXPECT_EQ(*value, 1);
}

TEST_P(CompletionOf, EndsAWaitAtItsMoment) {
  const auto until = Clock::now() + 20ms;
  EXPECT_EQ(completion_.wait(until), nullptr);
  EXPECT_GE(Clock::now(), until);
}

TEST_P(CompletionOf, WakesAThreadThatWaits) {
  std::thread setter([this] { completion_.set(3); });
  const int* const value = completion_.wait(Clock::now() + 20s);
  setter.join();
  ASSERT_NE(value, nullptr);
  EXPECT_EQ(*value, 3);
}

TEST_P(CompletionOf, NotifiesItsObserverOnce) {
  int told = 0;
  Completion<int>::Observer observer = std::make_shared<Told>(told);
  ASSERT_TRUE(completion_.observe(observer));
  EXPECT_EQ(told, 0);
  completion_.set(1);
  completion_.set(2);
  EXPECT_EQ(told, 1);
}

TEST_P(CompletionOf, LeavesAnObserverThatComesLateToItsCaller) {
  completion_.set(1);
  int told = 0;
  Completion<int>::Observer observer = std::make_shared<Told>(told);
  EXPECT_FALSE(completion_.observe(observer));
  EXPECT_NE(observer, nullptr);
  EXPECT_EQ(told, 0);
}

TEST_P(CompletionOf, LeavesItsObserverToWhoeverAsksForIt) {
  int told = 0;
  Completion<int>::Observer observer = std::make_shared<Told>(told);
  ASSERT_TRUE(completion_.observe(observer));
  Completion<int>::Observer taken;
  EXPECT_TRUE(completion_.set(1, taken));
  EXPECT_NE(taken, nullptr);
  EXPECT_EQ(told, 0);
}

INSTANTIATE_TEST_SUITE_P(, CompletionOf, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "ACounter" : "Sleep"; });

}  // namespace
}  // namespace locum::completion_test
