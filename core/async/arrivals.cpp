#include "core/async/arrivals.hpp"

namespace locum {

// Both sides write first and then read, in one total order: either the ending thread sees the waiting one, or
// that one sees the end.
void Arrivals::tell() noexcept {
  count_.fetch_add(1);
  if (waiting_.load() != 0) {
    wake();
  }
}

void Arrivals::await(std::uint64_t seen, Clock::time_point until) {
  struct Waiting {
    std::atomic<std::uint32_t>& number;
    explicit Waiting(std::atomic<std::uint32_t>& waiting) : number(waiting) { ++number; }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() { --number; }
  };
  const Waiting waiting(waiting_);
  if (count() != seen) {
    return;
  }
  if (!times_ || !times_->any()) {
    return sleep(seen, until);
  }
  const auto began = now();
  sleep(seen, until);
  times_->wait(now() - began);
}

const std::shared_ptr<Arrivals>& Arrivals::of_process() {
  // Never destroyed: operations that end during process exit may still notify it.
  static const auto* const arrivals =
      new std::shared_ptr<Arrivals>(std::make_shared<Arrivals>(std::chrono::seconds(30)));
  return *arrivals;
}

void Arrivals::wake() noexcept {
  const MutexLock lock(mutex_);  // not between another thread's check of the count and its sleep
  condition_.notify_all();
}

void Arrivals::sleep(std::uint64_t seen, Clock::time_point until) {
  MutexLock lock(mutex_);
  if (count() == seen) {
    (void)lock.wait_until(condition_, until);
  }
}

}  // namespace locum
