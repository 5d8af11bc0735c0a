// What becomes of those who wait to enter a window when there is no memory to have them go on by who drives.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include "core/async/window.hpp"
#include "tests/core/lone_rank.hpp"
#include "tests/core/scarce_memory.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;
using Way = std::optional<Window::Way>;

constexpr std::uint64_t limit = 100;

Task<int> enter(Window& window, Way& way) {
  auto entered = co_await window.enter(limit);
  if (entered) {
    way.emplace(*std::move(entered));
  }
  co_return 0;
}

/// A window that is full, and one more who waits to enter.
class WindowWithoutMemory : public ::testing::TestWithParam<bool> {
 protected:
  WindowWithoutMemory() {
    first_->begin();
    second_->begin();
    EXPECT_TRUE(first_way_ && !second_way_);
  }

  void let_in_without_memory() {
    tests::make_memory_scarce(0, 1'000'000);
    if (GetParam()) {
      window_->hurry(*second_);
    } else {
      first_way_.reset();
    }
    EXPECT_TRUE(tests::end_scarcity());
  }

  tests::LoneRank rank_{false};
  std::shared_ptr<Window> window_ = std::make_shared<Window>(limit, 10);
  Way first_way_;
  Way second_way_;
  Held<OperationOf<int>> first_ = rank_.operation(enter(*window_, first_way_));
  Held<OperationOf<int>> second_ = rank_.operation(enter(*window_, second_way_));
};

TEST_P(WindowWithoutMemory, HasThemGoOnByTheStandby) {
  let_in_without_memory();
  EXPECT_FALSE(second_->ended()) << "not within the end of the other one";
  EXPECT_TRUE(rank_.standby.poll());
  EXPECT_TRUE(second_->ended());
  EXPECT_TRUE(second_way_.has_value());
}

TEST_P(WindowWithoutMemory, HasThemGoOnByWhoWaits) {
  std::atomic<bool> ended = false;
  std::thread waiter([&] { ended = second_->wait(rank_.soon()); });
  EXPECT_FALSE(second_->wait(rank_.progress.now() + 5ms));
  let_in_without_memory();
  waiter.join();
  EXPECT_TRUE(ended && second_way_.has_value());
}

TEST_P(WindowWithoutMemory, HasThemGoOnAtOnceWhereNobodyElseIsLeft) {
  rank_.standby.close();
  let_in_without_memory();
  EXPECT_TRUE(second_->ended());
  EXPECT_TRUE(second_way_.has_value());
}

INSTANTIATE_TEST_SUITE_P(WindowOfOne, WindowWithoutMemory, ::testing::Bool(),
                         [](const auto& one) { return one.param ? "hurried" : "in_turn"; });

}  // namespace
}  // namespace locum
