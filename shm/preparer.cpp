#include "shm/preparer.hpp"

#include <pthread.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): pthread_sigmask is not in <csignal>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <utility>

namespace locum::shm {
namespace {

// The thread wakes this often for nothing: no wait is without a bound.
constexpr std::chrono::minutes longest_sleep{1};
constexpr int lowest_priority = 19;

// Signals are for the threads of the application: a new thread inherits the mask that holds while it starts.
std::thread start_without_signals(std::function<void()> body) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const struct Restore {
    const sigset_t& mask;
    ~Restore() { ::pthread_sigmask(SIG_SETMASK, &mask, nullptr); }
  } restore{before};
  return std::thread(std::move(body));
}

}  // namespace

Preparer::Preparer(std::function<bool()> piece)
    : piece_(std::move(piece)), thread_(start_without_signals([this] { run(); })) {}

Preparer::~Preparer() {
  {
    const MutexLock lock(mutex_);
    stop_.store(true, std::memory_order_relaxed);
  }
  condition_.notify_one();
  thread_.join();
}

void Preparer::wake() noexcept {
  if (wanted_.exchange(true, std::memory_order_acq_rel)) {
    return;  // it is awake, or about to be
  }
  { const MutexLock lock(mutex_); }  // it sleeps by now, or sees that it is wanted
  condition_.notify_one();
}

void Preparer::run() {
  ::pthread_setname_np(::pthread_self(), "locum prepare");
  // Not SCHED_IDLE: the kernel holds locks of the file and of the address space for us while a piece lasts,
  // and whoever needs them waits for this thread to be scheduled. In Linux, 0 is the calling thread.
  static_cast<void>(::setpriority(PRIO_PROCESS, 0, lowest_priority));
  for (;;) {
    {
      MutexLock lock(mutex_);
      while (!wanted_.load(std::memory_order_acquire) && !stop_.load(std::memory_order_relaxed)) {
        lock.wait_until(condition_, Deadline::Clock::now() + longest_sleep);
      }
    }
    wanted_.store(false, std::memory_order_release);
    do {
      if (stop_.load(std::memory_order_relaxed)) {
        return;
      }
    } while (piece_());
  }
}

}  // namespace locum::shm
