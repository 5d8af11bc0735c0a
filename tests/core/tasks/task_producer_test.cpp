// Producers of a queue of tasks that are late.
#include "core/tasks/task_producer.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/task_queue.hpp"
#include "core/tasks/task_records.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/forwarding_connector.hpp"
#include "tests/core/session_fixture.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;
using Queue = TaskQueue<std::uint64_t>;

/// A rank that is interrupted where it puts a certain name, just before and just after.
class InterruptedRank final : public ForwardingConnector {
 public:
  InterruptedRank(std::shared_ptr<Connector> behind, std::string_view name, std::function<void()> before,
                  std::function<void()> after)
      : ForwardingConnector(std::move(behind)),
        name_(name),
        before_(std::move(before)),
        after_(std::move(after)) {}

  NowOrTask<Sealed> seal_or_task(const ObjectDraft& draft, const SealOptions& options, CountsUntil counts,
                                 WaitBudget budget) override {
    const bool is_it = draft.meta.name == name_;
    if (is_it) {
      before_();
    }
    auto sealed = ForwardingConnector::seal_or_task(draft, options, counts, budget);
    if (is_it) {
      after_();
    }
    return sealed;
  }

 private:
  const std::string name_;
  const std::function<void()> before_;
  const std::function<void()> after_;
};

Queue queue_of(std::shared_ptr<Connector> rank) {
  const Session session(std::move(rank), std::make_shared<Metrics>(), {.incarnation = 3});
  return {session.open("fields").value(), "tasks"};
}

// All is done, a rank wakes those who still wait, another one cleans up, and a third one closes the queue
// that is closed: for a moment its end is there again.
TEST(TaskProducer, LeavesNothingWhereItClosesAQueueThatIsOver) {
  SessionFixture node({}, {.incarnation = 3});
  std::optional<Queue> cleaning(queue_of(node.connector));
  std::binary_semaphore has_put_end(0);
  std::binary_semaphore may_go_on(0);
  std::optional<Queue> late(queue_of(std::make_shared<InterruptedRank>(
      node.connector, "task/1", [] {},
      [&] {
        has_put_end.release();
        EXPECT_TRUE(may_go_on.try_acquire_for(20s));
      })));
  std::thread closing;
  std::optional<Queue> waking(queue_of(std::make_shared<InterruptedRank>(
      node.connector, "task/2",
      [&] {
        cleaning.reset();
        closing = std::thread([&] { EXPECT_TRUE(late->close()); });
        EXPECT_TRUE(has_put_end.try_acquire_for(20s));
      },
      [] {})));
  ASSERT_TRUE(waking->put(7));
  ASSERT_TRUE(waking->take(20s).value().done());
  const Store records = node.session->open("locum.tasks/fields/tasks").value();
  ASSERT_TRUE(records.put("claim/2", detail::TaskClaim()));  // of a taker that waits
  EXPECT_TRUE(waking->close());
  ASSERT_TRUE(closing.joinable()) << "nobody was woken";
  may_go_on.release();
  closing.join();
  waking.reset();
  late.reset();
  EXPECT_EQ(records.keys().value(), (std::vector<std::string>{"line", "queue"}));
}

/// A node with a queue, one rank that is stopped when it has put its first task, and another one.
class LateProducer : public ::testing::Test {
 protected:
  /// The number of the task of the rank that is stopped.
  std::uint64_t put_late(std::uint64_t value) { return late_.put(value).value(); }
  /// So many tasks that are put and done behind the first one: the line then goes on.
  void pass(std::uint64_t tasks) {
    for (std::uint64_t at = 0; at < tasks; ++at) {
      ASSERT_TRUE(prompt_.put(100 + at));
    }
    for (std::uint64_t at = 0; at < tasks; ++at) {
      auto task = prompt_.take(20s);
      ASSERT_TRUE(task) << task.error();
      ASSERT_EQ(**task, 100 + at);
      ASSERT_TRUE(task->done());
    }
  }
  [[nodiscard]] detail::TaskLine line() const {
    const Store records = node_.session->open("locum.tasks/fields/tasks").value();
    const auto words = records.get<std::uint64_t[]>("line").value();
    return detail::TaskLine::from(*words).value();
  }

  SessionFixture node_{{}, {.incarnation = 3}};
  std::function<void()> meanwhile_;
  Queue prompt_ = queue_of(node_.connector);
  Queue late_ = queue_of(std::make_shared<InterruptedRank>(
      node_.connector, "task/0", [] {}, [this] { meanwhile_(); }));
};

// A long task does not hold the line up: it goes past the number of a producer that has not looked yet.
TEST_F(LateProducer, PutsATaskOnceThatTheLineHasPassed) {
  std::optional<TakenTask<std::uint64_t>> taken;
  meanwhile_ = [&] {
    taken = prompt_.take(20s).value();
    pass(200);
    EXPECT_EQ(line().held, std::vector<std::uint64_t>{0});
  };
  EXPECT_EQ(put_late(7), 0U);
  ASSERT_TRUE(taken);
  EXPECT_EQ(**taken, 7U);
  EXPECT_FALSE(prompt_.take(1ms)) << "the task was put twice";
  EXPECT_TRUE(taken->done());
  EXPECT_TRUE(prompt_.close());
  EXPECT_EQ(code_of(prompt_.take(20s)), Errc::end_of_stream);
}

TEST_F(LateProducer, LearnsTheNumberOfATaskThatIsOver) {
  meanwhile_ = [&] {
    auto task = prompt_.take(20s).value();
    EXPECT_EQ(task.number(), 0U);
    EXPECT_TRUE(task.done());
    pass(200);
    EXPECT_GT(line().head, 0U);
  };
  EXPECT_EQ(put_late(7), 0U);
  EXPECT_TRUE(prompt_.close());
  EXPECT_EQ(code_of(prompt_.take(20s)), Errc::end_of_stream);
}

}  // namespace
}  // namespace locum::tests
