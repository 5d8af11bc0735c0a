#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "core/async/completion_counter.hpp"
#include "core/base/blocking_wait.hpp"
#include "core/base/mutex.hpp"
#include "core/ports/completion_listener.hpp"
#include "core/value/deadline.hpp"

namespace locum {

/// The end of a task: a value that is set once. Setting it wakes the threads that wait for it, and notifies
/// its observer. Any thread; a caller keeps it alive until the call returns.
template <class T>
class Completion {
 public:
  using Moment = Deadline::Clock::time_point;
  using Observer = std::shared_ptr<CompletionListener>;

  /// \param counter through which threads wait, where a waiting thread may have to do other work meanwhile;
  ///   null: they sleep
  explicit Completion(std::shared_ptr<CompletionCounter> counter = nullptr) noexcept
      : counter_(std::move(counter)) {}
  Completion(const Completion&) = delete;
  Completion& operator=(const Completion&) = delete;

  [[nodiscard]] bool is_set() const noexcept { return is_set_.load(std::memory_order_acquire); }
  /// Sets the value, and notifies the observer. Returns false if it was set before. Neither waits nor needs
  /// memory.
  bool set(T value) noexcept {
    Observer observer;
    const bool is_first = set(std::move(value), observer);
    if (observer) {
      observer->ended();
    }
    return is_first;
  }
  /// The same, but the caller notifies the observer, if there is one.
  bool set(T value, Observer& observer) noexcept LOCUM_EXCLUDES(mutex_) {
    {
      const MutexLock lock(mutex_);
      if (value_) {
        return false;
      }
      value_.emplace(std::move(value));
      observer.swap(observer_);
      is_set_.store(true, std::memory_order_release);
      set_.notify_all();
    }
    if (counter_) {
      (void)counter_->next();
      counter_->tell();
    }
    return true;
  }
  /// Returns the value, which does not move or change any more; null: it is not set. What a thread has
  /// written before a call that returns null, the one that sets the value reads after that.
  [[nodiscard]] const T* value() const noexcept LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return value_ ? &*value_ : nullptr;
  }
  /// Blocks until it is set, or `until` has come; returns value().
  [[nodiscard]] const T* wait(Moment until) const LOCUM_EXCLUDES(mutex_) {
    if (counter_) {
      for (std::uint64_t seen = counter_->count(); !is_set() && counter_->now() < until;
           seen = counter_->count()) {
        counter_->await(seen, until);
      }
    } else if (!is_set()) {
      const BlockingWait blocking;
      MutexLock lock(mutex_);
      while (!value_ && lock.wait_until(set_, until)) {
      }
    }
    return value();
  }
  /// Has `observer` notified once it is set; at most one. Returns false if it is set already: then the caller
  /// notifies it.
  [[nodiscard]] bool observe(Observer& observer) noexcept LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (!value_) {
      observer_ = std::move(observer);
    }
    return !value_;
  }

 private:
  const std::shared_ptr<CompletionCounter> counter_;
  std::atomic<bool> is_set_{false};
  mutable Mutex mutex_;
  mutable std::condition_variable set_;
  std::optional<T> value_ LOCUM_GUARDED_BY(mutex_);
  Observer observer_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum
