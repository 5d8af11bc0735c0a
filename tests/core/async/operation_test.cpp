#include "core/async/operation.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <new>
#include <optional>
#include <random>
#include <semaphore>
#include <thread>
#include <vector>

#include "core/async/background_worker.hpp"
#include "tests/core/forwarding_transport.hpp"
#include "tests/core/lone_rank.hpp"
#include "tests/core/queue_transport.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;
using Number = OperationOf<int>;

struct Rank : tests::LoneRank {
  explicit Rank(bool threads = true) : LoneRank(threads) {}
};

/// The thread that runs a task at the moment.
struct Place {
  explicit Place(const WaitBudget& budget) : is_limited(budget.is_limited()), works(budget.allows_work()) {}

  bool is_limited;  ///< its budget
  bool works;
  std::thread::id thread = std::this_thread::get_id();
};

Task<int> add(int a, int b) {
  co_return a + b;
}

Task<int> take_turns(std::vector<Place>& places) {
  places.emplace_back(co_await Operation::Budget());
  places.emplace_back(co_await Operation::ToThread());
  co_await Operation::ToDriver();
  places.emplace_back(co_await Operation::Budget());
  co_await Operation::ToDriver();
  const int sum = co_await add(2, 3);
  places.emplace_back(co_await Operation::Budget());
  places.emplace_back(co_await Operation::ToThread());
  co_return sum;
}

std::vector<bool> limits_of(const std::vector<Place>& places) {
  std::vector<bool> limited;
  limited.reserve(places.size());
  for (const Place& each : places) {
    limited.push_back(each.is_limited);
  }
  return limited;
}

TEST(Operation, GoesToWhoDrivesAndBackToTheThreadThatWaits) {
  for (const bool helper : {false, true}) {
    Rank rank(helper);
    std::vector<Place> places;
    const auto operation = rank.operation(take_turns(places));
    ASSERT_TRUE(operation->run(rank.soon()));
    EXPECT_EQ(operation->take(), 5);
    EXPECT_EQ(limits_of(places), (std::vector<bool>{false, false, true, true, false}));
    for (const std::size_t at : {0U, 1U, 4U}) {
      EXPECT_EQ(places[at].thread, std::this_thread::get_id()) << at;
    }
  }
}

Task<int> sum(int a, int b) {
  const int both = co_await add(a, b);
  co_return both + 1;
}

TEST(Operation, ThatNeedsNothingEndsWhereItBegins) {
  Rank rank(false);
  const auto operation = rank.operation(sum(1, 2));
  EXPECT_FALSE(operation->ended());
  operation->begin();
  EXPECT_TRUE(operation->ended());
  EXPECT_EQ(operation->take(), 4);
}

/// Lives as long as the operation whose task holds it.
using Token = std::shared_ptr<int>;

Task<int> say_when_over(std::vector<Place>& places, std::binary_semaphore& over, Token /*token*/) {
  const int sum = co_await take_turns(places);
  over.release();
  co_return sum;
}

TEST(Operation, NeedsNobodyWhoWaits) {
  Rank rank;
  std::vector<Place> places;
  std::binary_semaphore over(0);
  auto token = std::make_shared<int>();
  const std::weak_ptr<int> left = token;
  rank.operation(say_when_over(places, over, std::move(token)))->begin();
  ASSERT_TRUE(over.try_acquire_for(60s));
  EXPECT_EQ(limits_of(places), (std::vector<bool>{false, false, true, true, true}))
      << "the worker's budget is limited, too";
  EXPECT_FALSE(places[3].works);
  EXPECT_TRUE(places[4].works);
  EXPECT_EQ(places[0].thread, std::this_thread::get_id());
  EXPECT_NE(places[4].thread, std::this_thread::get_id());
  EXPECT_NE(places[4].thread, places[3].thread) << "the driver must not wait";
  while (!left.expired()) {
    std::this_thread::yield();  // the thread that ran it last releases it
  }
}

Task<int> wait_for(OneShot<int>& word, Token /*token*/ = nullptr) {
  co_await Operation::ToDriver();
  const int told = co_await word;
  co_return told;
}

TEST(Operation, WakesAllWhoWaitWhenItIsTold) {
  constexpr int many = 4;
  Rank rank;
  OneShot<int> word;
  const auto operation = rank.operation(wait_for(word));
  operation->begin();
  std::atomic<int> woken = 0;
  std::vector<std::thread> waiters;
  waiters.reserve(many);
  for (int each = 0; each < many; ++each) {
    waiters.emplace_back([&] { woken += operation->wait(rank.soon()) ? 1 : 0; });
  }
  EXPECT_FALSE(operation->wait(rank.progress.now() + 5ms));
  EXPECT_EQ(woken.load(), 0);
  rank.progress.post([&] { word.tell(7); });
  for (std::thread& each : waiters) {
    each.join();
  }
  EXPECT_EQ(woken.load(), many);
  EXPECT_EQ(operation->take(), 7);
}

TEST(Operation, HearsWhatWasToldBeforeItAsked) {
  Rank rank(false);
  OneShot<int> word;
  word.tell(3);
  const auto operation = rank.operation(wait_for(word));
  ASSERT_TRUE(operation->run(rank.soon()));
  EXPECT_EQ(operation->take(), 3);
}

