#include "core/backend/bound_signal.hpp"

#include <algorithm>

namespace locum {

std::uint64_t BoundSignal::count() const {
  const MutexLock lock(mutex_);
  return count_;
}

void BoundSignal::wait(std::uint64_t count, Deadline::Clock::time_point until) {
  MutexLock lock(mutex_);
  while (count_ == count && lock.wait_until(told_, until)) {
  }
}

void BoundSignal::watch(const std::shared_ptr<NameWatcher>& watcher) {
  const MutexLock lock(mutex_);
  if (std::ranges::find(watchers_, watcher) == watchers_.end()) {
    watchers_.push_back(watcher);
  }
}

void BoundSignal::tell() noexcept {
  std::vector<std::shared_ptr<NameWatcher>> watchers;
  {
    const MutexLock lock(mutex_);
    ++count_;
    watchers.swap(watchers_);
    told_.notify_all();
  }
  for (const auto& watcher : watchers) {
    watcher->bound();
  }
}

}  // namespace locum
