#include "core/task_queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/containers.hpp"
#include "core/tasks/task_records.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/session_fixture.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;

/// Several ranks of one process: sessions over one connector.
class TaskQueues : public ::testing::Test {
 protected:
  using Queue = TaskQueue<std::uint64_t>;

  [[nodiscard]] Session rank() const { return Session(node.connector, node.metrics, {.incarnation = 7}); }
  [[nodiscard]] Queue queue(std::string_view name = "tasks") const { return {node.store(), name}; }
  [[nodiscard]] std::size_t objects() const { return node.connector->usage().own_objects; }

  SessionFixture node{{}, {.incarnation = 7}};
};

TEST_F(TaskQueues, GiveTasksInTheirOrder) {
  Queue tasks = queue();
  for (std::uint64_t n = 0; n < 100; ++n) {
    EXPECT_EQ(tasks.put(10 * n).value(), n);
  }
  Queue other = queue();
  for (std::uint64_t n = 0; n < 100; ++n) {
    auto task = (n % 3 == 0 ? other : tasks).take(1s).value();
    EXPECT_EQ(task.number(), n);
    EXPECT_EQ(*task, 10 * n);
    EXPECT_TRUE(task.done());
    EXPECT_TRUE(task.done());
  }
  EXPECT_EQ(code_of(tasks.take(0s)), Errc::timeout);
}

TEST_F(TaskQueues, TakeAnyType) {
  TaskQueue<double[]> arrays(node.store(), "arrays");
  arrays.put(std::vector<double>{1, 2, 3}).value();
  const auto array = arrays.take(1s).value();
  EXPECT_EQ((*array)[2], 3.0);
  EXPECT_EQ(array->size(), 3U);
  TaskQueue<std::map<std::string, int>> maps(node.store(), "maps");
  maps.put(std::map<std::string, int>{{"a", 1}}).value();
  EXPECT_EQ(maps.take(1s).value()->at("a"), 1);
  EXPECT_THROW((TaskQueue<int>(node.store(), "")), Error);
  TaskQueue<int> wrong(node.store(), "maps");
  EXPECT_EQ(code_of(wrong.take(1s)), Errc::type_mismatch);
  EXPECT_EQ(maps.take(1s).value()->at("a"), 1);  // it was given back
}

TEST_F(TaskQueues, EndOnceAllTasksAreDone) {
  Queue tasks = queue();
  tasks.put(1).value();
  std::optional<TakenTask<std::uint64_t>> task = tasks.take(1s).value();
  tasks.close().value();
  tasks.close().value();
  Queue other = queue();
  EXPECT_EQ(code_of(other.put(2)), Errc::end_of_stream);
  EXPECT_EQ(code_of(tasks.put(2)), Errc::end_of_stream);
  EXPECT_EQ(code_of(other.take(10ms)), Errc::timeout);
  std::thread waits([&] { EXPECT_EQ(code_of(other.take(60s)), Errc::end_of_stream); });
  EXPECT_TRUE(task->done());
  EXPECT_EQ(code_of(tasks.take(60s)), Errc::end_of_stream);
  waits.join();
  EXPECT_EQ(code_of(other.take(0s)), Errc::end_of_stream);
}

TEST_F(TaskQueues, GiveATaskThatIsNotDoneToAnother) {
  Queue tasks = queue();
  Queue other = queue();
  tasks.put(1).value();
  std::optional<TakenTask<std::uint64_t>> task = tasks.take(1s).value();
  std::atomic<bool> got = false;
  std::thread waits([&] {
    auto given = other.take(60s).value();
    EXPECT_EQ(*given, 1U);
    got = true;
    given.done();
  });
  EXPECT_FALSE(got);
  task.reset();
  waits.join();
  EXPECT_EQ(code_of(tasks.take(0s)), Errc::timeout);
  tasks.put(2).value();
  (void)tasks.take(1s).value();
  EXPECT_EQ(*other.take(1s).value(), 2U);
}

TEST_F(TaskQueues, LoseNoTaskWhenATakerStopsWaiting) {
  Queue tasks = queue();
  constexpr std::uint64_t count = 300;
  std::mutex mutex;
  std::multiset<std::uint64_t> seen;
  std::vector<std::thread> takers;
  for (int taker = 0; taker < 4; ++taker) {
    takers.emplace_back([&, taker] {
      Queue own = queue();
      for (;;) {
        auto task = own.take(std::chrono::microseconds(50 * taker));
        if (task) {
          const std::lock_guard lock(mutex);
          seen.insert(**task);
          task->done();
        } else if (task.error().code() == Errc::end_of_stream) {
          return;
        } else {
          EXPECT_EQ(task.error().code(), Errc::timeout);
        }
      }
    });
  }
  for (std::uint64_t n = 0; n < count; ++n) {
    tasks.put(n).value();
    std::this_thread::yield();
  }
  tasks.close().value();
  for (auto& taker : takers) {
    taker.join();
  }
  EXPECT_EQ(seen.size(), count);
  EXPECT_EQ(std::set<std::uint64_t>(seen.begin(), seen.end()).size(), count);
}

