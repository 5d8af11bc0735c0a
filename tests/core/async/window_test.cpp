#include "core/async/window.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <coroutine>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "tests/core/forked_child.hpp"
#include "tests/core/lone_rank.hpp"

namespace locum::window_test {
namespace {

using namespace std::chrono_literals;
using tests::LoneRank;
using Number = OperationOf<int>;

constexpr std::uint64_t large = 100'000;
static_assert(large > Window::small_bytes);

/// An operation that enters a window, and stays in it until the test ends it.
struct Visit {
  std::optional<Window::Way> way;
  Errc code{};
  bool by_driver = false;  ///< whether the driver let it in
  int turn = 0;            ///< position in the order of entering
};

Task<int> visit(Window& window, std::uint64_t bytes, Visit& visit, int& turns) {
  auto way = co_await window.enter(bytes);
  visit.turn = ++turns;
  const WaitBudget budget = co_await Operation::Budget();
  visit.by_driver = budget.is_limited();
  if (!way) {
    visit.code = way.error().code();
    co_return 0;
  }
  visit.way.emplace(*std::move(way));
  co_return 1;
}

/// A window, and operations of one rank that enter it; the test drives, by poll().
class WindowTest : public ::testing::Test {
 protected:
  struct Visitor {
    Held<Number> operation;
    Visit visit;

    [[nodiscard]] bool is_in() const { return visit.way.has_value(); }
    void leave() { visit.way.reset(); }
  };

  explicit WindowTest(std::uint64_t limit_bytes = 10 * large, std::uint32_t most = 1000)
      : window_(std::make_shared<Window>(limit_bytes, most)) {}
  ~WindowTest() override {
    window_->close();
    poll();
    visitors_.clear();
    EXPECT_EQ(window_->levels(), Window::Levels{});
  }

  Visitor& enter(std::uint64_t bytes) {
    Visitor& visitor = visitors_.emplace_back();
    visitor.operation = rank_.operation(visit(*window_, bytes, visitor.visit, turns_));
    visitor.operation->begin();
    return visitor;
  }
  std::vector<Visitor*> enter(std::size_t many, std::uint64_t bytes) {
    std::vector<Visitor*> all;
    for (std::size_t each = 0; each < many; ++each) {
      all.push_back(&enter(bytes));
    }
    return all;
  }
  /// Resumes the operations that were let in.
  void poll() { (void)rank_.progress.poll(); }
  [[nodiscard]] static std::size_t count_in(const std::vector<Visitor*>& some) {
    return static_cast<std::size_t>(std::ranges::count_if(some, [](auto* one) { return one->is_in(); }));
  }

