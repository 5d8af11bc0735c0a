#include "core/standby.hpp"

#include <exception>
#include <utility>

namespace locum {

void Standby::close() noexcept {
  std::thread thread;
  {
    const MutexLock lock(mutex_);
    closed_ = true;
    thread.swap(thread_);
    condition_.notify_one();
  }
  if (thread.joinable()) {
    thread.join();
  }
  (void)poll();
}

bool Standby::take(Operation& operation) noexcept {
  const MutexLock lock(mutex_);
  if (closed_) {
    return false;
  }
  if (!operation.on_standby_) {
    operation.on_standby_ = true;
    any_.store(true, std::memory_order_relaxed);
    operation.hold();
    (last_ != nullptr ? last_->next_on_standby_ : first_) = &operation;
    last_ = &operation;
  }
  if (threaded_ && !thread_.joinable()) {
    try {
      thread_ = std::thread([this] { work(); });
    } catch (const std::exception&) {  // no thread or no memory: the next one tries again
    }
  }
  condition_.notify_one();
  return true;
}

Held<Operation> Standby::next() noexcept {
  Operation* const first = first_;
  if (first == nullptr) {
    any_.store(false, std::memory_order_relaxed);
    return {};
  }
  first_ = std::exchange(first->next_on_standby_, nullptr);
  last_ = first_ != nullptr ? last_ : nullptr;
  first->on_standby_ = false;
  return Held<Operation>(first);
}

bool Standby::poll() noexcept {
  const Haste brief = haste();
  for (bool any = false;; any = true) {
    if (!any_.load(std::memory_order_relaxed)) {
      return any;
    }
    Held<Operation> operation;
    {
      const MutexLock lock(mutex_);
      operation = next();
    }
    if (!operation) {
      return any;
    }
    operation->run_if_wanting();
  }
}

void Standby::work() noexcept {
  for (;;) {
    (void)poll();
    MutexLock lock(mutex_);
    if (first_) {
      continue;
    }
    if (closed_) {
      return;
    }
    (void)lock.wait_until(condition_, Deadline::Clock::time_point::max());
  }
}

}  // namespace locum
