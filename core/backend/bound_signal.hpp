#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/ports/directory.hpp"
#include "core/value/deadline.hpp"

namespace locum {

/// Tells waiters of this process that a name was bound, or a promise may have ended. Any thread.
class BoundSignal {
 public:
  /// How often it was told.
  [[nodiscard]] std::uint64_t count() const LOCUM_EXCLUDES(mutex_);
  /// Sleeps until the count differs, or that moment.
  void wait(std::uint64_t count, Deadline::Clock::time_point until) LOCUM_EXCLUDES(mutex_);
  /// Is notified once, the next time.
  void watch(const std::shared_ptr<NameWatcher>& watcher) LOCUM_EXCLUDES(mutex_);
  void tell() noexcept LOCUM_EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::condition_variable told_;
  std::uint64_t count_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::vector<std::shared_ptr<NameWatcher>> watchers_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum
