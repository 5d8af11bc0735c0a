#include "core/detail/promise_state.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/detail/promises.hpp"
#include "core/detail/session_state.hpp"
#include "core/node/local.hpp"
#include "core/node/promised.hpp"
#include "core/promise.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/forwarding_connector.hpp"

// The end of promises when setting or breaking them fails.
namespace locum {
namespace {

using namespace std::chrono_literals;

using tests::code_of;

/// A connector that calls the test before it seals an object with a promise's name.
class AskingConnector final : public tests::ForwardingConnector {
 public:
  using Judge = std::function<std::optional<Error>(Deadline)>;
  using ForwardingConnector::ForwardingConnector;

  /// Before any thread uses it. The judge's return value replaces that of the seal.
  void judge(Judge judge) { judge_ = std::move(judge); }
  /// Before any other thread uses it. Only the test's own thread has memory for a look-up of that name.
  NowOrTask<Sealed> seal_or_task(const ObjectDraft& draft, const SealOptions& options, CountsUntil counts,
                                 WaitBudget budget) override {
    if (auto error = judge_ && promise_named(draft.meta.store, draft.meta.name) ? judge_(budget.deadline())
                                                                                : std::nullopt) {
      discard(draft);
      return {*std::move(error)};
    }
    return ForwardingConnector::seal_or_task(draft, options, counts, budget);
  }

 private:
  Judge judge_;
};

class PromiseStateOfOneProcess : public ::testing::Test {
 protected:
  const std::shared_ptr<AskingConnector> connector_ = std::make_shared<AskingConnector>(open_local());
  const std::shared_ptr<Session> session_ =
      std::make_shared<Session>(connector_, std::make_shared<Metrics>());
  Store store_ = session_->open("fields").value();
};

Error no_lock() {
  return Error(Errc::timeout, "the test has the lock");
}

// The value is bound to its name, but the promise is not marked as set yet.
TEST_F(PromiseStateOfOneProcess, UnderANameMayBeSetOnceMoreWhereItWasHalfDone) {
  int fails = 2;
  connector_->judge([&](Deadline) { return fails-- > 0 ? std::optional(no_lock()) : std::nullopt; });
  auto promise = store_.promise<double[]>("late").value();
  const auto waiting = promise.proxy();
  EXPECT_EQ(code_of(promise.set(std::vector<double>{1})), Errc::timeout);
  const Key placed = store_.info("late")->key;
  EXPECT_EQ(code_of(waiting.try_get()), Errc::timeout);
  EXPECT_EQ(code_of(promise.set(std::vector<double>{2})), Errc::timeout);
  const auto set = promise.set(std::vector<double>{3});
  ASSERT_TRUE(set) << set.error();
  EXPECT_EQ(*set, placed);
  EXPECT_EQ((*waiting)[0], 1.0) << "the value that was put";
  EXPECT_EQ(code_of(promise.set(std::vector<double>{4})), Errc::key_exists);
}

TEST_F(PromiseStateOfOneProcess, ThatWasHalfDoneEndsWithItsValue) {
  int fails = 1;
  connector_->judge([&](Deadline) { return fails-- > 0 ? std::optional(no_lock()) : std::nullopt; });
  std::optional<Promise<double[]>> promise = store_.promise<double[]>("late").value();
  const auto waiting = promise->proxy();
  EXPECT_EQ(code_of(promise->set(std::vector<double>{1})), Errc::timeout);
  promise.reset();
  const auto got = waiting.get(20s);
  ASSERT_TRUE(got) << got.error();
  EXPECT_EQ((*got)[0], 1.0);
}

// Only the thread that needs a lock waits while another process holds it for long.
TEST_F(PromiseStateOfOneProcess, ThatWaitsForALockHoldsUpNoOtherThread) {
  Mutex mutex;
  std::condition_variable changed;
  bool entered = false;
  bool may_go = false;
  connector_->judge([&](Deadline) -> std::optional<Error> {
    MutexLock lock(mutex);
    entered = true;
    changed.notify_all();
    while (!may_go) {
      (void)lock.wait_until(changed, Deadline::Clock::time_point::max());
    }
    return std::nullopt;
  });
  auto promise = store_.promise<double[]>("late").value();
  auto first = std::async(std::launch::async, [&] { return code_of(promise.set(std::vector<double>{1})); });
  {
    MutexLock lock(mutex);
    while (!entered) {
      (void)lock.wait_until(changed, Deadline::Clock::time_point::max());
    }
  }
  auto second = std::async(std::launch::async, [&] { return code_of(promise.set(std::vector<double>{2})); });
  EXPECT_EQ(second.wait_for(20s), std::future_status::ready);
  {
    const MutexLock lock(mutex);
    may_go = true;
    changed.notify_all();
  }
  EXPECT_EQ(first.get(), Errc{});
  EXPECT_EQ(second.get(), Errc::key_exists);
}

// However many promises there are, and however long each might take alone.
TEST_F(PromiseStateOfOneProcess, BreaksAllByOneDeadline) {
  constexpr std::size_t many = 1000;
  std::vector<Deadline::Clock::time_point> given;
  connector_->judge([&](Deadline deadline) {
    given.push_back(deadline.moment(1h));
    return std::optional(no_lock());
  });
  std::vector<Promise<double[]>> promises;
  for (std::size_t i = 0; i < many; ++i) {
    promises.push_back(store_.promise<double[]>().value());
  }
  const auto until = Deadline::Clock::now() + 7s;
  session_->state()->promises().break_all(until);
  EXPECT_EQ(given, std::vector(many, until));
  EXPECT_EQ(code_of(promises[0].set(std::vector<double>{1})), Errc::broken_promise);
  EXPECT_EQ(code_of(store_.promise<double[]>()), Errc::closed);
}

}  // namespace
}  // namespace locum
