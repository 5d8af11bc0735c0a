#include "mpi/transport/sleeper.hpp"

#include <algorithm>

#include "core/base/quick_yield.hpp"

namespace locum::mpi {
namespace {

// A yield takes about a microsecond: a message that follows another one finds its receiver awake.
constexpr unsigned yields = 50;
// A shorter sleep takes as long: falling asleep and waking cost more.
constexpr std::chrono::microseconds first_pause{20};
constexpr unsigned most_doublings = 16;

}  // namespace

void Sleeper::arm() noexcept {
  if (armed_.exchange(true, std::memory_order_relaxed)) {
    return;
  }
  { const MutexLock lock(mutex_); }  // the sleeper has looked before, or sleeps
  changed_.notify_one();
}

void Sleeper::ring() noexcept {
  {
    const MutexLock lock(mutex_);
    rang_ = true;
  }
  changed_.notify_one();
}

Sleeper::Clock::duration Sleeper::next_pause() noexcept {
  const unsigned pauses = pauses_.load(std::memory_order_relaxed);
  if (pauses < yields + most_doublings) {
    pauses_.store(pauses + 1, std::memory_order_relaxed);
  }
  if (pauses < yields) {
    return Clock::duration::zero();
  }
  return std::min<Clock::duration>(first_pause * (1U << (pauses - yields)), longest_pause_);
}

void Sleeper::sleep(Clock::time_point moment, const std::function<bool()>& has_come) {
  for (;;) {
    const bool asks = is_armed();
    const Clock::duration pause = asks ? next_pause() : Clock::duration::max();
    {
      MutexLock lock(mutex_);
      const Clock::time_point now = Clock::now();
      if (!rang_ && now < moment && pause > Clock::duration::zero() && asks == is_armed()) {
        (void)lock.wait_until(changed_, moment - now < pause ? moment : now + pause);
      }
      if (rang_) {
        rang_ = false;
        return;
      }
    }
    if (Clock::now() >= moment) {
      return;
    }
    if (pause == Clock::duration::zero() && !quick_yield()) {
      pauses_.store(yields, std::memory_order_relaxed);
      continue;
    }
    if (is_armed() && has_come()) {
      return;
    }
  }
}

}  // namespace locum::mpi
