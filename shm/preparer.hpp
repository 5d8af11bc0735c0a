#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>

#include "core/mutex.hpp"
#include "shm/background_thread.hpp"

namespace locum::shm {

/// A background thread of the lowest ordinary priority that does small pieces of
/// work while there is some and sleeps otherwise. Whoever makes work calls wake(); any thread may. The
/// destructor ends it after the piece at hand.
class Preparer {
 public:
  /// `piece` does one bounded piece of work and tells whether there may be more; called by the thread only.
  explicit Preparer(std::function<bool()> piece);
  Preparer(const Preparer&) = delete;
  Preparer& operator=(const Preparer&) = delete;
  ~Preparer();

  void wake() noexcept;

 private:
  void run();

  std::function<bool()> piece_;
  std::atomic<bool> wanted_{false};
  std::atomic<bool> stop_{false};
  Mutex mutex_;  // orders wake() and the decision to sleep
  std::condition_variable condition_;
  BackgroundThread thread_;  // last: ends first
};

}  // namespace locum::shm