  LoneRank rank_{false};
  std::shared_ptr<Window> window_;
  std::deque<Visitor> visitors_;
  int turns_ = 0;
};

TEST_F(WindowTest, LetsInAtOnceWhoFits) {
  const auto fit = enter(10, large);
  EXPECT_EQ(count_in(fit), 10U) << "without a driver";
  EXPECT_FALSE(fit.back()->visit.by_driver);
  EXPECT_EQ(window_->levels(), (Window::Levels{.bytes = 10 * large, .under_way = 10}));
  Visitor& one_more = enter(1);
  poll();
  EXPECT_FALSE(one_more.operation->ended());
  EXPECT_EQ(window_->levels().queued, 1U);
  fit[3]->leave();
  poll();
  EXPECT_TRUE(one_more.is_in());
}

TEST_F(WindowTest, HasThoseGoOnByWhoDrives) {
  const auto first = enter(10, large);
  const auto second = enter(5, large);
  first[0]->leave();
  EXPECT_FALSE(second[0]->operation->ended()) << "not while another one ends";
  EXPECT_EQ(window_->levels(), (Window::Levels{.bytes = 10 * large, .under_way = 10, .queued = 4}));
  poll();
  EXPECT_TRUE(second[0]->is_in());
  EXPECT_TRUE(second[0]->visit.by_driver);
  for (const std::size_t each : {1U, 2U, 3U}) {
    first[each]->leave();
  }
  poll();
  EXPECT_EQ(count_in(second), 4U) << "as many as fit";
  EXPECT_FALSE(second[4]->is_in());
  first[4]->leave();
  poll();
  for (std::size_t each = 1; each < 5; ++each) {
    EXPECT_GT(second[each]->visit.turn, second[each - 1]->visit.turn) << "in their order";
  }
}

TEST_F(WindowTest, LetsOneInAloneThatIsLarger) {
  Visitor& small = enter(100);
  Visitor& larger = enter(11 * large);
  poll();
  EXPECT_FALSE(larger.is_in());
  small.leave();
  poll();
  EXPECT_TRUE(larger.is_in());
  Visitor& next = enter(1);
  poll();
  EXPECT_FALSE(next.is_in());
  larger.leave();
  poll();
  EXPECT_TRUE(next.is_in());
}

TEST_F(WindowTest, TakesAnySize) {
  const auto huge = enter(3, std::uint64_t{0} - 1);
  EXPECT_EQ(count_in(huge), 1U);
  window_->expedite(*huge[1]->operation);
  poll();
  Visitor& small = enter(1);
  poll();
  EXPECT_FALSE(small.is_in()) << "the sum does not overflow";
}

TEST_F(WindowTest, LetsSmallOnesGoBeforeLargeOnesOnlySoOften) {
  const auto filling = enter(10, large);
  Visitor& waiting = enter(10 * large);
  filling[0]->leave();
  std::size_t passed = 0;
  while (passed < 10'000 && enter(100).is_in()) {
    visitors_.back().leave();
    ++passed;
  }
  EXPECT_EQ(passed, Window::most_passing);
  const auto smalls = enter(1000, 100);
  for (std::size_t each = 1; each < 10; ++each) {
    EXPECT_FALSE(waiting.is_in());
    filling[each]->leave();
    poll();
    EXPECT_EQ(count_in(smalls), 0U) << "freed room is kept for it";
  }
  EXPECT_TRUE(waiting.is_in());
  waiting.leave();
  poll();
  EXPECT_GE(count_in(smalls), 999U) << "all that fit together with the one before them";
}

TEST_F(WindowTest, LetsALargeOneInAmongThousandsOfSmallOnes) {
  const auto filling = enter(10, large);
  const auto smalls = enter(2000, large / 2);
  const auto larges = enter(4, 2 * large);
  for (Visitor* each : filling) {
    each->leave();
  }
  poll();
  for (int rounds = 0; rounds < 4000; ++rounds) {
    for (Visitor& each : visitors_) {
      if (each.is_in()) {
        each.leave();
        break;
      }
    }
    poll();
  }
  int before = 10;
  for (Visitor* one : larges) {
    ASSERT_GT(one->visit.turn, 0);
    EXPECT_LE(one->visit.turn - before, static_cast<int>(Window::most_passing) + 1);
    before = one->visit.turn;
  }
  EXPECT_GT(smalls.back()->visit.turn, larges.back()->visit.turn);
}

TEST_F(WindowTest, LetsNoSmallOneWaitBehindLargeOnes) {
  const auto filling = enter(10, large);
  const auto larges = enter(1000, large);
  Visitor& small = enter(100);
  filling[0]->leave();
  poll();
  EXPECT_TRUE(small.is_in());
  EXPECT_EQ(small.visit.turn, 11);
}

TEST_F(WindowTest, LetsALargeOneInBeforeSmallerLargeOnesThatCameLater) {
  const auto filling = enter(10, large);
  Visitor& first = enter(10 * large);
  const auto others = enter(100, large);
  for (Visitor* each : filling) {
    each->leave();
    poll();
    EXPECT_EQ(count_in(others), 0U);
  }
  EXPECT_TRUE(first.is_in());
}

TEST_F(WindowTest, LetsAHurriedOneInBeyondTheLimit) {
  const auto filling = enter(10, large);
  const auto queued = enter(3, large);
  window_->expedite(*queued[1]->operation);
  EXPECT_FALSE(queued[1]->operation->ended());
  poll();
  EXPECT_EQ(count_in(queued), 1U);
  EXPECT_TRUE(queued[1]->is_in());
  EXPECT_EQ(window_->levels().bytes, 11 * large);
  window_->expedite(*queued[1]->operation);
  window_->expedite(*filling[0]->operation);
  filling[0]->leave();
  poll();
  EXPECT_EQ(count_in(queued), 1U) << "it counts nevertheless";
  filling[1]->leave();
  poll();
  EXPECT_EQ(count_in(queued), 2U);
}

TEST_F(WindowTest, LetsInWhoWaitedBehindOneThatWasHurriedOrWithdrawn) {
  for (const bool expedited : {true, false}) {
    const auto filling = enter(6, large);
    Visitor& first = enter(expedited ? 5 * large : 10 * large);
    while (enter(100).is_in()) {
    }
    Visitor& small = visitors_.back();
    EXPECT_EQ(window_->levels().queued, 2U);
    if (expedited) {
      window_->expedite(*first.operation);
      poll();
      EXPECT_TRUE(first.is_in());
      EXPECT_FALSE(small.is_in());
      filling[0]->leave();
      filling[1]->leave();
    } else {
      window_->withdraw(*first.operation);
      EXPECT_EQ(first.visit.code, Errc::timeout);
    }
    poll();
    EXPECT_TRUE(small.is_in());
    for (Visitor& each : visitors_) {
      each.leave();
    }
    poll();
  }
}

/// An operation leaves between the window's check for room and the queueing of the next one.
class Overtaken {
 public:
  Overtaken(Window& window, std::uint64_t bytes, std::function<void()> leave)
      : entering_(window.enter(bytes)), leave_(std::move(leave)) {}

  [[nodiscard]] bool await_ready() noexcept {
    const bool is_in = entering_.await_ready();
    leave_();
    return is_in;
  }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> task) noexcept {
    entering_.await_suspend(task);
  }
  [[nodiscard]] Result<Window::Way> await_resume() const { return entering_.await_resume(); }

 private:
  Window::Entering entering_;
  std::function<void()> leave_;
};

Task<int> visit_overtaken(Window& window, std::function<void()> leave, Visit& visit) {
  auto way = co_await Overtaken(window, large, std::move(leave));
  visit.way.emplace(*std::move(way));
  co_return 1;
}

TEST_F(WindowTest, LooksAgainWhetherItFitsBeforeItQueuesSomebody) {
  const auto filling = enter(10, large);
  Visit late;
  const auto operation = rank_.operation(visit_overtaken(
      *window_, [&] { filling[0]->leave(); }, late));
  operation->begin();
  EXPECT_TRUE(operation->ended());
  EXPECT_TRUE(late.way.has_value());
  late.way.reset();
}

TEST_F(WindowTest, EndsOneThatIsWithdrawnAtOnce) {
  const auto filling = enter(10, large);
  const auto queued = enter(3, large);
  window_->withdraw(*queued[0]->operation);
  EXPECT_TRUE(queued[0]->operation->ended());
  EXPECT_EQ(queued[0]->visit.code, Errc::timeout);
  EXPECT_EQ(window_->levels().queued, 2U);
  window_->withdraw(*queued[0]->operation);
  window_->withdraw(*filling[0]->operation);
  EXPECT_TRUE(filling[0]->is_in());
  filling[0]->leave();
  poll();
  EXPECT_TRUE(queued[1]->is_in());
}

TEST_F(WindowTest, EndsAllThatWaitWhenItIsClosed) {
  const auto filling = enter(10, large);
  const auto queued = enter(100, large);
  const auto smalls = enter(100, 100);
  window_->close();
  for (const auto& some : {queued, smalls}) {
    for (Visitor* each : some) {
      EXPECT_TRUE(each->operation->ended());
      EXPECT_EQ(each->visit.code, Errc::closed);
    }
  }
  EXPECT_EQ(window_->levels().queued, 0U);
  Visitor& late = enter(1);
  EXPECT_EQ(late.visit.code, Errc::closed);
  filling[0]->leave();
  window_->close();
}

TEST_F(WindowTest, IsNotTouchedInAForkedProcess) {
  const auto filling = enter(10, large);
  const auto queued = enter(1, large);
  const auto levels = window_->levels();
  const int status = tests::status_of_child([&] {
    window_->withdraw(*queued[0]->operation);
    bool is_untouched = !queued[0]->operation->ended();
    for (Visitor* each : filling) {
      each->leave();
      is_untouched = is_untouched && window_->levels() == levels;
    }
    return is_untouched ? 0 : 1;
  });
  EXPECT_EQ(status, 0);
}

TEST_F(WindowTest, HasALongestQueue) {
  const auto filling = enter(10, large);
  const auto queued = enter(Window::longest_queue - 1, 100);
  EXPECT_FALSE(window_->has_long_queue());
  (void)enter(large);
  EXPECT_TRUE(window_->has_long_queue());
  window_->withdraw(*queued[0]->operation);
  EXPECT_FALSE(window_->has_long_queue());
  window_->close();
}

class NarrowWindow : public WindowTest {
 protected:
  static constexpr std::size_t most = 3;

