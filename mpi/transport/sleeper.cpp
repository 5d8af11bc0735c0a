#include "mpi/transport/sleeper.hpp"

#include <algorithm>

#include "core/base/quick_yield.hpp"

namespace locum::mpi {
namespace {

// A yield takes about a microsecond: a message that follows another one finds its receiver awake.
constexpr unsigned most_yields = 50;
// A shorter sleep takes as long: falling asleep and waking cost more.
constexpr std::chrono::microseconds shortest_pause{20};
// Of the time since something moved. A pause costs some microseconds of the core, so that a thread which has
// waited for a millisecond needs a twentieth of it.
constexpr int part_of_quiet = 8;

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

Sleeper::Clock::duration Sleeper::next_pause(Clock::time_point now) noexcept {
  if (moved_.exchange(false, std::memory_order_relaxed)) {
    yields_ = 0;
    quiet_since_ = now;
  }
  if (yields_ < most_yields) {
    ++yields_;
    return Clock::duration::zero();
  }
  const Clock::duration pause = (now - quiet_since_) / part_of_quiet;
  return std::clamp<Clock::duration>(pause, shortest_pause, longest_pause_);
}

void Sleeper::sleep(Clock::time_point moment, const std::function<bool()>& has_come) {
  for (;;) {
    const bool asks = is_armed();
    const Clock::time_point now = Clock::now();
    const Clock::duration pause = asks ? next_pause(now) : Clock::duration::max();
    {
      MutexLock lock(mutex_);
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
      yields_ = most_yields;
      continue;
    }
    if (is_armed() && has_come()) {
      return;
    }
  }
}

}  // namespace locum::mpi
