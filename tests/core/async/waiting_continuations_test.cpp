// Continuations and coroutines that wait for results which need the thread that they run on.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/async/completion_counter.hpp"
#include "core/async/serial_executor.hpp"
#include "core/async_result.hpp"
#include "core/base/mutex.hpp"
#include "core/detail/session_state.hpp"
#include "core/node/local.hpp"
#include "core/promise.hpp"
#include "core/store.hpp"
#include "core/when.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/forked_child.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;

// Only what never ends takes as long, however slow the machine is.
constexpr auto patience = 100s;

// Polls what nobody tells, and leaves the processor to the threads that it waits for.
void until(const std::function<bool()>& is_true) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!is_true() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_TRUE(is_true()) << "has not become true in time";
}

class WaitingContinuation : public ::testing::Test {
 protected:
  /// A future that has ended: its continuations are queued at once.
  [[nodiscard]] Future<int> ended() const { return store_.get_async<int>("here"); }
  /// A result of a continuation behind all that are queued now.
  [[nodiscard]] AsyncResult<int> behind(int value) const {
    return ended().then([value](const Result<View<int>>&) { return value; });
  }
  void close() const { session_->state()->completions()->continuations().close(); }

  std::shared_ptr<Session> session_ = std::make_shared<Session>(
      open_local(), std::make_shared<Metrics>(), SessionOptions{.options = {.timeout = patience}});
  Store store_ = session_->open("fields").value();
  Key here_ = store_.put("here", 1).value();
};

// A result outlives its session, and keeps the thread for continuations.
TEST(ContinuationThread, IsLeftToItsProcessByAFork) {
  std::optional<AsyncResult<int>> kept;
  {
    Session session(open_local(), std::make_shared<Metrics>());
    const Store store = session.open("fields").value();
    ASSERT_TRUE(store.put("here", 1));
    kept = store.get_async<int>("here").then([](const Result<View<int>>& view) { return **view; });
    EXPECT_EQ(kept->get(patience).value(), 1);
  }
  EXPECT_EQ(status_of_child([&kept] {
              kept.reset();
              return 0;
            }),
            0);
  EXPECT_EQ(kept->then([](const Result<int>& value) { return *value + 1; }).get(patience).value(), 2);
}

TEST_F(WaitingContinuation, GetsTheResultOfAnother) {
  const auto outer = ended().then([&](const Result<View<int>>&) { return behind(2).get(patience); });
  const auto got = outer.get(patience);
  ASSERT_TRUE(got) << got.error();
  EXPECT_EQ(*got, 2);
}

TEST_F(WaitingContinuation, GetsWhatComesLater) {
  std::atomic<bool> runs = false;
  const auto outer = store_.wait_async<int>("a").then([&](const Result<View<int>>&) {
    runs = true;
    return store_.wait_async<int>("b").then([](const Result<View<int>>& b) { return **b + 1; }).get(patience);
  });
  (void)store_.put("a", 1).value();
  until([&] { return runs.load(); });
  (void)store_.put("b", 41).value();
  const auto got = outer.get(patience);
  ASSERT_TRUE(got) << got.error();
  EXPECT_EQ(*got, 42);
}

TEST_F(WaitingContinuation, WaitsForAllAndForAny) {
  const auto outer = ended().then([&](const Result<View<int>>&) -> Result<int> {
    std::vector<AsyncResult<int>> some{behind(1), behind(2)};
    if (!when_all(some, patience)) {
      return Error(Errc::timeout, "when_all");
    }
    std::vector<AsyncResult<int>> others{behind(3)};
    return when_any(others, patience)->get(patience);
  });
  const auto got = outer.get(patience);
  ASSERT_TRUE(got) << got.error();
  EXPECT_EQ(*got, 3);
}

AsyncResult<int> sum_of_two(Store store) {
  const auto first = co_await store.wait_async<int>("first");
  const auto second = co_await store.wait_async<int>("second");
  co_return **first + **second;
}

AsyncResult<int> sum_by_waiting(Store store) {
  const auto here = co_await store.wait_async<int>("start");
  co_return *sum_of_two(store).get(patience) + **here;
}

TEST_F(WaitingContinuation, OfACoroutineWaitsForAnotherCoroutine) {
  const auto total = sum_by_waiting(store_);
  for (const char* name : {"start", "first", "second"}) {
    (void)store_.put(name, 10).value();
  }
  const auto got = total.get(patience);
  ASSERT_TRUE(got) << got.error();
  EXPECT_EQ(*got, 30);
}

TEST_F(WaitingContinuation, WaitsForWhatTheNextOneDoes) {
  auto promise = std::make_shared<Promise<int>>(store_.promise<int>().value());
  const auto named = ended().then([&](const Result<View<int>>&) { return *store_.wait<int>("b", patience); });
  (void)ended().then([&](const Result<View<int>>&) { (void)store_.put("b", 5); });
  const auto promised =
      ended().then([proxy = promise->proxy()](const Result<View<int>>&) { return **proxy.get(patience); });
  (void)ended().then([promise](const Result<View<int>>&) { return promise->set(6); });
  EXPECT_EQ(**named.get(patience), 5);
  EXPECT_EQ(*promised.get(patience), 6);
}