  NarrowWindow() : WindowTest(10 * large, most) {}
};

TEST_F(NarrowWindow, BoundsTheNumberOfThoseThatHaveNotArrived) {
  const auto first = enter(3, 10);
  const auto second = enter(3, 10);
  EXPECT_EQ(count_in(second), 0U);
  first[0]->visit.way->arrive(10);
  poll();
  EXPECT_EQ(count_in(second), 1U);
  EXPECT_EQ(window_->levels(), (Window::Levels{.bytes = 40, .under_way = 3, .queued = 2}));
  first[0]->leave();
  poll();
  EXPECT_EQ(count_in(second), 1U) << "it was already counted";
  first[1]->leave();
  poll();
  EXPECT_EQ(count_in(second), 2U);
}

TEST_F(NarrowWindow, BoundsThoseOfNoBytesInNumberAlone) {
  enter(2 * large).visit.way->arrive(20 * large);
  auto& lacking = enter(large);
  EXPECT_FALSE(lacking.is_in());
  const auto empty = enter(most + 1, 0);
  EXPECT_EQ(count_in(empty), most);
  empty.front()->leave();
  poll();
  EXPECT_TRUE(empty.back()->is_in()) << "ahead of one that does not fit";
  EXPECT_FALSE(lacking.is_in());
}

TEST_F(NarrowWindow, LetsThoseOfNoBytesPassOnesThatFitOnlySoOften) {
  auto within = enter(most, 0);
  auto& fits = enter(large);
  EXPECT_FALSE(fits.is_in());
  const auto others = enter(2 * Window::most_passing, 0);
  for (std::uint32_t turn = 0; turn < Window::most_passing; ++turn) {
    within.front()->leave();
    within.front() = others[turn];
    poll();
    EXPECT_TRUE(others[turn]->is_in());
    EXPECT_FALSE(fits.is_in());
  }
  within.front()->leave();
  poll();
  EXPECT_TRUE(fits.is_in());
}

TEST_F(NarrowWindow, CountsWhatHasArrivedByItsRealSize) {
  Visitor& unknown = enter(0);
  unknown.visit.way->arrive(10 * large);
  Visitor& next = enter(1);
  poll();
  EXPECT_FALSE(next.is_in());
  unknown.leave();
  poll();
  EXPECT_TRUE(next.is_in());
  Visitor& said_more = enter(10 * large);
  next.leave();
  poll();
  said_more.visit.way->arrive(1);
  EXPECT_TRUE(enter(large).is_in());
}

TEST_F(WindowTest, WakesWhoWaitsForOneThatIsLetIn) {
  LoneRank rank(true);
  const auto filling = enter(10, large);
  Visit later;
  const auto operation = rank.operation(visit(*window_, large, later, turns_));
  operation->begin();
  EXPECT_FALSE(operation->wait(rank.progress.now() + 2ms));
  std::thread waiter([&] { EXPECT_TRUE(operation->wait(rank.soon())); });
  filling[0]->leave();
  waiter.join();
  EXPECT_TRUE(later.way.has_value());
  later.way.reset();
}

TEST_F(WindowTest, IsEnteredByOneThatIsRunAndWaitedFor) {
  LoneRank rank(true);
  const auto filling = enter(10, large);
  Visit later;
  std::thread waiter([&] {
    const auto operation = rank.operation(visit(*window_, large, later, turns_));
    EXPECT_TRUE(operation->run(rank.soon()));
  });
  while (window_->levels().queued == 0) {
    std::this_thread::yield();
  }
  filling[0]->leave();
  waiter.join();
  EXPECT_TRUE(later.way.has_value());
  later.way.reset();
}

Task<int> wander(Window& window, unsigned seed) {
  std::minstd_rand random(seed);
  for (int turn = 0; turn < 4; ++turn) {
    if (random() % 3 == 0) {
      co_await Operation::ToDriver();
    } else if (random() % 2 == 0) {
      co_await Operation::ToThread();
    }
    auto way = co_await window.enter(random() % 4 == 0 ? 1 + random() % (3 * large) : 1 + random() % 1000);
    if (!way) {
      co_return way.error().code() == Errc::closed ? 2 : 1;
    }
    if (random() % 2 == 0) {
      co_await Operation::ToDriver();
    }
    way->arrive(random() % large);
    if (random() % 2 == 0) {
      co_await Operation::ToThread();
    }
  }
  co_return 0;
}

// Concurrently from any number of threads; some urgent, some withdrawn. Every one ends, and nothing is left.
TEST(WindowThreads, EnterAndLeaveAtATime) {
  constexpr unsigned many = 600;
  for (const bool closes : {false, true}) {
    LoneRank rank;
    const auto window = std::make_shared<Window>(2 * large, 5);
    std::vector<Held<Number>> operations;
    for (unsigned each = 0; each < many; ++each) {
      operations.push_back(rank.operation(wander(*window, each + 1)));
    }
    std::vector<std::thread> threads;
    std::atomic<unsigned> next = 0;
    for (unsigned thread = 0; thread < 3; ++thread) {
      threads.emplace_back([&, thread] {
        std::minstd_rand random(thread + 1);
        for (unsigned at = next++; at < many; at = next++) {
          operations[at]->begin();
          const auto& one = operations[random() % (at + 1)];
          if (random() % 4 == 0) {
            window->expedite(*one);
          } else if (random() % 8 == 0) {
            window->withdraw(*one);
          }
          if (closes && at == many / 2) {
            window->close();
          }
        }
      });
    }
    for (std::thread& each : threads) {
      each.join();
    }
    std::map<int, int> ends;
    for (const auto& each : operations) {
      ASSERT_TRUE(each->wait(rank.soon()));
      ++ends[each->take()];
    }
    EXPECT_GT(ends[0], 0);
    EXPECT_GT(ends[1], 0);
    EXPECT_EQ(ends[2] > 0, closes);
    EXPECT_EQ(window->levels(), Window::Levels{});
  }
}

/// The rules, implemented as simply as possible.
class WindowModel {
 public:
  struct One {
    std::size_t number;
    std::uint64_t bytes;
  };

