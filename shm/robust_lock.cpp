#include "shm/robust_lock.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>

namespace locum::shm {

namespace {

// pthread_mutex_timedlock wants the wall clock; a jump of it while we wait can only shorten or lengthen this
// wait.
timespec wall_clock_at(Deadline::Clock::time_point moment) noexcept {
  using std::chrono::nanoseconds;
  constexpr nanoseconds longest = std::chrono::hours(24);
  const nanoseconds left = std::clamp(
      std::chrono::duration_cast<nanoseconds>(moment - Deadline::Clock::now()), nanoseconds(0), longest);
  timespec at{};
  ::clock_gettime(CLOCK_REALTIME, &at);
  const nanoseconds total = std::chrono::seconds(at.tv_sec) + nanoseconds(at.tv_nsec) + left;
  at.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(total).count();
  at.tv_nsec = static_cast<long>((total % std::chrono::seconds(1)).count());
  return at;
}

}  // namespace

RobustLock::RobustLock(pthread_mutex_t& mutex, Deadline::Clock::time_point moment) noexcept : mutex_(mutex) {
  int result = ::pthread_mutex_trylock(&mutex_);
  if (result == EBUSY) {
    const timespec at = wall_clock_at(moment);
    result = ::pthread_mutex_timedlock(&mutex_, &at);
  }
  switch (result) {
    case 0:
      outcome_ = Outcome::held;
      break;
    case EOWNERDEAD:
      outcome_ = Outcome::inherited;
      break;
    case ETIMEDOUT:
      outcome_ = Outcome::timed_out;
      break;
    default:
      outcome_ = Outcome::damaged;
      break;
  }
}

RobustLock::~RobustLock() {
  if (outcome_ == Outcome::held || outcome_ == Outcome::inherited) {
    ::pthread_mutex_unlock(&mutex_);
  }
}

void RobustLock::repaired() noexcept {
  if (::pthread_mutex_consistent(&mutex_) == 0) {
    outcome_ = Outcome::held;
  }
}

bool RobustLock::make(pthread_mutex_t& mutex) noexcept {
  pthread_mutexattr_t attributes;
  if (::pthread_mutexattr_init(&attributes) != 0) {
    return false;
  }
  const bool made = ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0 &&
                    ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0 &&
                    ::pthread_mutex_init(&mutex, &attributes) == 0;
  ::pthread_mutexattr_destroy(&attributes);
  return made;
}

}  // namespace locum::shm
