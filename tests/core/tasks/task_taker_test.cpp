// A taker of tasks whose calls fail, and that meets others between two of them.
#include "core/tasks/task_taker.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/tasks/task_producer.hpp"
#include "core/tasks/task_records.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/forwarding_connector.hpp"
#include "tests/core/session_fixture.hpp"

namespace locum::tests::task_taker_test {
namespace {

using namespace std::chrono_literals;
using detail::ClaimedTask;
using detail::TaskProducer;
using detail::TaskRecords;
using detail::TaskSlot;
using detail::TaskTaker;

/// A rank whose changes of a record fail, or are preceded by what others do.
class StumblingRank final : public ForwardingConnector {
 public:
  using ForwardingConnector::ForwardingConnector;
  /// Called before a change of that record, or of any object without a name. An error is returned in place of
  /// the change, or after it.
  using Hook = std::function<std::optional<Error>()>;

  void before_change_of(std::string name, Hook hook) { set(std::move(name), std::move(hook), false); }
  void after_change_of(std::string name, Hook hook) { set(std::move(name), std::move(hook), true); }
  void stumble_no_more() { set(std::string(nothing), {}, false); }

  NowOrTask<Sealed> seal_or_task(const ObjectDraft& draft, const SealOptions& options, CountsUntil counts,
                                 WaitBudget budget) override {
    if (draft.meta.name.empty() || draft.meta.name != name_) {
      return ForwardingConnector::seal_or_task(draft, options, counts, budget);
    }
    return stumbled<Sealed>([&] { return ForwardingConnector::seal_or_task(draft, options, counts, budget); },
                            [&] { behind().discard(draft); });
  }
  NowOrTask<bool> evict_or_task(const Address& address, CountsUntil counts, WaitBudget budget) override {
    if (address.name != name_) {
      return ForwardingConnector::evict_or_task(address, counts, budget);
    }
    return stumbled<bool>([&] { return ForwardingConnector::evict_or_task(address, counts, budget); }, [] {});
  }

 private:
  void set(std::string name, Hook hook, bool is_after) {
    name_ = std::move(name);
    hook_ = std::move(hook);
    is_after_ = is_after;
  }
  template <class T, class Change, class Undo>
  NowOrTask<T> stumbled(Change change, Undo undo) {
    if (is_after_) {
      auto changed = change();
      const auto error = hook_();
      return error ? NowOrTask<T>{*error} : std::move(changed);
    }
    if (const auto error = hook_()) {
      undo();
      return {*error};
    }
    return change();
  }

  static constexpr std::string_view nothing = "none of these";
  std::string name_{nothing};
  Hook hook_;
  bool is_after_ = false;
};

/// A rank that takes tasks.
struct Rank {
  explicit Rank(const std::shared_ptr<Connector>& node)
      : connector(std::make_shared<StumblingRank>(node)),
        session(connector, std::make_shared<Metrics>(), {.incarnation = 3}),
        records(TaskRecords::open(session.state(), "fields", {}, "tasks").value()) {
    taker.emplace(records);
  }

  const std::shared_ptr<StumblingRank> connector;
  const Session session;
  const TaskRecords records;
  std::optional<TaskTaker> taker;
};

class TaskTakerTest : public ::testing::Test {
 protected:
  /// The number under which the task is put.
  std::uint64_t put() { return producer_.put(other_.records.store().put(7).value()).value(); }
  [[nodiscard]] static StumblingRank::Hook failing(Errc code) {
    return [code] { return std::optional(Error(code, "by the test")); };
  }

  SessionFixture node_{{}, {.incarnation = 3}};
  Rank one_{node_.connector};
  Rank other_{node_.connector};
  TaskProducer producer_{other_.records};
};

TEST_F(TaskTakerTest, TakesThePlaceAgainOfWhichItDoesNotKnowWhetherItHasIt) {
  one_.connector->after_change_of("claim/0", failing(Errc::timeout));
  EXPECT_EQ(code_of(one_.taker->take(20s)), Errc::timeout);
  one_.connector->stumble_no_more();
  EXPECT_EQ(put(), 0U);
  const auto task = one_.taker->take(20s);
  ASSERT_TRUE(task) << task.error();
  EXPECT_EQ(task->number, 0U) << "nobody else would have taken this task";
}

TEST_F(TaskTakerTest, LeavesNoTaskToNobodyWhenItEnds) {
  one_.connector->after_change_of("claim/0", failing(Errc::timeout));
  EXPECT_EQ(code_of(one_.taker->take(20s)), Errc::timeout);
  one_.taker.reset();
  EXPECT_EQ(put(), 1U);
  EXPECT_EQ(other_.taker->take(20s)->number, 1U);
}

TEST_F(TaskTakerTest, LeavesATaskToTheOneThatHasClaimedItFirst) {
  (void)put();
  (void)put();
  one_.connector->before_change_of("claim/0", [&] {
    EXPECT_EQ(other_.taker->take(20s)->number, 0U);
    return std::nullopt;
  });
  EXPECT_EQ(one_.taker->take(20s)->number, 1U);
}

// It puts `none` into its place, and a task was put there just before.
TEST_F(TaskTakerTest, HasTheTaskThatComesAsItsTimeEnds) {
  one_.connector->before_change_of("task/0", [&] {
    EXPECT_EQ(put(), 0U);
    return std::nullopt;
  });
  const auto task = one_.taker->take(200ms);
  ASSERT_TRUE(task) << task.error();
  EXPECT_EQ(task->number, 0U);
  EXPECT_TRUE(one_.taker->finish(*task, 20s));
}

TEST_F(TaskTakerTest, TakesWhatItCouldNotGiveBack) {
  (void)put();
  const ClaimedTask task = one_.taker->take(20s).value();
  one_.connector->before_change_of("claim/0", failing(Errc::timeout));
  one_.taker->give_back(task);
  one_.connector->stumble_no_more();
  const auto again = one_.taker->take(20s);
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(again->number, 0U);
  EXPECT_EQ(again->value, task.value);
}

// Two see that a taker was lost; the slower one finds the task claimed again, and done.
TEST_F(TaskTakerTest, TakesNothingOverThatAnotherWasFasterToTake) {
  (void)put();
  {
    Rank lost(node_.connector);
    EXPECT_EQ(lost.taker->take(20s)->number, 0U);
    lost.session.close();
  }
  ASSERT_TRUE(producer_.close());
  bool was_faster = false;
  one_.connector->before_change_of("claim/0", [&] {
    if (!std::exchange(was_faster, true)) {
      const auto task = other_.taker->take(20s);
      EXPECT_TRUE(task) << task.error();
      EXPECT_TRUE(task && other_.taker->finish(*task, 20s));
    }
    return std::nullopt;
  });
  EXPECT_EQ(code_of(one_.taker->take(10s)), Errc::end_of_stream);
  EXPECT_TRUE(was_faster);
}

// Its value was on a node that is lost: then nobody can do it, and the queue ends all the same.
TEST_F(TaskTakerTest, IsDoneWithATaskWhoseValueIsLost) {
  (void)put();
  const ClaimedTask task = one_.taker->take(20s).value();
  one_.connector->before_change_of("", failing(Errc::peer_lost));
  EXPECT_TRUE(one_.taker->finish(task, 20s));
  one_.connector->stumble_no_more();
  EXPECT_EQ(one_.records.slot(0).value()->state, TaskSlot::State::none);
  ASSERT_TRUE(producer_.close());
  EXPECT_EQ(code_of(one_.taker->take(20s)), Errc::end_of_stream);
}

}  // namespace
}  // namespace locum::tests::task_taker_test