  explicit WindowModel(std::uint64_t limit) : limit_(limit) {}

  void enter(const One& one) {
    if (one.bytes == 0) {  // if their number is unlimited
      inside_.push_back(one.number);
      return;
    }
    (one.bytes <= Window::small_bytes ? small_ : large_).push_back(one);
    settle();
  }
  void leave(const One& one) {
    bytes_ -= one.bytes;
    settle();
  }
  /// Removes one from the queue; false: it is not there.
  bool remove(std::size_t number, bool enters) {
    for (auto* queue : {&small_, &large_}) {
      const auto at = std::ranges::find(*queue, number, &One::number);
      if (at != queue->end()) {
        const One one = *at;
        passed_ = queue == &large_ && at == queue->begin() ? 0 : passed_;
        queue->erase(at);
        if (enters) {
          bytes_ += one.bytes;
          inside_.push_back(one.number);
        }
        settle();
        return true;
      }
    }
    return false;
  }
  [[nodiscard]] const std::vector<std::size_t>& inside() const { return inside_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t queued() const { return small_.size() + large_.size(); }

 private:
  [[nodiscard]] bool fits(std::uint64_t bytes) const { return bytes_ == 0 || bytes_ + bytes <= limit_; }
  void settle() {
    for (;;) {
      const bool is_turn_of_large = !large_.empty() && (small_.empty() || passed_ == Window::most_passing);
      auto& queue = is_turn_of_large ? large_ : small_;
      if (queue.empty() || !fits(queue.front().bytes)) {
        return;
      }
      bytes_ += queue.front().bytes;
      inside_.push_back(queue.front().number);
      passed_ = is_turn_of_large || large_.empty() ? 0 : passed_ + 1;
      queue.pop_front();
    }
  }

  const std::uint64_t limit_;
  std::deque<One> small_;
  std::deque<One> large_;
  std::uint64_t bytes_ = 0;
  std::uint32_t passed_ = 0;
  std::vector<std::size_t> inside_;  ///< all that ever entered, in order
};

TEST_F(WindowTest, DoesAsTheModelDoes) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::minstd_rand random(seed);
    WindowModel model(10 * large);
    std::vector<std::uint64_t> sizes;
    for (int step = 0; step < 2000; ++step) {
      const unsigned what = random() % 16;
      if (what < 8 || visitors_.empty()) {
        const std::uint64_t bytes = random() % 4 == 0 ? Window::small_bytes + random() % (12 * large)
                                                      : random() % Window::small_bytes;
        model.enter({visitors_.size(), bytes});
        (void)enter(bytes);
        sizes.push_back(bytes);
      } else {
        const std::size_t which = random() % visitors_.size();
        Visitor& one = visitors_[which];
        if (one.is_in()) {
          one.leave();
          model.leave({which, sizes[which]});
        } else if (what == 15) {
          window_->expedite(*one.operation);
          (void)model.remove(which, true);
        } else if (what == 14) {
          window_->withdraw(*one.operation);
          (void)model.remove(which, false);
        }
      }
      poll();
      ASSERT_EQ(window_->levels().bytes, model.bytes()) << "seed " << seed << ", step " << step;
      ASSERT_EQ(window_->levels().queued, model.queued()) << "seed " << seed << ", step " << step;
    }
    for (std::size_t at = 0; at + 1 < model.inside().size(); ++at) {
      ASSERT_LT(visitors_[model.inside()[at]].visit.turn, visitors_[model.inside()[at + 1]].visit.turn);
    }
    window_->close();
    visitors_.clear();
    EXPECT_EQ(window_->levels(), Window::Levels{});
    window_ = std::make_shared<Window>(10 * large, 1'000'000);
  }
}

}  // namespace
}  // namespace locum::window_test
