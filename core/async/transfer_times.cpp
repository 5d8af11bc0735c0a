#include "core/async/transfer_times.hpp"

namespace locum {

void TransferTimes::begin(Clock::time_point now) noexcept {
  const MutexLock lock(mutex_);
  if (!any()) {
    counted_ = now;
  }
  under_way_.fetch_add(1, std::memory_order_relaxed);
}

// Counted at each end, so that a report during many transfers is not far behind.
void TransferTimes::end(Clock::time_point now) noexcept {
  const MutexLock lock(mutex_);
  if (now > counted_) {
    add(metrics_->transfer_ns, now - std::exchange(counted_, now));
  }
  under_way_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace locum
