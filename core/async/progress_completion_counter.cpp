#include "core/async/progress_completion_counter.hpp"

namespace locum {

/// A sleeping thread, during its lifetime. It owns a reference to the progress: the thread that wakes it must
/// not be the one to destroy that, because it may be its helper.
class ProgressCompletionCounter::Sleeper : public ListLink<Sleeper> {
 public:
  Sleeper(ProgressCompletionCounter& completions, Progress& progress)
      : completions_(completions), progress_(progress) {
    const MutexLock lock(completions_.mutex_);
    completions_.sleepers_.push(*this);
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  ~Sleeper() {
    const MutexLock lock(completions_.mutex_);  // the waking thread has finished with it then
    completions_.sleepers_.remove(*this);
  }

  [[nodiscard]] const Pending& woken() const noexcept { return woken_; }
  void wake() noexcept {
    if (!woken_.done()) {
      progress_.finish_from_outside(woken_);
    }
  }

 private:
  ProgressCompletionCounter& completions_;
  Progress& progress_;
  Pending woken_;
};

CompletionCounter::Clock::time_point ProgressCompletionCounter::now() const noexcept {
  const auto progress = progress_.lock();
  return progress ? progress->now() : CompletionCounter::now();
}

bool ProgressCompletionCounter::needs_calls() const noexcept {
  const auto progress = progress_.lock();
  return progress && progress->needs_calls();
}

void ProgressCompletionCounter::wake() noexcept {
  {
    const MutexLock lock(mutex_);
    for (Sleeper& each : sleepers_) {
      each.wake();
    }
  }
  CompletionCounter::wake();
}

void ProgressCompletionCounter::sleep(std::uint64_t seen, Clock::time_point until) {
  const auto progress = progress_.lock();
  if (!progress) {
    return CompletionCounter::sleep(seen, until);
  }
  const Sleeper self(*this, *progress);
  if (count() == seen) {
    (void)progress->wait(self.woken(), until);
  }
}

}  // namespace locum
