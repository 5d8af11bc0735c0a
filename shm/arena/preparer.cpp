#include "shm/arena/preparer.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "shm/segment/futex.hpp"

namespace locum::shm {
namespace {

// The thread wakes this often without a reason, so that no wait is unbounded.
constexpr std::chrono::minutes longest_idleness{1};
// Lower priority than computing threads, but not so low that it starves if many more threads than cores are
// ready: others wait for the memory that it returns, and for its end (docs/decisions/0018).
constexpr int niceness = 5;

}  // namespace

Preparer::Preparer(Word32& bell, std::function<Moment()> work) : bell_(bell), work_(std::move(work)) {
  thread_.start("locum prepare", [this] { run(); }).value();
}

Preparer::~Preparer() {
  stop_.store(true);
  wake();
}

void Preparer::wake() noexcept {
  if (wanted_.exchange(true)) {
    return;  // it is awake, or about to be
  }
  if (sleeping_.load()) {
    bell_.fetch_add(1, std::memory_order_relaxed);
    futex_wake_all(bell_);
  }
}

void Preparer::run() {
  [[maybe_unused]] const int now_at = ::nice(niceness);  // in Linux, of the calling thread alone
  Moment next = Moment::max();
  std::uint32_t heard = bell_.load();
  while (!stop_.load()) {
    const Moment now = Deadline::Clock::now();
    sleeping_.store(true);
    if (!wanted_.load() && now < next) {
      futex_wait(bell_, heard, std::min(next, now + longest_idleness));
    }
    sleeping_.store(false);
    heard = bell_.load();
    wanted_.store(false);
    do {
      if (stop_.load()) {
        return;
      }
      next = work_();
    } while (next == Moment::min());
  }
}

}  // namespace locum::shm
