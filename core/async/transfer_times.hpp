#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

#include "core/base/mutex.hpp"
#include "core/value/deadline.hpp"
#include "core/value/metrics.hpp"

namespace locum {

/// How long objects of other nodes were on their way to this rank, and how long its threads waited for them:
/// the difference was overlapped with computation. Overlapping transfers count once, overlapping waits of
/// several threads count for each. Stored in Metrics::transfer_ns and waited_ns; and how long single calls
/// took, in read_times. Any thread.
class TransferTimes {
 public:
  using Clock = Deadline::Clock;

  explicit TransferTimes(std::shared_ptr<Metrics> metrics) : metrics_(std::move(metrics)) {}

  /// An asynchronous transfer is in progress until end(). Moments do not run backwards.
  void begin(Clock::time_point now) noexcept;
  void end(Clock::time_point now) noexcept;
  /// A thread has waited for one of these; it calls any() first, to know that it does.
  void wait(Clock::duration waited) noexcept { add(metrics_->waited_ns, waited); }
  /// Whether any are in progress.
  [[nodiscard]] bool any() const noexcept { return under_way_.load(std::memory_order_relaxed) != 0; }
  /// A call has taken so long to bring an object by that path; not counted if it was on this node by then.
  void took(Path path, Clock::duration time) noexcept {
    if (path != Path::shm_view && path != Path::shm_copy) {
      metrics_->time_read(path, time);
    }
  }
  /// A thread has waited for an object from its first request on.
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
  Clock::time_point counted_
      LOCUM_GUARDED_BY(mutex_);  ///< while any are in progress: up to when they are counted
};

}  // namespace locum
