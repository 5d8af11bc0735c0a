#pragma once

#include <pthread.h>

#include <cstdint>

#include "core/value/deadline.hpp"

namespace locum::shm {

/// Holds a robust, process-shared mutex for a scope. A holder's death passes the lock on: the next holder
/// gets the outcome `inherited`, must repair the protected data, and then calls repaired(); otherwise the
/// mutex is lost, and everybody's outcome is `damaged`. That is also the outcome if something else overwrote
/// the mutex: it is not accessed then.
class RobustLock {
 public:
  enum class Outcome { held, inherited, timed_out, damaged };

  /// Waits for the mutex until `moment`; takes a free one even after that.
  RobustLock(pthread_mutex_t& mutex, Deadline::Clock::time_point moment) noexcept;
  RobustLock(const RobustLock&) = delete;
  RobustLock& operator=(const RobustLock&) = delete;
  ~RobustLock();

  [[nodiscard]] Outcome outcome() const noexcept { return outcome_; }
  /// REQUIRES: inherited.
  void repaired() noexcept;

  /// Initialises a mutex of this kind, in shared memory. 0, or the system's error number.
  [[nodiscard]] static int make(pthread_mutex_t& mutex) noexcept;
  /// Whether this still is a mutex of this kind, and may be accessed: for code that locks it without this
  /// class.
  [[nodiscard]] static bool is_whole(const pthread_mutex_t& mutex) noexcept;
  /// Numbers of threads in mutexes mean other threads here, or none: processes of other namespaces hold them,
  /// too. From now on no mutex of this process is `damaged` because its holder seems not to exist; a wait for
  /// one ends as `timed_out`. Any thread may call.
  static void distrust_numbers() noexcept;
  /// The number of the thread that holds it now, in any process, according to its words; 0: none. With an
  /// unknown C library always 0.
  [[nodiscard]] static std::uint32_t holder(const pthread_mutex_t& mutex) noexcept;
  /// Whether one thread holds both now, in any process, according to their words. With an unknown C library
  /// always true.
  [[nodiscard]] static bool held_together(const pthread_mutex_t& one, const pthread_mutex_t& other) noexcept;

 private:
  pthread_mutex_t& mutex_;
  Outcome outcome_;
};

}  // namespace locum::shm