TEST_F(WaitingContinuation, MayWaitInsideOfAnother) {
  std::function<Result<int>(int)> depth = [&](int left) -> Result<int> {
    return left == 0 ? Result<int>(0)
                     : ended()
                           .then([&depth, left](const Result<View<int>>&) -> Result<int> {
                             const auto below = depth(left - 1);
                             return below ? Result<int>(*below + 1) : below;
                           })
                           .get(patience);
  };
  const auto got = depth(20);
  ASSERT_TRUE(got) << got.error();
  EXPECT_EQ(*got, 20);
}

// A real cycle: nothing but a deadline ends it.
TEST_F(WaitingContinuation, EndsAtItsDeadlineIfEachWaitsForTheOther) {
  AsyncResult<int> second;
  std::atomic<bool> ready = false;
  const auto first = ended().then([&](const Result<View<int>>&) {
    until([&] { return ready.load(); });
    return second.get(300ms);
  });
  second = ended().then([&](const Result<View<int>>&) { return first.get(patience); });
  ready = true;
  EXPECT_EQ(code_of(first.get(patience)), Errc::timeout);
  EXPECT_EQ(code_of(second.get(patience)), Errc::timeout) << "the first one's error";
}

// Between their waits they exclude each other, and they start in order.
TEST_F(WaitingContinuation, RunsWhileNoOtherDoes) {
  constexpr int count = 12;
  std::atomic<int> inside = 0;
  std::atomic<bool> overlaps = false;
  std::vector<int> order;  // without a lock: guarded by the turn
  std::vector<AsyncResult<void>> all;
  const auto work = [&] {
    overlaps = overlaps || inside.fetch_add(1) != 0;
    std::this_thread::sleep_for(2ms);  // an overlap is seen more easily
    inside.fetch_sub(1);
  };
  for (int at = 0; at < count; ++at) {
    all.push_back(ended().then([&, at](const Result<View<int>>&) {
      work();
      order.push_back(at);
      (void)store_.wait<int>("common", patience).value();
      work();
      (void)store_.wait<int>("absent", 1ms);
      work();
    }));
  }
  // The last of them has begun: each let the next one start in its wait.
  ASSERT_EQ(*behind(7).get(patience), 7);
  (void)store_.put("common", 1).value();
  ASSERT_TRUE(when_all(all, patience));
  EXPECT_FALSE(overlaps);
  std::vector<int> expected(count);
  for (int at = 0; at < count; ++at) {
    expected[static_cast<std::size_t>(at)] = at;
  }
  EXPECT_EQ(order, expected);
}

// The one that has the turn cannot end, nor wait in the library, before the other one goes on.
TEST_F(WaitingContinuation, GoesOnIfAnotherNeedsItsLock) {
  std::mutex mutex;
  std::atomic<bool> second_runs = false;
  const auto first = ended().then([&](const Result<View<int>>&) {
    const std::lock_guard lock(mutex);
    return *store_.wait<int>("b", patience);
  });
  const auto second = ended().then([&](const Result<View<int>>&) {
    second_runs = true;
    const std::lock_guard lock(mutex);
    return 2;
  });
  until([&] { return second_runs.load(); });
  (void)store_.put("b", 1).value();
  EXPECT_EQ(**first.get(patience), 1);
  EXPECT_EQ(*second.get(patience), 2);
}

TEST_F(WaitingContinuation, TakesNoMoreThanItsThreads) {
  constexpr std::size_t count = SerialExecutor::most_threads + 36;
  Mutex mutex;
  std::set<std::thread::id> threads;
  std::atomic<std::size_t> waiting = 0;
  std::vector<AsyncResult<int>> all;
  for (std::size_t at = 0; at < count; ++at) {
    all.push_back(ended().then([&](const Result<View<int>>&) {
      {
        const MutexLock lock(mutex);
        threads.insert(std::this_thread::get_id());
      }
      ++waiting;
      return **store_.wait<int>("b", patience);
    }));
  }
  until([&] { return waiting >= SerialExecutor::most_threads; });
  (void)store_.put("b", 9).value();
  for (const auto& each : all) {
    EXPECT_EQ(*each.get(patience), 9);
  }
  EXPECT_LE(threads.size(), SerialExecutor::most_threads);
}

TEST_F(WaitingContinuation, EndsBeforeItsQueueIsClosed) {
  bool other_ran = false;
  const auto first = ended().then([&](const Result<View<int>>&) { return behind(3).get(patience); });
  (void)ended().then([&](const Result<View<int>>&) { other_ran = true; });
  close();
  EXPECT_TRUE(first.ready());
  EXPECT_TRUE(other_ran);
  EXPECT_EQ(*first.get(), 3);
}

// It is the one that closes whom nobody waits for.
TEST_F(WaitingContinuation, MayCloseTheQueueWhileOthersWait) {
  const auto waiting =
      ended().then([&](const Result<View<int>>&) { return **store_.wait<int>("b", patience); });
  const auto closing = ended().then([&](const Result<View<int>>&) {
    close();
    (void)store_.put("b", 4);
  });
  EXPECT_TRUE(closing.wait_for(patience));
  EXPECT_EQ(*waiting.get(patience), 4);
}

}  // namespace
}  // namespace locum::tests
