// Ranks 0 and 1 put tasks, ranks 2 and 3 take them. One of the four dies by SIGKILL at some time, under a
// launcher that lets the others continue: LOCUM_TEST_VICTIM, after LOCUM_TEST_DEATH_US of work. All tasks
// that put() has returned for have to be done, and none by two survivors, nor after it was done; no call may
// wait longer than a death is noticed. Run by deaths_at_any_time.sh.
#include <mpi.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "core/task_queue.hpp"
#include "mpi/runtime/runtime.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/mpi/survivor.hpp"

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using locum::tests::expect;
using locum::tests::longest_call;
using locum::tests::may_die;
using locum::tests::rank_of_this;
using locum::tests::timed;
using locum::tests::wait_until;

constexpr std::size_t ranks = 4;
constexpr std::size_t producers = 2;
constexpr std::size_t most_tasks = 3000;  // of each producer
// For a machine with more ranks than cores; and for one slowed down by a sanitizer.
constexpr auto slack = locum::tests::sanitized ? 20s : 5s;

std::size_t tasks = most_tasks;

struct Task {
  static constexpr std::string_view locum_type_name = "tests.task";

  std::uint64_t number = 0;
  std::array<double, 60> data{};
};

/// What became of a task.
struct Fate {
  std::atomic<std::uint8_t> is_put;    ///< put() has returned
  std::atomic<std::uint8_t> taken_by;  ///< a bit of each rank
  std::atomic<std::uint8_t> is_begun;  ///< done() was called
  std::atomic<std::uint8_t> is_done;   ///< done() has succeeded
};

/// In memory of all ranks, which the dead leave as it was.
struct Shared {
  std::array<std::atomic<bool>, ranks> has_put_all;
  std::array<std::atomic<bool>, ranks> has_ended;
  locum::tests::RanksDone done;
  std::array<Fate, producers * most_tasks> fates;
};

std::optional<locum::Error> put(locum::TaskQueue<Task>& queue, Shared& shared, int victim) {
  const auto rank = static_cast<std::size_t>(rank_of_this);
  for (std::size_t at = rank; at < producers * tasks; at += producers) {
    may_die();
    Task task{at, {}};
    task.data.fill(static_cast<double>(at));
    const auto put = timed([&] { return queue.put(task); });
    if (!put) {
      if (put.error().code() == locum::Errc::end_of_stream && rank_of_this == victim) {
        break;  // the others did not wait for a rank that is to die
      }
      return put.error();
    }
    shared.fates[at].is_put = 1;
    if (at % 64 == rank) {
      std::this_thread::sleep_for(100us);  // takers have to wait now and then
    }
  }
  shared.has_put_all[rank] = true;
  wait_until([&] {
    return std::ranges::all_of(std::array{0, 1}, [&](int other) {
      return other == victim || shared.has_put_all[static_cast<std::size_t>(other)].load();
    });
  });
  const auto closed = timed([&] { return queue.close(); });
  return closed ? std::nullopt : std::optional(closed.error());
}

std::optional<locum::Error> take(locum::TaskQueue<Task>& queue, Shared& shared, int victim,
                                 bool values_may_be_lost) {
  const int mine = 1 << rank_of_this;
  for (;;) {
    auto task = timed([&] { return queue.take(60s); });
    may_die();
    if (!task) {
      if (values_may_be_lost && task.error().code() == locum::Errc::peer_lost &&
          task.error().rank() == victim) {
        continue;  // that task is over
      }
      return task.error().code() == locum::Errc::end_of_stream ? std::nullopt : std::optional(task.error());
    }
    const std::uint64_t number = (*task)->number;
    Fate& fate = shared.fates[number];
    const int before = fate.taken_by.fetch_or(static_cast<std::uint8_t>(mine));
    expect((before & ~(1 << victim)) == 0, "task " + std::to_string(number) + " was taken twice");
    expect(fate.is_done == 0, "task " + std::to_string(number) + " was done before");
    expect((*task)->data[59] == static_cast<double>(number), "a task has a wrong value");
    fate.is_begun = 1;
    const auto done = timed([&] { return task->done(); });
    if (!done && !(values_may_be_lost && done.error().code() == locum::Errc::peer_lost)) {
      return done.error();
    }
    fate.is_done = 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_of_this);
  const auto rank = static_cast<std::size_t>(rank_of_this);
  const int victim = locum::tests::victim();
  auto& shared = locum::tests::shared_memory<Shared>();
  locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = std::uint64_t{64} << 20U, .timeout = 60s});
  tasks = runtime.nodes() == 1 && !locum::tests::sanitized ? most_tasks : 400;
  const auto store = runtime.store("work");
  std::optional<locum::TaskQueue<Task>> queue;
  for (int opens = 0; opens < static_cast<int>(ranks); ++opens) {  // its home is the node of rank 0
    if (opens == rank_of_this) {
      queue.emplace(store, "tasks");
    }
    MPI_Barrier(MPI_COMM_WORLD);
  }
  const bool node_lost = runtime.nodes() == runtime.size();
  const bool queue_lost = node_lost && victim == 0;
  const bool values_lost = node_lost && victim < static_cast<int>(producers);
  std::optional<locum::Error> error;
  try {
    error = rank < producers ? put(*queue, shared, victim) : take(*queue, shared, victim, values_lost);
    shared.has_ended[rank] = true;
    queue.reset();
  } catch (const locum::Error& thrown) {
    error = thrown;
  }
  if (rank_of_this == victim) {  // it was too fast
    std::raise(SIGKILL);
  }
  expect(!error || (queue_lost && error->code() == locum::Errc::peer_lost),
         std::string("a death disturbs the others: ") + (error ? error->what() : ""));
  const auto bound = (runtime.nodes() == 1 ? 200ms + 100ms : 2 * runtime.options().peer_timeout) + slack;
  expect(longest_call <= bound, "a call lasted " + std::to_string(longest_call.count()) + " ms");
  // Takers have seen the end: so all tasks are done. Where the victim had called done(), it may have been.
  if (rank >= producers && !error) {
    for (std::size_t at = 0; at < producers * tasks; ++at) {
      const bool is_lost = values_lost && at % producers == static_cast<std::size_t>(victim);
      expect(shared.fates[at].is_put == 0 || shared.fates[at].is_begun == 1 || is_lost,
             "task " + std::to_string(at) + " was lost");
    }
  }
  locum::tests::wait_for_survivors(shared.done);
  if (runtime.nodes() == 1) {
    wait_until([&] { return !runtime.lost_ranks().empty(); });  // a victim that lives is not done yet
  }
  // All have left the queue: its records are gone, unless it was the victim's turn to evict them.
  if (runtime.nodes() == 1 && !shared.has_ended[static_cast<std::size_t>(victim)]) {
    const auto records = runtime.store("locum.tasks/work/tasks");
    const auto left = records.keys().value();
    std::string found;
    for (const std::string& name : left) {
      found += " " + name;
      if (const auto line = records.get<std::uint64_t[]>(name)) {
        for (const std::uint64_t word : *line) {
          found += " " + std::to_string(word);
        }
      }
    }
    // Two belong to a queue that is closed. A death leaves one that its rank was to evict at once; or, where
    // it was waking the takers because all is done, an empty slot for each of them.
    constexpr std::size_t takers = ranks - producers;
    expect(left.size() <= 2 + takers, "records are left:" + found);
    if (left.size() != 2) {
      std::printf("rank %d: more records are left than without a death:%s\n", rank_of_this, found.c_str());
    }
  }
  locum::tests::end_survivor(error);
}