TEST_F(TaskQueues, GiveEachTaskToOneOfManyTakers) {
  for (const std::size_t takers : {1, 4, 16}) {
    const std::string name = "many" + std::to_string(takers);
    Queue tasks = queue(name);
    constexpr std::uint64_t count = 2000;
    std::vector<std::atomic<int>> taken(count);
    std::vector<std::thread> threads;
    for (std::size_t taker = 0; taker < takers; ++taker) {
      threads.emplace_back([&] {
        Queue own = queue(name);
        while (auto task = own.take(60s)) {
          ++taken[**task];
          EXPECT_TRUE(task->done());
        }
      });
    }
    std::thread other([&] {
      Queue own = queue(name);
      for (std::uint64_t n = 1; n < count; n += 2) {
        own.put(n).value();
      }
    });
    for (std::uint64_t n = 0; n < count; n += 2) {
      tasks.put(n).value();
    }
    other.join();
    tasks.close().value();
    for (auto& thread : threads) {
      thread.join();
    }
    EXPECT_TRUE(std::ranges::all_of(taken, [](const auto& times) { return times == 1; })) << takers;
  }
}

// A put comes when all takers wait: then each task is for the one that has waited longest.
TEST_F(TaskQueues, GiveTasksInTheOrderOfWaiting) {
  for (const std::size_t takers : {1, 3, 16}) {
    const std::string name = "turns" + std::to_string(takers);
    Queue tasks = queue(name);
    const Store records = node.store("locum.tasks/fields/" + name);
    const auto await_claim = [&](std::uint64_t number) {
      const std::string claim = "claim/" + std::to_string(number);
      EXPECT_TRUE(records.wait<detail::TaskClaim>(claim, 60s)) << number;
    };
    const std::uint64_t count = 8 * takers;
    std::vector<std::atomic<std::uint64_t>> takers_of(count);
    std::vector<std::thread> threads;
    for (std::size_t taker = 0; taker < takers; ++taker) {
      threads.emplace_back([&, taker] {
        Queue own = queue(name);
        while (auto task = own.take(60s)) {
          takers_of[**task] = taker;
          EXPECT_TRUE(task->done());
        }
      });
      await_claim(taker);
    }
    for (std::uint64_t n = 0; n < count; ++n) {
      EXPECT_EQ(tasks.put(n).value(), n);
      await_claim(n + takers);
    }
    tasks.close().value();
    for (auto& thread : threads) {
      thread.join();
    }
    for (std::uint64_t n = 0; n < count; ++n) {
      EXPECT_EQ(takers_of[n], n % takers);
    }
  }
}

TEST_F(TaskQueues, LeaveNoMemory) {
  (void)queue();  // its two small objects stay
  const std::size_t before = objects();
  {
    Queue tasks = queue();
    for (std::uint64_t n = 0; n < 1000; ++n) {
      tasks.put(n).value();
      tasks.take(1s).value().done();
    }
    EXPECT_LT(objects(), before + 200);
    tasks.close().value();
    EXPECT_EQ(code_of(tasks.take(1s)), Errc::end_of_stream);
  }
  EXPECT_EQ(objects(), before);
}

// The records of those behind it do not wait for it.
TEST_F(TaskQueues, KeepLittleBehindALongTask) {
  Queue tasks = queue();
  tasks.put(0).value();
  auto longest = tasks.take(1s).value();
  const std::size_t before = objects();
  for (std::uint64_t n = 1; n < 2000; ++n) {
    tasks.put(n).value();
    tasks.take(1s).value().done();
  }
  EXPECT_LT(objects(), before + 400);
  { const auto given_back = std::move(longest); }
  EXPECT_EQ(*tasks.take(1s).value(), 0U);
}

// A taker that is gone without a word, as by a death: its session is closed under it.
TEST_F(TaskQueues, GiveTheTaskOfALostTakerToAnother) {
  Queue tasks = queue();
  auto lost = std::make_unique<Session>(rank());
  lost->announce();
  Queue theirs(lost->open("fields").value(), "tasks");
  tasks.put(5).value();
  auto task = theirs.take(1s).value();
  std::thread dies([&] { lost->close(); });
  auto again = tasks.take(60s);
  dies.join();
  ASSERT_TRUE(again) << again.error().what();
  EXPECT_EQ(**again, 5U);
  EXPECT_TRUE(again->done());
  EXPECT_EQ(code_of(task.done()), Errc::closed);
}

}  // namespace
}  // namespace locum::tests
