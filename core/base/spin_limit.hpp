#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

namespace locum {

/// Decides how long a thread looks again and again for what it waits for, before it sleeps: for about as long
/// as sleeping and waking cost, which in vain at most doubles that; and where the last wait that took longer
/// than that was short all the same, half as long again as it took. So a reader of which the writer takes a
/// step each millisecond finds each one at once, as if it had called MPI_Recv, and one that has to wait for
/// long sleeps through most of its wait. Any thread.
class SpinLimit {
 public:
  using Clock = std::chrono::steady_clock;

  /// The longest wait that a thread looks through.
  static constexpr std::chrono::microseconds longest{2000};

  /// \param cost of sleeping and waking; 0: a thread that waits for something never looks again and again,
  /// since the one which provides it may need the core
  explicit SpinLimit(std::chrono::microseconds cost) noexcept : cost_(cost), limit_(cost) {}

  [[nodiscard]] std::chrono::microseconds cost() const noexcept { return cost_; }
  /// How long to look from now on. After each cost() the thread has to yield().
  [[nodiscard]] std::chrono::microseconds time(Clock::time_point now) const noexcept {
    return now < shared_until_.load(std::memory_order_relaxed) ? cost_
                                                               : limit_.load(std::memory_order_relaxed);
  }
  /// Lets threads run that want this core. False: one of them kept it for long; the caller should sleep then,
  /// and threads look no longer than cost() for ten times as long as that.
  /// \param now () -> Clock::time_point, the clock that the wait is measured by
  template <class Now>
  [[nodiscard]] bool yield(const Now& now) {
    const Clock::time_point before = now();
    std::this_thread::yield();
    return yielded(before, now() - before);
  }
  /// A wait took so long.
  void took(std::chrono::nanoseconds wait) noexcept {
    if (wait <= cost_ || cost_.count() == 0) {
      return;
    }
    const auto next = std::chrono::duration_cast<std::chrono::microseconds>(wait + wait / 2);
    limit_.store(wait > longest ? cost_ : std::max(cost_, std::min(next, longest)),
                 std::memory_order_relaxed);
  }
  /// What yield() makes of a yield of that duration.
  [[nodiscard]] bool yielded(Clock::time_point moment, Clock::duration duration) noexcept {
    constexpr std::chrono::microseconds quick{200};
    constexpr std::chrono::milliseconds longest_turn{20};  // a longer one tells nothing of the core
    if (duration <= quick) {
      return true;
    }
    shared_until_.store(moment + 11 * std::min<Clock::duration>(duration, longest_turn),
                        std::memory_order_relaxed);
    return false;
  }

 private:
  const std::chrono::microseconds cost_;
  std::atomic<std::chrono::microseconds> limit_;
  std::atomic<Clock::time_point> shared_until_{Clock::time_point::min()};  ///< another thread uses the core
};

}  // namespace locum
