#include "core/detail/promise_marks.hpp"

#include <utility>

#include "core/node/promised.hpp"

namespace locum::detail {

namespace {

// Records checked per event: more than one, so that those without a value become fewer.
constexpr std::size_t looks_for_each = 4;

void evict(Connector& connector, const Key& mark) noexcept {
  (void)connector.evict(Address(mark), {});
}

bool is_gone(Connector& connector, const Key& value) noexcept {
  const auto there = connector.exists(Address(value), {});
  return there && !*there;
}

}  // namespace

void PromiseMarks::add_broken(Connector& connector, const Key& mark) noexcept {
  Key oldest;
  {
    const MutexLock lock(mutex_);
    if (broken_.size() < most_broken_promises) {
      broken_.push_back(mark);
    } else {
      oldest = std::exchange(broken_[oldest_], mark);
      oldest_ = (oldest_ + 1) % most_broken_promises;
    }
  }
  if (oldest.valid()) {
    evict(connector, oldest);
  }
}

void PromiseMarks::add_kept(Connector& connector, const Key& mark, const Key& value) noexcept {
  {
    const MutexLock lock(mutex_);
    kept_.push_back({mark, value});
    has_kept_.store(true, std::memory_order_relaxed);
  }
  look_at(connector, looks_for_each);
}

void PromiseMarks::evicted(Connector& connector, std::size_t objects) noexcept {
  if (has_kept_.load(std::memory_order_relaxed)) {
    look_at(connector, looks_for_each * objects);
  }
}

void PromiseMarks::collect(Connector& connector) noexcept {
  std::size_t all = 0;
  {
    const MutexLock lock(mutex_);
    all = kept_.size();
  }
  look_at(connector, all);
}

// Without the mutex where a lock of another node or process may be waited for. Of two threads that check the
// same one the first decides.
void PromiseMarks::look_at(Connector& connector, std::size_t most) noexcept {
  for (std::size_t looks = 0; looks < most; ++looks) {
    Kept one;
    {
      const MutexLock lock(mutex_);
      if (kept_.empty()) {
        return;
      }
      next_ = next_ < kept_.size() ? next_ : 0;
      one = kept_[next_];
    }
    const bool gone = is_gone(connector, one.value);
    {
      const MutexLock lock(mutex_);
      if (next_ >= kept_.size() || kept_[next_].mark != one.mark) {
        continue;
      }
      if (!gone) {
        ++next_;
        continue;
      }
      kept_[next_] = kept_.back();
      kept_.pop_back();
      has_kept_.store(!kept_.empty(), std::memory_order_relaxed);
    }
    evict(connector, one.mark);
  }
}

}  // namespace locum::detail
