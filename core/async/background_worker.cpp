#include "core/async/background_worker.hpp"

#include <utility>

namespace locum {

void BackgroundWorker::close() noexcept {
  BackgroundThread thread;
  {
    const MutexLock lock(mutex_);
    closed_ = true;
    thread = std::move(thread_);
    condition_.notify_one();
  }
  thread.join();
  (void)poll();
}

bool BackgroundWorker::take(Operation& operation) noexcept {
  const MutexLock lock(mutex_);
  if (closed_) {
    return false;
  }
  any_.store(true, std::memory_order_relaxed);
  wanting_.push(operation);
  if (threaded_ && !thread_.is_started()) {
    (void)thread_.start("locum worker", [this] { work(); });  // no thread: the next operation retries
  }
  condition_.notify_one();
  return true;
}

bool BackgroundWorker::poll() noexcept {
  for (bool any = false;; any = true) {
    if (!any_.load(std::memory_order_relaxed)) {
      return any;
    }
    Held<Operation> operation;
    {
      const MutexLock lock(mutex_);
      operation = wanting_.pop();
      any_.store(operation || !wanting_.empty(), std::memory_order_relaxed);
    }
    if (!operation) {
      return any;
    }
    operation->run_if_wanting(budget_);
  }
}

void BackgroundWorker::work() noexcept {
  for (;;) {
    (void)poll();
    MutexLock lock(mutex_);
    if (!wanting_.empty()) {
      continue;
    }
    if (closed_) {
      return;
    }
    (void)lock.wait_until(condition_, Deadline::Clock::time_point::max());
  }
}

}  // namespace locum
