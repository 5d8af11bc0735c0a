// Load of a rank's helper thread without requests, beside a thread that only wakes once a second.

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

#include "bench/interleave.hpp"
#include "bench/lanes.hpp"
#include "bench/remote.hpp"
#include "bench/rows.hpp"
#include "bench/world.hpp"
#include "tests/mpi/thread_load.hpp"

namespace locum::bench {

namespace {

using namespace std::chrono_literals;
using tests::load_of;
using tests::thread_named;
using tests::ThreadLoad;

/// Wakes once a second, from construction to destruction.
class PeriodicWaker {
 public:
  static constexpr const char* name = "once a second";

  PeriodicWaker() : thread_([this] { look(); }) {
    while (!thread_named(name)) {
      std::this_thread::sleep_for(1ms);
    }
  }
  PeriodicWaker(const PeriodicWaker&) = delete;
  PeriodicWaker& operator=(const PeriodicWaker&) = delete;
  ~PeriodicWaker() {
    {
      const std::scoped_lock lock(mutex_);
      ending_ = true;
    }
    condition_.notify_one();
    thread_.join();
  }

 private:
  void look() {
    ::pthread_setname_np(::pthread_self(), name);
    std::unique_lock lock(mutex_);
    while (!ending_) {
      condition_.wait_for(lock, 1s);
    }
  }

  std::mutex mutex_;
  std::condition_variable condition_;
  bool ending_ = false;
  std::thread thread_;
};

struct Rates {
  double percent = 0;   ///< of a core
  double wake_ups = 0;  ///< a second
};

Rates rates_between(const ThreadLoad& before, const ThreadLoad& after, double seconds) {
  return {static_cast<double>(after.cpu_ns - before.cpu_ns) / 1e9 / seconds * 100,
          static_cast<double>(after.wake_ups - before.wake_ups) / seconds};
}

enum class Idle { time, wake_ups };

void idle(benchmark::State& state, const char* lanes, Idle what, Goal goal) {
  constexpr auto settling = 1500ms;  // the sleeps of the helper grow longer until then
  constexpr auto interval = 3s;
  const Lanes chosen(lanes);
  Remote remote(Owner::asleep);
  (void)remote.get_by_handle();  // connects the ranks
  const PeriodicWaker waker;
  const auto helper = thread_named("locum helper");
  if (!helper) {
    throw std::runtime_error("the helper thread is not to be found");
  }
  std::this_thread::sleep_for(settling);
  Pairs pairs;
  for (auto _ : state) {
    const auto twin = *thread_named(PeriodicWaker::name);
    const ThreadLoad before = load_of(*helper);
    const ThreadLoad twin_before = load_of(twin);
    const double seconds = timed([&] { std::this_thread::sleep_for(interval); });
    const Rates ours = rates_between(before, load_of(*helper), seconds);
    const Rates theirs = rates_between(twin_before, load_of(twin), seconds);
    const bool time = what == Idle::time;
    pairs.add(slowest(time ? ours.percent : ours.wake_ups), slowest(time ? theirs.percent : theirs.wake_ups));
    state.SetIterationTime(seconds);
  }
  pairs.report(state, what == Idle::time ? "%" : "1/s", goal);
}

}  // namespace

void add_idle_rows() {
  if (world_size() != 2) {
    return;  // more ranks would show nothing else
  }
  for (const char* lanes : lanes_here()) {
    const std::string over = lanes == nullptr ? "UCX" : "TCP";
    add_row("idle helper thread, " + over + ", of a core", 3, idle, lanes, Idle::time,
            Goal{Goal::Kind::ours_at_most, 0.5});
    add_row("idle helper thread, " + over + ", wake-ups", 3, idle, lanes, Idle::wake_ups, Goal{});
  }
}

}  // namespace locum::bench
