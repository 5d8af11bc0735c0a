// Queues of tasks between ranks.
#include <gtest/gtest.h>
#include <mpi.h>

#include <chrono>
#include <cstdint>
#include <vector>

#include "core/task_queue.hpp"
#include "mpi/runtime/runtime.hpp"
#include "tests/core/sanitized.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;
using namespace locum::literals;

class TasksOfRanks : public ::testing::Test {
 protected:
  /// The sum over all ranks.
  [[nodiscard]] static std::vector<std::uint64_t> sum_of_all(std::vector<std::uint64_t> mine) {
    MPI_Allreduce(MPI_IN_PLACE, mine.data(), static_cast<int>(mine.size()), MPI_UINT64_T, MPI_SUM,
                  MPI_COMM_WORLD);
    return mine;
  }

  Runtime runtime{MPI_COMM_WORLD, {.memory_bytes = 64_MiB}};
  const std::size_t ranks = static_cast<std::size_t>(runtime.size());
  const std::size_t rank = static_cast<std::size_t>(runtime.rank());
};

// All ranks put and take; the last one to have put closes.
TEST_F(TasksOfRanks, TakeEachTaskOnce) {
  constexpr std::uint64_t each = tests::sanitized ? 30 : 150;
  auto store = runtime.store("work");
  TaskQueue<std::uint64_t> tasks(store, "tasks");
  TaskQueue<std::uint64_t> ends(store, "ends");
  std::vector<std::uint64_t> taken(each * ranks);
  for (std::uint64_t at = 0; at < each; ++at) {
    ASSERT_TRUE(tasks.put(at * ranks + rank));
    if (at % 3 == 0) {
      auto task = tasks.take(1ms);  // others may have taken all
      ASSERT_TRUE(task || task.error().code() == Errc::timeout) << task.error().what();
      if (task) {
        ++taken[**task];
        ASSERT_TRUE(task->done());
      }
    }
  }
  if (ends.put(rank).value() == ranks - 1) {
    ASSERT_TRUE(tasks.close());
  }
  for (;;) {
    auto task = tasks.take(60s);
    if (!task) {
      EXPECT_EQ(task.error().code(), Errc::end_of_stream) << task.error().what();
      break;
    }
    if (**task % 7 == 0 && (*task).number() % 2 == 0 && taken[**task] == 0) {
      taken[**task] += 1000;  // given back, once by each rank at most
      continue;
    }
    taken[**task] += 1;
    EXPECT_TRUE(task->done());
  }
  for (const std::uint64_t times : sum_of_all(taken)) {
    EXPECT_EQ(times % 1000, 1U);
  }
}

// A rank that has a task does not take that of another one: in each round each rank gets one.
TEST_F(TasksOfRanks, GiveOneToEachWhoWaits) {
  auto store = runtime.store("work");
  TaskQueue<std::vector<double>> tasks(store, "rounds");
  for (int round = 0; round < 10; ++round) {
    if (rank == 0) {
      for (std::size_t at = 0; at < ranks; ++at) {
        ASSERT_TRUE(tasks.put(std::vector<double>(100, round)));
      }
    }
    auto task = tasks.take(60s);
    ASSERT_TRUE(task) << task.error().what();
    EXPECT_EQ((**task)[99], round);
    MPI_Barrier(MPI_COMM_WORLD);
    EXPECT_TRUE(task->done());
  }
  if (rank == ranks - 1) {
    ASSERT_TRUE(tasks.close());
  }
  EXPECT_EQ(tasks.take(60s).error().code(), Errc::end_of_stream);
}

}  // namespace
}  // namespace locum
