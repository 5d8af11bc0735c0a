#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>

#include "core/base/mutex.hpp"

namespace locum::mpi {

/// Where the one thread sleeps that would notice a message. MPI offers no event to sleep on: the thread asks
/// again and again. It yields its core in between at first, and then pauses for an eighth of the time since
/// something last moved, at most for `longest_pause`: a message is noticed late by no more than that part of
/// the time for which none came. While another thread makes progress it only sleeps.
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
  /// Something has moved.
  void moved() noexcept { moved_.store(true, std::memory_order_relaxed); }
  /// Until `has_come()` is true, which is asked while armed; ring() was called since the last sleep; or
  /// `moment` has come.
  void sleep(Clock::time_point moment, const std::function<bool()>& has_come);
  void ring() noexcept;

 private:
  [[nodiscard]] Clock::duration next_pause(Clock::time_point now) noexcept;

  const std::chrono::microseconds longest_pause_;
  std::atomic<bool> armed_{false};
  std::atomic<bool> moved_{true};
  unsigned yields_ = 0;              ///< of the sleeping thread since then
  Clock::time_point quiet_since_{};  ///< used by the sleeping thread
  Mutex mutex_;
  std::condition_variable changed_;
  bool rang_ LOCUM_GUARDED_BY(mutex_) = false;
};

}  // namespace locum::mpi
