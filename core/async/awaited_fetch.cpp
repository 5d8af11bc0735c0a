#include "core/async/awaited_fetch.hpp"

#include <chrono>
#include <utility>

#include "core/base/blocking_wait.hpp"

namespace locum {

void AwaitedFetch::end(Result<ObjectView> outcome) noexcept {
  std::shared_ptr<CompletionListener> observer;
  {
    const MutexLock lock(mutex_);
    if (outcome_ || fetch_) {
      return;
    }
    outcome_.emplace(std::move(outcome));
    observer.swap(observer_);
    decided_.notify_all();
  }
  if (observer) {
    observer->ended();
  }
}

void AwaitedFetch::end_as(const std::shared_ptr<Fetch>& fetch) noexcept {
  std::shared_ptr<CompletionListener> observer;
  bool is_wanted = false;
  bool is_hurried = false;
  {
    const MutexLock lock(mutex_);
    if (!outcome_ && !fetch_) {
      fetch_ = fetch;
      observer.swap(observer_);
      is_wanted = is_wanted_;
      is_hurried = is_hurried_;
      decided_.notify_all();
    }
  }
  if (fetch->ended()) {
    // There is nothing to hurry or to stop; and this may be called as it ends.
  } else if (!is_wanted) {
    fetch->forget();
  } else if (is_hurried) {
    fetch->hurry();
  }
  if (observer) {
    fetch->observe(std::move(observer));
  }
}

bool AwaitedFetch::is_decided() const noexcept {
  const MutexLock lock(mutex_);
  return outcome_ || fetch_;
}

bool AwaitedFetch::is_wanted() const noexcept {
  const MutexLock lock(mutex_);
  return is_wanted_;
}

bool AwaitedFetch::is_hurried() const noexcept {
  const MutexLock lock(mutex_);
  return is_hurried_;
}

std::shared_ptr<Fetch> AwaitedFetch::fetch() const noexcept {
  const MutexLock lock(mutex_);
  return fetch_;
}

bool AwaitedFetch::ended() const noexcept {
  std::shared_ptr<Fetch> fetch;
  {
    const MutexLock lock(mutex_);
    if (!fetch_) {
      return outcome_.has_value();
    }
    fetch = fetch_;
  }
  return fetch->ended();
}

Result<ObjectView> AwaitedFetch::get(Deadline deadline) {
  const auto until = deadline.moment(std::chrono::seconds(0), until_);
  {
    const BlockingWait blocking;
    MutexLock lock(mutex_);
    while (!outcome_ && !fetch_) {
      if (!lock.wait_until(decided_, until) && !outcome_ && !fetch_) {
        return late();
      }
    }
    if (outcome_) {
      return *outcome_;
    }
  }
  return fetch()->get(deadline);
}

void AwaitedFetch::hurry() noexcept {
  {
    const MutexLock lock(mutex_);
    is_hurried_ = true;
  }
  if (const auto other = fetch()) {
    other->hurry();
  }
}

void AwaitedFetch::observe(std::shared_ptr<CompletionListener> observer) noexcept {
  {
    const MutexLock lock(mutex_);
    if (!outcome_ && !fetch_) {
      observer_ = std::move(observer);
      return;
    }
  }
  if (const auto other = fetch()) {
    other->observe(std::move(observer));
  } else {
    observer->ended();
  }
}

void AwaitedFetch::forget() noexcept {
  {
    const MutexLock lock(mutex_);
    is_wanted_ = false;
  }
  if (const auto other = fetch()) {
    other->forget();
  }
}

}  // namespace locum
