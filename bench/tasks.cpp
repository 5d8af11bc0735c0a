// How many small tasks ranks of a node take from each other: a TaskQueue, beside an array in an MPI shared
// window with two atomic counters, which knows neither deaths nor ends.

#include <mpi.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bench/interleave.hpp"
#include "bench/rows.hpp"
#include "bench/world.hpp"
#include "core/task_queue.hpp"
#include "mpi/runtime/runtime.hpp"

namespace locum::bench {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t tasks_a_batch = 20'000;

/// Rank 0 puts tasks of 8 bytes, as fast as it can; threads of rank 1 take them and say that they are done.
/// Either way measures tasks in a second, from the first put to the last task that is done.
class Tasks {
 public:
  explicit Tasks(std::size_t takers)
      : takers_(takers), runtime_(MPI_COMM_WORLD, {.memory_bytes = 256_MiB}), window_(sizeof(Ring)) {
    ring_ =
        world_rank() == 0 ? new (window_.of(0).data()) Ring : reinterpret_cast<Ring*>(window_.of(0).data());
    MPI_Barrier(MPI_COMM_WORLD);
  }

  [[nodiscard]] double queue() {
    return batch([&](std::uint64_t task) { queue_.put(task).value(); },
                 [&] {
                   auto task = queue_.take(60s).value();
                   task.done().value();
                   return *task;
                 });
  }
  [[nodiscard]] double ring() {
    return batch(
        [&](std::uint64_t task) {
          const std::uint64_t number = ring_->put.load(std::memory_order_relaxed);
          ring_->tasks[number % slots] = task;
          ring_->put.store(number + 1, std::memory_order_release);
        },
        [&] {
          const std::uint64_t number = ring_->taken.fetch_add(1, std::memory_order_relaxed);
          for (int looks = 0; ring_->put.load(std::memory_order_acquire) <= number; ++looks) {
            if (looks > 1000) {
              std::this_thread::yield();
            }
          }
          return ring_->tasks[number % slots];
        });
  }

 private:
  /// A batch and what ends it.
  static constexpr std::uint64_t slots = 2 * tasks_a_batch;
  static constexpr std::uint64_t last = ~std::uint64_t{0};

  struct Ring {
    alignas(64) std::atomic<std::uint64_t> put{0};
    alignas(64) std::atomic<std::uint64_t> taken{0};
    std::uint64_t tasks[slots];
  };

  template <class Put, class Take>
  [[nodiscard]] double batch(Put put, Take take) {
    MPI_Barrier(MPI_COMM_WORLD);
    std::atomic<std::uint64_t> sum{0};
    const double seconds = slowest(timed([&] {
      if (world_rank() == 0) {
        for (std::uint64_t task = 0; task < tasks_a_batch; ++task) {
          put(task);
        }
        for (std::size_t taker = 0; taker < takers_; ++taker) {
          put(last);
        }
        return;
      }
      std::vector<std::thread> threads;
      for (std::size_t taker = 0; taker < takers_; ++taker) {
        threads.emplace_back([&] {
          std::uint64_t mine = 0;
          for (std::uint64_t task = take(); task != last; task = take()) {
            mine += task;
          }
          sum += mine;
        });
      }
      for (auto& thread : threads) {
        thread.join();
      }
    }));
    if (world_rank() == 1 && sum != tasks_a_batch * (tasks_a_batch - 1) / 2) {
      throw std::runtime_error("tasks were lost, or taken twice");
    }
    return static_cast<double>(tasks_a_batch) / seconds;
  }

  const std::size_t takers_;
  Runtime runtime_;
  TaskQueue<std::uint64_t> queue_{runtime_.store("bench"), "tasks"};
  SharedWindow window_;
  Ring* ring_ = nullptr;
};

void take_tasks(benchmark::State& state, std::size_t takers) {
  Tasks tasks(takers);
  interleave(
      state, [&] { return tasks.queue(); }, [&] { return tasks.ring(); },
      [](double rate) { return tasks_a_batch / rate; })
      .report(state, "/s", Goal{Goal::Kind::ours_at_least, 1e5});
}

}  // namespace

void add_task_rows() {
  add_row("tasks taken from a queue, 1 taker, to a ring in shared memory", 20, take_tasks, std::size_t{1});
  add_row("tasks taken from a queue, 4 takers, to a ring in shared memory", 20, take_tasks, std::size_t{4});
}

}  // namespace locum::bench
