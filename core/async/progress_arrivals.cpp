#include "core/async/progress_arrivals.hpp"

#include <utility>

namespace locum {

/// A sleeping thread, during its lifetime. It owns a reference to the progress: the thread that wakes it must
/// not be the one to destroy that, because it may be its helper.
class ProgressArrivals::Sleeper : public ListLink<Sleeper> {
 public:
  Sleeper(ProgressArrivals& arrivals, Progress& progress) : arrivals_(arrivals), progress_(progress) {
    const MutexLock lock(arrivals_.mutex_);
    arrivals_.sleepers_.push(*this);
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  ~Sleeper() {
    const MutexLock lock(arrivals_.mutex_);  // the waking thread has finished with it then
    arrivals_.sleepers_.remove(*this);
  }

  [[nodiscard]] const Pending& woken() const noexcept { return woken_; }
  void wake() noexcept {
    if (!woken_.done()) {
      progress_.finish_from_outside(woken_);
    }
  }

 private:
  ProgressArrivals& arrivals_;
  Progress& progress_;
  Pending woken_;
};

Arrivals::Clock::time_point ProgressArrivals::now() const noexcept {
  const auto progress = progress_.lock();
  return progress ? progress->now() : Arrivals::now();
}

void ProgressArrivals::wake() noexcept {
  {
    const MutexLock lock(mutex_);
    for (Sleeper& each : sleepers_) {
      each.wake();
    }
  }
  Arrivals::wake();
}

void ProgressArrivals::sleep(std::uint64_t seen, Clock::time_point until) {
  const auto progress = progress_.lock();
  if (!progress) {
    return Arrivals::sleep(seen, until);
  }
  const Sleeper self(*this, *progress);
  if (count() == seen) {
    (void)progress->wait(self.woken(), until);
  }
}

}  // namespace locum
