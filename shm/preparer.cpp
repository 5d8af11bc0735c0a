#include "shm/preparer.hpp"

#include <sys/resource.h>

#include <chrono>
#include <utility>

namespace locum::shm {
namespace {

// The thread wakes this often for nothing: no wait is without a bound.
constexpr std::chrono::minutes longest_sleep{1};
constexpr int lowest_priority = 19;

}  // namespace

Preparer::Preparer(std::function<bool()> piece)
    : piece_(std::move(piece)), thread_("locum prepare", [this] { run(); }) {}

Preparer::~Preparer() {
  {
    const MutexLock lock(mutex_);
    stop_.store(true, std::memory_order_relaxed);
  }
  condition_.notify_one();
}

void Preparer::wake() noexcept {
  if (wanted_.exchange(true, std::memory_order_acq_rel)) {
    return;  // it is awake, or about to be
  }
  { const MutexLock lock(mutex_); }  // it sleeps by now, or sees that it is wanted
  condition_.notify_one();
}

void Preparer::run() {
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