TEST(Operation, GoesOnWhenWhoWaitedHasLeft) {
  Rank rank(false);
  OneShot<int> word;
  auto token = std::make_shared<int>();
  const std::weak_ptr<int> left = token;
  {
    const auto operation = rank.operation(wait_for(word, std::move(token)));
    EXPECT_FALSE(operation->run(rank.progress.now() + 1ms));
    EXPECT_FALSE(operation->ended());
  }
  EXPECT_FALSE(left.expired());
  rank.progress.submit([&] { word.tell(3); });
  (void)rank.progress.poll();
  EXPECT_TRUE(left.expired());
}

Task<int> wait_then_work(OneShot<int>& word, std::vector<Place>& places) {
  co_await Operation::ToDriver();
  const int told = co_await word;
  places.emplace_back(co_await Operation::ToThread());
  co_return told;
}

TEST(Operation, IsTakenByOneOfThoseWhoWaitWhereItNeedsAThread) {
  constexpr int many = 3;
  Rank rank;
  OneShot<int> word;
  std::vector<Place> places;
  const auto operation = rank.operation(wait_then_work(word, places));
  operation->begin();
  std::atomic<int> begun = 0;
  std::vector<std::thread> waiters;
  waiters.reserve(many);
  for (int each = 0; each < many; ++each) {
    waiters.emplace_back([&] {
      ++begun;
      EXPECT_TRUE(operation->wait(rank.soon()));
    });
  }
  EXPECT_FALSE(operation->wait(rank.progress.now() + 5ms));
  rank.progress.post([&] { word.tell(1); });
  for (std::thread& each : waiters) {
    each.join();
  }
  ASSERT_EQ(places.size(), 1U);
  EXPECT_FALSE(places[0].is_limited);
}

TEST(Operation, HasALimitedBudgetWithWhoHasNoTimeLeft) {
  Rank rank(false);
  OneShot<int> word;
  std::vector<Place> places;
  const auto operation = rank.operation(wait_then_work(word, places));
  operation->begin();
  rank.progress.submit([&] { word.tell(1); });
  (void)operation->wait(rank.progress.now() -
                        1ms);  // resumes it up to where it needs a thread, and finds that this thread is one
  ASSERT_TRUE(operation->ended());
  ASSERT_EQ(places.size(), 1U);
  EXPECT_EQ(places[0].thread, std::this_thread::get_id());
  EXPECT_TRUE(places[0].is_limited);
  EXPECT_TRUE(places[0].works);
}

// No thread has driven since it was begun; and the worker has ended when it needs a thread.
TEST(Operation, EndsWithItsRank) {
  OneShot<int> word;
  word.tell(1);
  std::vector<Place> places;
  auto token = std::make_shared<int>();
  const std::weak_ptr<int> left = token;
  std::optional<Rank> rank(std::in_place, false);
  const auto waiting = rank->operation(wait_for(word, std::move(token)));
  waiting->begin();
  const auto turning = rank->operation(take_turns(places));
  turning->begin();
  EXPECT_FALSE(waiting->ended());
  EXPECT_FALSE(turning->ended());
  rank.reset();
  EXPECT_TRUE(waiting->ended());
  EXPECT_TRUE(left.expired());
  EXPECT_TRUE(turning->ended());
  EXPECT_EQ(limits_of(places), (std::vector<bool>{false, false, true, true, true}));
}

Task<int> run_out_of_memory() {
  co_await Operation::ToDriver();
  throw std::bad_alloc();
  co_return 0;
}

TEST(OperationDeathTest, EndsTheProcessWithWhatItsTaskThrows) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        Rank rank(false);
        const auto operation = rank.operation(run_out_of_memory());
        (void)operation->run(rank.soon());
      },
      "bad_alloc");
}

Task<int> wander(unsigned seed, int steps) {
  std::minstd_rand random(seed);
  for (int step = 0; step < steps; ++step) {
    if (random() % 2 == 0) {
      co_await Operation::ToThread();
    } else {
      co_await Operation::ToDriver();
    }
    const int sum = co_await add(step, 1);
    EXPECT_EQ(sum, step + 1);
  }
  co_return steps;
}

TEST(Operation, ManyGoOnAtATimeWaitedForByAnyNumberOfThreads) {
  constexpr unsigned many = 400;
  constexpr int steps = 8;
  Rank rank;
  std::vector<Held<Number>> operations;
  for (unsigned each = 0; each < many; ++each) {
    operations.push_back(rank.operation(wander(each + 1, steps)));
  }
  std::vector<std::thread> threads;
  std::atomic<unsigned> next = 0;
  constexpr unsigned threads_here = 3;
  std::latch all_begun(threads_here);  // no thread may begin before all are here
  for (unsigned thread = 0; thread < threads_here; ++thread) {
    threads.emplace_back([&, thread] {
      for (unsigned at = next++; at < many; at = next++) {
        if (at % 3 == 0) {
          EXPECT_TRUE(operations[at]->run(rank.soon()));
        } else {
          operations[at]->begin();
        }
      }
      all_begun.arrive_and_wait();
      std::minstd_rand random(thread + 1);
      for (unsigned turn = 0; turn < many / 4; ++turn) {
        const auto& one = operations[random() % many];
        (void)one->wait(rank.progress.now() + std::chrono::microseconds(random() % 200));
      }
    });
  }
  for (std::thread& each : threads) {
    each.join();
  }
  for (const auto& each : operations) {
    ASSERT_TRUE(each->wait(rank.soon()));
    EXPECT_EQ(each->take(), steps);
  }
}

}  // namespace
}  // namespace locum
