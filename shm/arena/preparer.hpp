#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "core/base/background_thread.hpp"
#include "core/value/deadline.hpp"
#include "shm/segment/layout.hpp"

namespace locum::shm {

/// A background thread, slightly lower in priority than all others, that does small pieces of work while
/// there is some and sleeps otherwise: on a word of shared memory, so that other processes can wake it too.
/// Any thread of the process may call wake(). The destructor ends it after the current piece.
///
/// No wake-up is lost: a waking thread sets `wanted_` and then checks whether the thread sleeps, the thread
/// announces its sleep and then checks `wanted_`, all four sequentially consistent; and a change of the bell
/// that it has not seen ends its sleep at once.
class Preparer {
 public:
  using Moment = Deadline::Clock::time_point;

  /// `work` does one bounded piece of work and returns when there may be more: Moment::min() at once,
  /// Moment::max() when woken. Called by the thread only. Other processes wake it by changing `bell`, then
  /// futex_wake_all().
  Preparer(Word32& bell, std::function<Moment()> work);
  Preparer(const Preparer&) = delete;
  Preparer& operator=(const Preparer&) = delete;
  ~Preparer();

  void wake() noexcept;

 private:
  void run();

  Word32& bell_;
  std::function<Moment()> work_;
  std::atomic<bool> wanted_{false};
  std::atomic<bool> sleeping_{false};
  std::atomic<bool> stop_{false};
  BackgroundThread thread_;  // last: ends first
};

}  // namespace locum::shm
