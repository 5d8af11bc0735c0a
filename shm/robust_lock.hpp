#pragma once

#include <pthread.h>

#include "core/deadline.hpp"

namespace locum::shm {

/// Holds a robust, process-shared mutex for a scope. A holder's death passes the lock on: the next one finds
/// inherited() true, must repair what the lock protects, and then calls repaired(); otherwise the mutex is
/// lost.
class RobustLock {
 public:
  enum class Outcome { held, inherited, timed_out, damaged };

  RobustLock(pthread_mutex_t& mutex, Deadline::Clock::time_point moment) noexcept;
  RobustLock(const RobustLock&) = delete;
  RobustLock& operator=(const RobustLock&) = delete;
  ~RobustLock();

  [[nodiscard]] Outcome outcome() const noexcept { return outcome_; }
  /// REQUIRES: inherited.
  void repaired() noexcept;

  /// Makes a fresh mutex of this kind in shared memory. False if the system refuses.
  [[nodiscard]] static bool make(pthread_mutex_t& mutex) noexcept;

 private:
  pthread_mutex_t& mutex_;
  Outcome outcome_;
};

}  // namespace locum::shm
