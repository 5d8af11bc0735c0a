#pragma once

#include <condition_variable>
#include <cstddef>

#include "core/base/mutex.hpp"

namespace locum {

/// Lets calls in until an end begins, which waits for those inside only: however many threads call again and
/// again, they cannot delay it. Any thread.
class CallGate {
 public:
  /// A call that was let in, until this is destroyed.
  class Pass {
   public:
    explicit Pass(CallGate& gate) : gate_(gate.enter() ? &gate : nullptr) {}
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    ~Pass() {
      if (gate_ != nullptr) {
        gate_->leave();
      }
    }
    /// Returns false if an end has begun, or is over.
    [[nodiscard]] explicit operator bool() const noexcept { return gate_ != nullptr; }

   private:
    CallGate* const gate_;
  };

  enum class End { all_have_left, some_are_inside, has_begun_before };

  /// Refuses calls from now on, and waits for those that are inside. If some are at `moment`, calls are let
  /// in again.
  [[nodiscard]] End end(Deadline::Clock::time_point moment) LOCUM_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (is_ending_) {
      return End::has_begun_before;
    }
    is_ending_ = true;
    while (inside_ > 0) {
      if (!lock.wait_until(left_, moment) && inside_ > 0) {
        is_ending_ = false;
        return End::some_are_inside;
      }
    }
    return End::all_have_left;
  }

 private:
  [[nodiscard]] bool enter() LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    inside_ += is_ending_ ? 0 : 1;
    return !is_ending_;
  }
  void leave() LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (--inside_ == 0) {
      left_.notify_all();
    }
  }

  Mutex mutex_;
  std::condition_variable left_;
  std::size_t inside_ LOCUM_GUARDED_BY(mutex_) = 0;
  bool is_ending_ LOCUM_GUARDED_BY(mutex_) = false;
};

}  // namespace locum
