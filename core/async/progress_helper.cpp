// The helper thread, which drives while no thread waits.

#include "core/async/progress.hpp"

namespace locum {

namespace {

using namespace std::chrono_literals;

// How long the helper leaves driving to threads that have just waited, before it checks whether they still
// do. The longest delay of work that arrives after they have left.
constexpr auto helper_rest = 200us;
// How long the helper sleeps while another thread waits; that thread sets the timer when it leaves.
constexpr auto helper_nap = 1s;
// How long the helper drives without checking whether it is to end.
constexpr auto helper_turn = 100ms;

}  // namespace

void Progress::help() {
  for (std::uint64_t waits_seen = 0;;) {
    {
      const MutexLock lock(mutex_);
      if (ending_) {
        return;
      }
    }
    if (!enter()) {
      rest();
      continue;
    }
    drive_for_others();
    bool others_drive = false;
    {
      const MutexLock lock(mutex_);
      others_drive = waits_ != waits_seen || asleep_ || !parked_.empty();
      waits_seen = waits_;
    }
    if (others_drive) {
      // Other threads wait here, or have just waited and may do so again soon: they should drive themselves,
      // without another thread in between.
      leave();
      rest();
      continue;
    }
    const bool armed = transport_->arm();
    bool sleeps = false;
    auto until = Clock::time_point::max();
    {
      const MutexLock lock(mutex_);
      until = channel_->next_due();
      stop_driving();
      if (armed && submitted_.empty() && !asleep_ && !ending_ && parked_.empty()) {
        asleep_ = sleeps = true;
        asleep_for_ = nullptr;
        asleep_until_ = until;
      } else {
        call_somebody();
      }
    }
    if (sleeps && !sleep(until)) {
      rest();
    }
  }
}

void Progress::drive_for_others() {
  const bool spins = options_.helper_spin > 0us && trial_.next();
  const auto spun = drive_while_busy(nullptr, transport_->now() + helper_turn,
                                     {.time = spins ? options_.helper_spin : 0us, .at_once = false});
  if (spun == Spun::with_success) {
    trial_.paid();
  } else if (spun == Spun::in_vain) {
    trial_.was_in_vain();
  }
}

// Leaves driving to others for a moment; or, if one of them waits now, until it has left and not come back
// soon.
void Progress::rest() {
  {
    const MutexLock lock(mutex_);
    if (ending_) {
      return;
    }
    helper_rests_ = true;
    rests_until_ = Clock::now() + (driven_ || asleep_ ? Clock::duration(helper_nap) : helper_rest);
    timer_->set(rests_until_);
  }
  timer_->sleep();
  const MutexLock lock(mutex_);
  helper_rests_ = false;
}

}  // namespace locum
