#include "shm/death/warning_signal.hpp"

#include <pthread.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): sigaction is not in <csignal>

#include <array>
#include <atomic>
#include <cerrno>
#include <string>

#include "core/base/mutex.hpp"
#include "core/value/error.hpp"

namespace locum::shm {

namespace {

/// What the process knows of one signal. A handler has no argument of ours, and runtimes share their process.
struct Counted {
  std::atomic<std::uint32_t> received{0};
  int users = 0;  ///< guarded by users_mutex
  struct sigaction before {};
};
static_assert(std::atomic<std::uint32_t>::is_always_lock_free, "a handler may take no lock");

std::array<Counted, NSIG> signals;
Mutex users_mutex;

void count(int number) {
  signals[static_cast<std::size_t>(number)].received.fetch_add(1, std::memory_order_relaxed);
}

// A child of the rank has no runtime that would look whether the signal has come: it ends as it would have.
void restore_in_child() {
  for (int number = 1; number < NSIG; ++number) {
    const Counted& own = signals[static_cast<std::size_t>(number)];
    struct sigaction now {};
    if (::sigaction(number, nullptr, &now) == 0 && now.sa_handler == count) {
      ::sigaction(number, &own.before, nullptr);
    }
  }
}

Counted& counted(int number) {
  return signals.at(static_cast<std::size_t>(number));
}

}  // namespace

WarningSignal::WarningSignal(int number) : number_(number) {
  if (number_ == 0) {
    return;
  }
  Counted& own = counted(number_);
  const MutexLock lock(users_mutex);
  static const int refused = ::pthread_atfork(nullptr, nullptr, restore_in_child);
  if (refused != 0) {
    throw system_error("handling forks (checkpoint_signal) failed", refused);
  }
  if (own.users == 0) {
    struct sigaction action {};
    action.sa_handler = count;
    action.sa_flags = SA_RESTART;
    ::sigemptyset(&action.sa_mask);
    if (::sigaction(number_, &action, &own.before) != 0) {
      throw system_error("handling signal " + std::to_string(number_) + " (checkpoint_signal) failed", errno);
    }
  }
  ++own.users;
  seen_ = own.received.load(std::memory_order_relaxed);
}

WarningSignal::~WarningSignal() {
  if (number_ == 0) {
    return;
  }
  Counted& own = counted(number_);
  const MutexLock lock(users_mutex);
  if (--own.users == 0) {
    struct sigaction now {};
    if (::sigaction(number_, nullptr, &now) == 0 && now.sa_handler == count) {
      ::sigaction(number_, &own.before, nullptr);
    }
  }
}

bool WarningSignal::has_come() const noexcept {
  return number_ != 0 && counted(number_).received.load(std::memory_order_relaxed) != seen_;
}

void WarningSignal::forget() noexcept {
  if (number_ != 0) {
    seen_ = counted(number_).received.load(std::memory_order_relaxed);
  }
}

}  // namespace locum::shm
