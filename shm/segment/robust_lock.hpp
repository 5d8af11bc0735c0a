#pragma once

#include <pthread.h>

#include <cstdint>

#include "core/deadline.hpp"

namespace locum::shm {

/// Holds a robust, process-shared mutex for a scope. A holder's death passes the lock on: the next one finds
/// the outcome `inherited`, must repair what the lock protects, and then calls repaired(); otherwise the
/// mutex is lost, and everybody's outcome is `damaged`. So it is where something else overwrote the mutex: it
/// is not touched then.
class RobustLock {
 public:
  enum class Outcome { held, inherited, timed_out, damaged };

  /// Waits for the mutex until `moment`; a free one is taken even if that has passed.
  RobustLock(pthread_mutex_t& mutex, Deadline::Clock::time_point moment) noexcept;
  RobustLock(const RobustLock&) = delete;
  RobustLock& operator=(const RobustLock&) = delete;
  ~RobustLock();

  [[nodiscard]] Outcome outcome() const noexcept { return outcome_; }
  /// REQUIRES: inherited.
  void repaired() noexcept;

  /// Makes a fresh mutex of this kind, in memory that processes share. 0, or the system's error number.
  [[nodiscard]] static int make(pthread_mutex_t& mutex) noexcept;
  /// Whether this still is a mutex of this kind, and may be touched: for who takes it without this class.
  [[nodiscard]] static bool is_whole(const pthread_mutex_t& mutex) noexcept;
  /// The number of the thread that holds it at this moment, of whatever process, by what stands in it; 0:
  /// nobody. Where the C library is none that we know, always 0.
  [[nodiscard]] static std::uint32_t holder(const pthread_mutex_t& mutex) noexcept;
  /// Whether one thread holds both at this moment, of whatever process, by what stands in them. Where the C
  /// library is none that we know, always.
  [[nodiscard]] static bool held_together(const pthread_mutex_t& one, const pthread_mutex_t& other) noexcept;

 private:
  pthread_mutex_t& mutex_;
  Outcome outcome_;
};

}  // namespace locum::shm
