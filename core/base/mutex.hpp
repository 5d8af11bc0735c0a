#pragma once

#include <mutex>

#include <locum/deadline.hpp>

#if defined(__clang__)
#define LOCUM_THREAD_ANNOTATION(attribute) __attribute__((attribute))
#else
#define LOCUM_THREAD_ANNOTATION(attribute)
#endif

/// Data that may be accessed only while this mutex is held.
#define LOCUM_GUARDED_BY(mutex) LOCUM_THREAD_ANNOTATION(guarded_by(mutex))
/// A function that may be called only while this mutex is held.
#define LOCUM_REQUIRES(mutex) LOCUM_THREAD_ANNOTATION(requires_capability(mutex))
/// A function that locks this mutex itself.
#define LOCUM_EXCLUDES(mutex) LOCUM_THREAD_ANNOTATION(locks_excluded(mutex))

/// A function on an object that no other thread can access yet: it needs no lock for guarded data.
#define LOCUM_ALONE LOCUM_THREAD_ANNOTATION(no_thread_safety_analysis)

namespace locum {

/// `std::mutex` with the annotations that clang's -Wthread-safety checks. Locked by MutexLock only.
class LOCUM_THREAD_ANNOTATION(capability("mutex")) Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

 private:
  friend class MutexLock;
  std::mutex mutex_;
};

/// Holds a mutex during its lifetime; can wait for condition variables.
class LOCUM_THREAD_ANNOTATION(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) LOCUM_THREAD_ANNOTATION(acquire_capability(mutex)) : lock_(mutex.mutex_) {}
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;
  ~MutexLock() LOCUM_THREAD_ANNOTATION(release_capability()) = default;

  /// Releases the mutex until notified (or spuriously woken), at most until `moment`. Returns false if the
  /// moment has passed. The caller rechecks its condition in either case. A template, so that public headers
  /// need not include <condition_variable>.
  template <class Condition>
  bool wait_until(Condition& condition, Deadline::Clock::time_point moment) {
    const auto status = condition.wait_until(lock_, moment);
    return status == decltype(status)::no_timeout;
  }

 private:
  std::unique_lock<std::mutex> lock_;
};

}  // namespace locum
