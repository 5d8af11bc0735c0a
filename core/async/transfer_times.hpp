#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

#include <locum/base/mutex.hpp>
#include <locum/deadline.hpp>
#include <locum/metrics.hpp>

namespace locum {

/// How long objects of other nodes were under way to this rank, and how long its threads waited for them: the
/// part of the one that is not the other was hidden behind what the rank computed. Moments at which several
/// are under way count once, those in which several threads wait for each of them. Counted in
/// Metrics::transfer_ns and waited_ns. Any thread.
class TransferTimes {
 public:
  using Clock = Deadline::Clock;

  explicit TransferTimes(std::shared_ptr<Metrics> metrics) : metrics_(std::move(metrics)) {}

  /// An object that comes by itself is under way, until end(). Moments do not run backwards.
  void begin(Clock::time_point now) noexcept;
  void end(Clock::time_point now) noexcept;
  /// A thread has waited for one of these; it asks any() before, to know that it does.
  void wait(Clock::duration waited) noexcept { add(metrics_->waited_ns, waited); }
  /// Whether any are under way.
  [[nodiscard]] bool any() const noexcept { return under_way_.load(std::memory_order_relaxed) != 0; }
  /// A thread has waited for an object from the first question on.
  void block(Clock::duration waited) noexcept {
    wait(waited);
    if (!any()) {  // else that time is counted
      add(metrics_->transfer_ns, waited);
    }
  }

 private:
  static void add(const Metrics::Counter& counter, Clock::duration duration) noexcept {
    Metrics::add(counter, static_cast<std::uint64_t>(std::chrono::nanoseconds(duration).count()));
  }

  const std::shared_ptr<Metrics> metrics_;
  std::atomic<std::uint64_t> under_way_{0};  ///< written under the mutex
  Mutex mutex_;
  Clock::time_point counted_ LOCUM_GUARDED_BY(mutex_);  ///< while any are: until when they have been
};

}  // namespace locum
