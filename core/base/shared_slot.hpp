#pragma once

#include <memory>
#include <utility>

#include "core/base/mutex.hpp"

namespace locum {

/// A part that one thread ends while others may use it: each use holds the part, so that it lasts until the
/// use has ended. What a thread wrote before it emptied the slot is seen by a thread that finds the slot
/// empty. Any thread.
template <class T>
class SharedSlot {
 public:
  void set(std::shared_ptr<T> part) LOCUM_EXCLUDES(mutex_) {
    {
      const MutexLock lock(mutex_);
      part_.swap(part);
    }
    // Here the last use of the part before may end, without the lock.
  }
  void reset() LOCUM_EXCLUDES(mutex_) { set(nullptr); }
  /// Returns the part; null before set() and after reset().
  [[nodiscard]] std::shared_ptr<T> get() const LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return part_;
  }

 private:
  mutable Mutex mutex_;
  std::shared_ptr<T> part_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum
