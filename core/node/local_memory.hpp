#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>

#include "core/base/mutex.hpp"
#include "core/base/raise_to.hpp"
#include "core/value/deadline.hpp"

namespace locum {

/// The memory of a `local` connector: how much its objects take, and the threads that wait for some of it.
/// Shared by the connector and its objects, which may outlive it. Any thread may call.
///
/// No wake-up is lost: a thread that waits sets `awaited_` and then looks at used(); one that frees memory
/// counts it down and then looks at `awaited_`, all sequentially consistent.
class LocalMemory {
 public:
  void take(std::uint64_t bytes) noexcept { raise_to(highest_, used_.fetch_add(bytes) + bytes); }
  void give_back(std::uint64_t bytes) noexcept LOCUM_EXCLUDES(mutex_) {
    used_.fetch_sub(bytes);
    if (awaited_.load()) [[unlikely]] {
      const MutexLock lock(mutex_);
      awaited_.store(false);
      ++freed_;
      changed_.notify_all();
    }
  }
  [[nodiscard]] std::uint64_t used() const noexcept { return used_.load(); }
  [[nodiscard]] std::uint64_t highest() const noexcept { return highest_.load(); }

  /// See MemoryMonitor.
  [[nodiscard]] std::uint32_t arm() noexcept LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    awaited_.store(true);
    return freed_;
  }
  void sleep(std::uint32_t armed, Deadline::Clock::time_point until) noexcept LOCUM_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (freed_ == armed && lock.wait_until(changed_, until)) {
    }
  }

 private:
  std::atomic<std::uint64_t> used_{0};
  std::atomic<std::uint64_t> highest_{0};  ///< the most that used_ was
  std::atomic<bool> awaited_{false};
  Mutex mutex_;
  std::condition_variable changed_;
  std::uint32_t freed_ LOCUM_GUARDED_BY(mutex_) = 0;  ///< counts the wake-ups
};

}  // namespace locum
