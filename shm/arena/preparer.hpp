#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "core/deadline.hpp"
#include "shm/segment/background_thread.hpp"
#include "shm/segment/layout.hpp"

namespace locum::shm {

/// A background thread, a little behind all others in priority, that does small pieces of work while there is
/// some and sleeps otherwise: on a word of shared memory, so that other processes can wake it too. Any thread
/// of the process may call wake(). The destructor ends it after the piece at hand.
///
/// No wake-up is lost: who wakes sets `wanted_` and then looks whether the thread sleeps, the thread says
/// that it sleeps and then looks at `wanted_`, all four sequentially consistent; and what it has not heard on
/// the bell ends its sleep at once.
class Preparer {
 public:
  using Moment = Deadline::Clock::time_point;

  /// `work` does one bounded piece of work and tells when there may be more: Moment::min() at once,
  /// Moment::max() when somebody calls. Called by the thread only. Other processes wake it by changing
  /// `bell`, then futex_wake_all().
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
