// Time from setting a promise until a thread that sleeps on another node continues: beside one message to a
// rank that sleeps, by hand over UCP on the same lanes, and beside three requests and replies, one of which
// reaches a rank that sleeps. And the same while two threads for each core compute, beside a futex under the
// same load.

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "bench/compute.hpp"
#include "bench/futex_twin.hpp"
#include "bench/hand.hpp"
#include "bench/interleave.hpp"
#include "bench/lanes.hpp"
#include "bench/pause.hpp"
#include "bench/rows.hpp"
#include "bench/world.hpp"
#include "core/promise.hpp"
#include "mpi/runtime/runtime.hpp"

namespace locum::bench {

namespace {

constexpr double micro = 1e6;

/// Rank 0 sets a promise to the current time; rank 1, on another node, waits for it. Both have one clock.
class Promised {
 public:
  Promised() : runtime_(MPI_COMM_WORLD, {.memory_bytes = 64_MiB, .ranks_per_node = 1}) {}

  /// Seconds from setting to continuing, the average of a few.
  [[nodiscard]] double seconds() {
    double sum = 0;
    for (int round = 0; round < rounds; ++round) {
      sum += world_rank() == 0 ? set() : wait();
    }
    return slowest(sum) / rounds;
  }
  /// The same, but rank 0 sleeps before it sets: for machines with few cores.
  [[nodiscard]] double seconds_asleep() {
    double sum = 0;
    for (int round = 0; round < rounds; ++round) {
      Promise<double> promise;
      Handle handle;
      if (world_rank() == 0) {
        promise = store_.promise<double>().value();
        handle = promise.proxy().handle();
      }
      MPI_Bcast(&handle, sizeof handle, MPI_BYTE, 0, MPI_COMM_WORLD);
      meet_asleep();
      if (world_rank() == 0) {
        std::this_thread::sleep_for(until_others_sleep);
        (void)promise.set(seconds_since({})).value();
      } else {
        const double set_at = *runtime_.proxy<double>(handle);
        sum += seconds_since({}) - set_at;
      }
      meet_asleep();
    }
    return slowest(sum) / rounds;
  }

  static constexpr int rounds = 8;
  static constexpr std::chrono::milliseconds until_others_sleep{5};

 private:
  double set() {
    auto promise = store_.promise<double>().value();
    const Handle handle = promise.proxy().handle();
    MPI_Send(&handle, sizeof handle, MPI_BYTE, 1, 0, MPI_COMM_WORLD);
    pause_.until_others_sleep();
    const Key key = promise.set(seconds_since({})).value();
    MPI_Barrier(MPI_COMM_WORLD);
    store_.evict(key);
    return 0;
  }
  double wait() {
    Handle handle;
    MPI_Recv(&handle, sizeof handle, MPI_BYTE, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    const double set_at = *runtime_.proxy<double>(handle);
    const double seconds = seconds_since({}) - set_at;
    MPI_Barrier(MPI_COMM_WORLD);
    return seconds;
  }

  Runtime runtime_;
  Store store_ = runtime_.store("promised");
  Pause pause_;
};

/// Threads that compute during its lifetime.
class BusyThreads {
 public:
  explicit BusyThreads(unsigned threads) {
    for (unsigned thread = 0; thread < threads; ++thread) {
      threads_.emplace_back([this] {
        Compute some;
        for (some.fit(1e-4); !ending_;) {
          some.run();
        }
      });
    }
  }
  BusyThreads(const BusyThreads&) = delete;
  BusyThreads& operator=(const BusyThreads&) = delete;
  ~BusyThreads() {
    ending_ = true;
    for (std::thread& thread : threads_) {
      thread.join();
    }
  }

 private:
  std::atomic<bool> ending_ = false;
  std::vector<std::thread> threads_;
};

double seconds_by_futex(FutexTwin& futex) {
  double sum = 0;
  for (int round = 0; round < Promised::rounds; ++round) {
    meet_asleep();
    if (world_rank() == 0) {
      std::this_thread::sleep_for(Promised::until_others_sleep);
      futex.wake();
    } else {
      sum += futex.sleep();
    }
    meet_asleep();
  }
  return slowest(sum) / Promised::rounds;
}

// Two threads for each core, of both ranks together.
void wake_in_a_crowd(benchmark::State& state, const char* lanes) {
  const Lanes chosen(lanes);
  Promised promised;
  FutexTwin futex;
  const BusyThreads busy(std::thread::hardware_concurrency());
  interleave(
      state, [&] { return promised.seconds_asleep() * micro; },
      [&] { return seconds_by_futex(futex) * micro; },
      [](double microseconds) { return microseconds / micro; })
      .report(state, "us", {Goal::Kind::ratio_at_most, 2.0});
}

void wake_by_promise(benchmark::State& state, const char* lanes) {
  const Lanes chosen(lanes);
  Promised promised;
  Hand awake(64, true, Owner::driving);
  Hand asleep(64, true, Owner::roused);
  constexpr std::size_t rounds = 16;
  interleave(
      state, [&] { return promised.seconds() * micro; },
      [&] { return (2 * awake.rounds(rounds, 64, 64) + asleep.rounds(rounds, 64, 64)) * micro; },
      [](double microseconds) { return microseconds / micro; })
      .report(state, "us", {Goal::Kind::ratio_at_most, 1.0});
}

// The least that can wake a thread of another node.
void wake_to_message(benchmark::State& state, const char* lanes, Goal goal) {
  const Lanes chosen(lanes);
  Promised promised;
  Hand hand(64, true, Owner::driving);
  interleave(
      state, [&] { return promised.seconds() * micro; },
      [&] { return hand.to_sleeper(Promised::rounds, 64) * micro; },
      [](double microseconds) { return microseconds / micro; })
      .report(state, "us", goal);
}

}  // namespace

void add_promised_rows() {
  if (world_size() != 2) {
    return;  // the twin is written for two
  }
  const bool hosts = on_several_hosts();
  for (const char* lanes : lanes_here()) {
    const std::string name =
        std::string("promise set, sleeping waiter goes on, ") + (lanes == nullptr ? "UCX" : "TCP");
    add_row(name + ", to a message", 40, wake_to_message, lanes,
            hosts ? Goal{Goal::Kind::ratio_at_most, 1.2} : Goal{});
    if (!hosts) {
      add_row(name, 40, wake_by_promise, lanes);
      add_row(name + ", cores shared 2:1, to a futex", 40, wake_in_a_crowd, lanes);
    }
  }
}

}  // namespace locum::bench
