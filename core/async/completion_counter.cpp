#include "core/async/completion_counter.hpp"

#include <utility>

#include "core/async/serial_executor.hpp"
#include "core/async/transfer_times.hpp"
#include "core/base/blocking_wait.hpp"
#include "core/base/fork_mark.hpp"

namespace locum {

CompletionCounter::CompletionCounter(std::chrono::milliseconds timeout, std::shared_ptr<TransferTimes> times)
    : timeout_(timeout), times_(std::move(times)), executor_(std::make_unique<SerialExecutor>()) {}

CompletionCounter::~CompletionCounter() = default;

void CompletionCounter::schedule(std::unique_ptr<Continuation> continuation) noexcept {
  executor_->add(std::move(continuation));
}

// Both sides write first and then read, in one total order: either the ending thread sees the waiting one, or
// that one sees the end.
void CompletionCounter::tell() noexcept {
  count_.fetch_add(1);
  if (waiting_.load() != 0) {
    wake();
  }
}

void CompletionCounter::await(std::uint64_t seen, Clock::time_point until) {
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
  const BlockingWait blocking;
  if (!times_ || !times_->any()) {
    return sleep(seen, until);
  }
  const auto began = now();
  sleep(seen, until);
  times_->wait(now() - began);
}

// Never destroyed: operations that end during process exit may still notify it. A forked process makes its
// own: that of its parent counts on threads that are not there, and on locks that may be locked for ever.
const std::shared_ptr<CompletionCounter>& CompletionCounter::of_process() {
  struct OfProcess {
    const ForkMark maker;
    const std::shared_ptr<CompletionCounter> completions =
        std::make_shared<CompletionCounter>(std::chrono::seconds(30));
  };
  static std::atomic<const OfProcess*> current{new OfProcess};
  const OfProcess* known = current.load();
  if (known->maker.in_child()) [[unlikely]] {
    auto own = std::make_unique<const OfProcess>();
    if (current.compare_exchange_strong(known, own.get())) {
      known = own.release();
    }
  }
  return known->completions;
}

void CompletionCounter::wake() noexcept {
  const MutexLock lock(mutex_);  // not between another thread's check of the count and its sleep
  condition_.notify_all();
}

void CompletionCounter::sleep(std::uint64_t seen, Clock::time_point until) {
  MutexLock lock(mutex_);
  if (count() == seen) {
    (void)lock.wait_until(condition_, until);
  }
}

}  // namespace locum
