#include "shm/segment/robust_lock.hpp"

#include <linux/futex.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <thread>

namespace locum::shm {

namespace {

constexpr int tries_before_sleep = 16;

// Of this process, whose namespace of process numbers is the same for all mutexes.
std::atomic<bool> are_numbers_trusted{true};

// pthread_mutex_timedlock uses the wall clock; a jump of it can only shorten or lengthen this wait.
timespec wall_clock_at(Deadline::Clock::time_point moment) noexcept {
  using std::chrono::nanoseconds;
  constexpr nanoseconds longest = std::chrono::hours(24);
  const auto now = Deadline::Clock::now();
  const nanoseconds left = moment <= now ? nanoseconds(0) : std::min<nanoseconds>(moment - now, longest);
  timespec at{};
  ::clock_gettime(CLOCK_REALTIME, &at);
  const nanoseconds total = std::chrono::seconds(at.tv_sec) + nanoseconds(at.tv_nsec) + left;
  at.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(total).count();
  at.tv_nsec = static_cast<long>((total % std::chrono::seconds(1)).count());
  return at;
}

#ifdef __GLIBC__
// The kernel's futex word: the number of the thread that holds the lock, and flags.
std::uint32_t lock_word(const pthread_mutex_t& mutex) noexcept {
  return static_cast<std::uint32_t>(__atomic_load_n(&mutex.__data.__lock, __ATOMIC_ACQUIRE));
}
#endif

// Whether the lock word names a nonexistent holder: the system would have passed the lock on. A holder in
// another process namespace has a number that is meaningless here.
bool held_by_nobody(const pthread_mutex_t& mutex) noexcept {
#ifdef __GLIBC__
  const std::uint32_t word = lock_word(mutex);
  const auto holder = static_cast<pid_t>(word & FUTEX_TID_MASK);
  const auto is_missing = [&] { return holder == ::gettid() || (::kill(holder, 0) != 0 && errno == ESRCH); };
  return word != 0 && (holder == 0 || (are_numbers_trusted.load(std::memory_order_relaxed) && is_missing()));
#else
  static_cast<void>(mutex);
  return false;
#endif
}

}  // namespace

[[gnu::hot]] RobustLock::RobustLock(pthread_mutex_t& mutex, Deadline::Clock::time_point moment) noexcept
    : mutex_(mutex) {
  if (!is_whole(mutex_)) {
    outcome_ = Outcome::damaged;
    return;
  }
  // Holders take less time than falling asleep and waking up.
  int result = ::pthread_mutex_trylock(&mutex_);
  for (int tries = 0; result == EBUSY && tries < tries_before_sleep; ++tries) {
    std::this_thread::yield();
    result = ::pthread_mutex_trylock(&mutex_);
  }
  if (result == EBUSY) {
    const timespec at = wall_clock_at(moment);
    result = ::pthread_mutex_timedlock(&mutex_, &at);
    if (result == ETIMEDOUT && held_by_nobody(mutex_)) {
      // Its holder may just have died: then the system has passed the lock on.
      const int again = ::pthread_mutex_trylock(&mutex_);
      result = again == EBUSY ? EINVAL : again;
    }
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

[[gnu::hot]] RobustLock::~RobustLock() {
  if ((outcome_ == Outcome::held || outcome_ == Outcome::inherited) && is_whole(mutex_)) {
    ::pthread_mutex_unlock(&mutex_);
  }
}

void RobustLock::repaired() noexcept {
  if (::pthread_mutex_consistent(&mutex_) == 0) {
    outcome_ = Outcome::held;
  }
}

// A stray store must not make the C library treat the mutex as one of another kind: it would follow that
// kind's protocol, and abort the process if its state is inconsistent. No other word of a free mutex does
// harm; the lock word can claim a holder, which ends in a timeout.
bool RobustLock::is_whole(const pthread_mutex_t& mutex) noexcept {
#ifdef __GLIBC__
  static const int kind = [] {
    pthread_mutex_t fresh;
    return make(fresh) == 0 ? fresh.__data.__kind : -1;
  }();
  return __atomic_load_n(&mutex.__data.__kind, __ATOMIC_RELAXED) == kind;
#else
  static_cast<void>(mutex);
  return true;
#endif
}

void RobustLock::distrust_numbers() noexcept {
  are_numbers_trusted.store(false, std::memory_order_relaxed);
}

std::uint32_t RobustLock::holder(const pthread_mutex_t& mutex) noexcept {
#ifdef __GLIBC__
  return lock_word(mutex) & FUTEX_TID_MASK;
#else
  static_cast<void>(mutex);
  return 0;
#endif
}

bool RobustLock::held_together(const pthread_mutex_t& one, const pthread_mutex_t& other) noexcept {
#ifdef __GLIBC__
  return holder(one) != 0 && holder(one) == holder(other);
#else
  static_cast<void>(one);
  static_cast<void>(other);
  return true;
#endif
}

int RobustLock::make(pthread_mutex_t& mutex) noexcept {
  pthread_mutexattr_t attributes;
  int failure = ::pthread_mutexattr_init(&attributes);
  if (failure == 0) {
    failure = ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    if (failure == 0) {
      failure = ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    }
    if (failure == 0) {
      failure = ::pthread_mutex_init(&mutex, &attributes);
    }
    ::pthread_mutexattr_destroy(&attributes);
  }
  return failure;
}

}  // namespace locum::shm
