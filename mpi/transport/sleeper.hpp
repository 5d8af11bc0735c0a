#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>

#include "core/base/mutex.hpp"

namespace locum::mpi {

/// Where the one thread sleeps that would notice a message. MPI offers no event to sleep on: the thread asks
/// again and again, at intervals that grow from one yield of its core to `longest_pause`, and start anew
/// whenever something moved. While another thread makes progress it only sleeps.
///
/// sleep() is for one thread at a time, arm(), disarm() and moved() for the one that may make progress,
/// ring() for all; all of them concurrently.
class Sleeper {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Sleeper(std::chrono::microseconds longest_pause) : longest_pause_(longest_pause) {}

  /// From now on the sleeping thread asks.
  void arm() noexcept;
  void disarm() noexcept { armed_.store(false, std::memory_order_relaxed); }
  [[nodiscard]] bool is_armed() const noexcept { return armed_.load(std::memory_order_relaxed); }
  /// The intervals start anew.
  void moved() noexcept { pauses_.store(0, std::memory_order_relaxed); }
  /// Until `has_come()` is true, which is asked while armed; ring() was called since the last sleep; or
  /// `moment` has come.
  void sleep(Clock::time_point moment, const std::function<bool()>& has_come);
  void ring() noexcept;

 private:
  [[nodiscard]] Clock::duration next_pause() noexcept;

  const std::chrono::microseconds longest_pause_;
  std::atomic<bool> armed_{false};
  std::atomic<unsigned> pauses_{0};
  Mutex mutex_;
  std::condition_variable changed_;
  bool rang_ LOCUM_GUARDED_BY(mutex_) = false;
};

}  // namespace locum::mpi
