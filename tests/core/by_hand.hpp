#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <optional>
#include <utility>

#include "core/base/mutex.hpp"
#include "core/ports/now_or_task.hpp"
#include "core/value/error.hpp"

namespace locum::tests {

/// A task that the test ends.
template <class T>
class ByHand final : public Coming<T> {
 public:
  void end(Result<T> result) {
    std::shared_ptr<CompletionListener> observer;
    {
      const MutexLock lock(mutex_);
      result_.emplace(std::move(result));
      observer.swap(observer_);
      changed_.notify_all();
    }
    if (observer) {
      observer->ended();
    }
  }
  [[nodiscard]] bool is_forgotten() const {
    const MutexLock lock(mutex_);
    return is_forgotten_;
  }
  [[nodiscard]] bool is_expedited() const {
    const MutexLock lock(mutex_);
    return is_expedited_;
  }

  [[nodiscard]] bool ended() const noexcept override {
    const MutexLock lock(mutex_);
    return result_.has_value();
  }
  [[nodiscard]] Result<T> get(Deadline deadline) override {
    const auto until = deadline.moment(std::chrono::seconds(20));
    MutexLock lock(mutex_);
    while (!result_) {
      if (!lock.wait_until(changed_, until) && !result_) {
        return name_not_put();
      }
    }
    return *result_;
  }
  void expedite() noexcept override {
    const MutexLock lock(mutex_);
    is_expedited_ = true;
  }
  void observe(std::shared_ptr<CompletionListener> observer) noexcept override {
    {
      const MutexLock lock(mutex_);
      if (!result_) {
        observer_ = std::move(observer);
        return;
      }
    }
    observer->ended();
  }
  void forget() noexcept override {
    const MutexLock lock(mutex_);
    is_forgotten_ = true;
  }

 private:
  mutable Mutex mutex_;
  std::condition_variable changed_;
  std::optional<Result<T>> result_ LOCUM_GUARDED_BY(mutex_);
  std::shared_ptr<CompletionListener> observer_ LOCUM_GUARDED_BY(mutex_);
  bool is_forgotten_ LOCUM_GUARDED_BY(mutex_) = false;
  bool is_expedited_ LOCUM_GUARDED_BY(mutex_) = false;
};

/// Counts how often it was told.
class Told final : public CompletionListener {
 public:
  explicit Told(int& times) noexcept : times_(times) {}
  void ended() noexcept override { ++times_; }

 private:
  int& times_;
};

}  // namespace locum::tests
