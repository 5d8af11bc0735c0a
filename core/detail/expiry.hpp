#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>

#include "core/base/background_thread.hpp"
#include "core/base/fork_mark.hpp"
#include "core/base/mutex.hpp"
#include "core/ports/connector.hpp"
#include "core/value/result.hpp"

namespace locum {
class Expiring;
}

namespace locum::detail {

/// Has the connector sweep for objects that have expired (see Expiring), on a thread of its own, which there
/// is once there may be such objects. As often as the shortest lifetime so far needs, but pauses four times
/// as long as a sweep takes at least. Any thread may call.
class Expiry {
 public:
  /// \param connector exists until close() returns
  explicit Expiry(Connector& connector);
  Expiry(const Expiry&) = delete;
  Expiry& operator=(const Expiry&) = delete;
  ~Expiry();

  /// That store has objects that live that long, from now on. `unsupported` if the connector has no
  /// lifetimes; `system` if there cannot be a thread.
  [[nodiscard]] Result<void> expect(std::uint32_t store, std::chrono::milliseconds lifetime)
      LOCUM_EXCLUDES(mutex_);
  /// This process may have adopted objects that expire. The same errors.
  [[nodiscard]] Result<void> expect_adopted() LOCUM_EXCLUDES(mutex_);
  /// That store was dropped.
  void forget(std::uint32_t store);
  /// Ends the thread. No effect in a process forked from the owner, which does not have it.
  void close() noexcept LOCUM_EXCLUDES(mutex_);

 private:
  using Clock = Deadline::Clock;

  [[nodiscard]] Result<void> sweep_every(std::chrono::milliseconds interval) LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] bool wait_until_due(Clock::time_point last, Clock::duration took) LOCUM_EXCLUDES(mutex_);
  void work() noexcept LOCUM_EXCLUDES(mutex_);

  Expiring* const expiring_;  ///< null: the connector has no lifetimes
  const ForkMark maker_;
  Mutex mutex_;
  std::condition_variable changed_;
  std::chrono::milliseconds interval_ LOCUM_GUARDED_BY(mutex_){0};  ///< 0: none yet
  bool closed_ LOCUM_GUARDED_BY(mutex_) = false;
  BackgroundThread thread_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum::detail
