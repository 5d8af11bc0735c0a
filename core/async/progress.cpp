#include "core/async/progress.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/async/posts_together.hpp"
#include "core/base/blocking_wait.hpp"

namespace locum {

namespace {

using namespace std::chrono_literals;

// Threads that leave in succession within this time do not arm the transport for a helper that sleeps there,
// which takes half a dozen system calls each time: about as much as waking and pausing the helper.
constexpr auto arming_pays = 50us;
// How long after a thread has left the helper drives, unless another one has come by then. To wake it at once
// would take the core from a thread that comes back soon, as one does that takes steps or tasks in a loop.
constexpr auto hand_over = 100us;
// After how many steps a thread that only has to stop driving, or was to poll once, leaves further messages
// to others: as long as they keep arriving, there would be no end.
constexpr int most_rounds_for_others = 64;

}  // namespace

Progress::Progress(std::shared_ptr<Transport> transport, std::shared_ptr<RpcChannel> channel, Options options)
    : channel_(std::move(channel)),
      transport_(std::move(transport)),
      options_(std::move(options)),
      budget_(channel_->budget()),
      looking_(options_.spin) {}

void Progress::start() {
  if (options_.helper) {
    timer_.emplace();
    helper_.start("locum helper", [this] { help(); }).value();
  }
}

Progress::~Progress() {
  end();
}

void Progress::end() {
  {
    const MutexLock lock(mutex_);
    ending_ = true;
    helper_rests_ = false;
    if (timer_) {
      timer_->set({});
    }
  }
  transport_->wake();
  helper_.join();
  if (!enter()) {
    return;  // the driver runs submitted steps
  }
  const auto in_vain = [&] { return channel_->under_way() != 0; };
  for (int rounds = 0; rounds < most_rounds_for_others && (has_submitted() || (rounds > 0 && in_vain()));
       ++rounds) {
    (void)drive_once();
  }
  leave();
}

void Progress::submit(std::function<void()> step) {
  const MutexLock lock(mutex_);
  submitted_.push_back(std::move(step));
  has_submitted_.store(true, std::memory_order_release);
}

// Where nobody sleeps in the transport, the driver, or who is about to drive, sees the step.
void Progress::post(std::function<void()> step) {
  if (PostsTogether* const scope = PostsTogether::of_thread()) {
    return scope->keep(*this, std::move(step));
  }
  submit(std::move(step));
  wake_sleeper();
}

void Progress::post_all(std::vector<std::function<void()>> steps) {
  {
    const MutexLock lock(mutex_);
    submitted_.insert(submitted_.end(), std::make_move_iterator(steps.begin()),
                      std::make_move_iterator(steps.end()));
    has_submitted_.store(true, std::memory_order_release);
  }
  wake_sleeper();
}

void Progress::wake_sleeper() {
  bool wakes = !options_.helper;  // another thread has to call poll()
  {
    const MutexLock lock(mutex_);  // who sleeps by now did so before, or has looked for steps since
    wakes = wakes || asleep_;
  }
  if (wakes) {
    transport_->wake();
  }
}

bool Progress::begin_wait() {
  const MutexLock lock(mutex_);
  ++waits_;
  return may_drive() && !std::exchange(driven_, true);
}

bool Progress::wait(const Pending& pending, Clock::time_point moment) {
  return wait(pending, moment, begin_wait());
}

bool Progress::wait(const Pending& pending, Clock::time_point moment, bool drives) {
  const BlockingWait blocking;
  const Clock::time_point began = transport_->now();
  if (drives) {
    (void)drive_while_busy(&pending, moment, {.time = looking_.time(began), .at_once = true});
  }
  if (drives && pending.done()) {
    looking_.took(channel_->looked_at() - began);
    leave();
  } else {
    wait_longer(pending, moment, drives);
    looking_.took(transport_->now() - began);
  }
  tell_who_polls();
  return pending.done();
}

void Progress::wait_longer(const Pending& pending, Clock::time_point moment, bool drives) {
  for (Waiter self(pending); !pending.done() && transport_->now() < moment;) {
    if (drives) {
      drives = !rest_from_driving(self, moment);
    } else if (!enter()) {
      park(self, moment);
      continue;
    } else {
      drives = true;
    }
    if (drives) {
      (void)drive_while_busy(&pending, moment, {.time = options_.spin, .at_once = true});
    }
  }
  if (drives) {
    return leave();
  }
  const MutexLock lock(mutex_);
  call_somebody();  // the thread that would drive if this one were not there
}

void Progress::finish(Pending& pending) noexcept {
  if (driving_for_ == &pending) {  // no other thread waits for it, and this one checks
    pending.done_.store(true, std::memory_order_relaxed);
    return;
  }
  finish_from_outside(pending);
}

void Progress::finish_from_outside(Pending& pending) noexcept {
  const MutexLock lock(mutex_);
  pending.done_.store(true, std::memory_order_release);
  // From here on its owner may be destroyed: only its address is compared.
  if (asleep_for_ == &pending) {
    transport_->wake();
    return;
  }
  for (Waiter& waiter : parked_) {
    if (waiter.pending == &pending) {
      waiter.condition.notify_one();
    }
  }
}

Progress::Clock::time_point Progress::poll() {
  if (!enter()) {
    return Clock::time_point::max();
  }
  int rounds = 0;
  while (rounds < most_rounds_for_others && drive_once()) {
    ++rounds;
  }
  const auto due = rounds < most_rounds_for_others ? channel_->next_due() : transport_->now();
  leave();
  return due;
}

void Progress::drive_briefly() {
  (void)poll();
  tell_who_polls();
}

void Progress::drive_unwatched() {
  bool is_watched = false;
  {
    const MutexLock lock(mutex_);
    is_watched = driven_ || asleep_;
  }
  if (!is_watched) {
    drive_briefly();
  }
}

// Without a helper another thread has to call poll(), which may not know of the new work.
void Progress::tell_who_polls() noexcept {
  if (!options_.helper) {
    transport_->wake();
  }
}

bool Progress::enter() {
  const MutexLock lock(mutex_);
  if (driven_ || !may_drive()) {
    return false;
  }
  driven_ = true;
  return true;
}

bool Progress::is_driven() {
  const MutexLock lock(mutex_);
  return driven_;
}

void Progress::stop_driving() {
  driven_ = false;
}

// Hands over driving: to a waiting thread, to one that sleeps in the transport, or to the helper.
void Progress::leave() {
  bool armed = false;
  for (int rounds = 0;; ++rounds) {
    {
      const MutexLock lock(mutex_);
      if (submitted_.empty() && (!somebody_watches() || armed || relieve_helper() || give_way(rounds))) {
        armed_at_ = armed ? transport_->now() : armed_at_;
        stop_driving();
        call_somebody();
        if (asleep_ && channel_->next_due() < asleep_until_) {
          transport_->wake();  // the sleeping thread has to learn of an earlier timer
        }
        return;
      }
    }
    armed = !has_submitted() && transport_->arm();
    if (!armed) {
      drive_once();
    }
  }
}

// While threads wait again and again, the helper should pause rather than sleep in the transport.
bool Progress::relieve_helper() {
  if (asleep_for_ != nullptr) {
    return false;
  }
  relieved_ = transport_->now() - armed_at_ < arming_pays;
  if (relieved_) {
    transport_->wake();
  }
  return relieved_;
}

// Messages keep arriving: the thread that sleeps in the transport, which is not armed, should move them.
bool Progress::give_way(int rounds) {
  if (rounds < most_rounds_for_others) {
    return false;
  }
  transport_->wake();
  return true;
}

void Progress::call_somebody() {
  if (driven_ || somebody_watches()) {
    return;
  }
  if (Waiter* const first = parked_.first()) {
    first->condition.notify_one();
  } else if (helper_rests_) {
    hand_over_later();
  }
}

// A thread that leaves again and again puts the helper off each time, so that it need not wake in between.
void Progress::hand_over_later() {
  const auto now = Clock::now();
  if (rests_until_ < now + hand_over / 2 || rests_until_ > now + hand_over) {
    rests_until_ = now + hand_over;
    timer_->set(rests_until_);
  }
}

// An exception from a step ends the process: the thread that drives has not asked for it.
bool Progress::drive_once(bool spinning) noexcept {
  bool busy = false;
  if (has_submitted()) {
    {
      const MutexLock lock(mutex_);
      running_.swap(submitted_);
      has_submitted_.store(false, std::memory_order_relaxed);
    }
    for (const auto& step : running_) {
      step();
    }
    running_.clear();
    busy = true;
  }
  return channel_->step(spinning) || busy;
}

// While spinning it reads the clock only every few times: that takes as long as polling for messages.
Progress::Spun Progress::drive_while_busy(const Pending* pending, Clock::time_point moment,
                                          const Spin& spin) {
  constexpr int looks_a_round = 4;
  Spun spun = Spun::never;
  driving_for_ = pending;
  bool busy = spin.at_once;
  bool spinning = false;
  auto spin_until = Clock::time_point::min();
  for (auto yield_at = Clock::time_point::max();;) {
    const bool was_busy = busy;
    busy = false;
    for (int look = spinning ? 1 : looks_a_round; look < looks_a_round && !busy; ++look) {
      busy = drive_once(true);
    }
    busy = busy || drive_once();
    if (pending != nullptr && pending->done()) {
      break;
    }
    // If nothing moved, the channel has just read the clock.
    const auto now = channel_->looked_at();
    if (busy) {
      spun = spun == Spun::in_vain ? Spun::with_success : spun;
    } else if (was_busy && spin.time > 0us) {
      spin_until = now + spin.time;
      yield_at = now + options_.spin;
      spun = spun == Spun::never ? Spun::in_vain : spun;
    }
    if (now >= moment || (!busy && now >= spin_until)) {
      break;
    }
    if (pending != nullptr && !busy && now >= yield_at) {
      if (!looking_.yield([this] { return transport_->now(); })) {
        break;
      }
      yield_at = now + options_.spin;
    }
    spinning = spin.time > 0us;
  }
  driving_for_ = nullptr;
  return spun;
}

// Nothing to do now: stops driving and sleeps, in the transport or beside a thread that already sleeps there.
// False: there is something to do after all, and this thread continues to drive.
bool Progress::rest_from_driving(Waiter& self, Clock::time_point moment) {
  if (!transport_->arm()) {
    return false;
  }
  bool sleeps = false;
  {
    const MutexLock lock(mutex_);
    if (!submitted_.empty() || self.pending->done()) {
      return false;
    }
    moment = std::min(moment, channel_->next_due());
    if (!asleep_) {
      asleep_ = sleeps = true;
      asleep_for_ = self.pending;
      asleep_until_ = moment;
    }
    relieved_ = false;  // the helper is woken nevertheless, and drives
    stop_driving();
  }
  if (sleeps) {
    (void)sleep(moment);
  } else {
    park(self, moment);
  }
  return true;
}

bool Progress::sleep(Clock::time_point moment) {
  transport_->sleep(moment);
  const MutexLock lock(mutex_);
  asleep_ = false;
  asleep_for_ = nullptr;
  return !std::exchange(relieved_, false);
}

void Progress::park(Waiter& self, Clock::time_point moment) {
  if (options_.park) {
    return options_.park(moment);
  }
  MutexLock lock(mutex_);
  if (self.pending->done() || (may_drive() && !driven_ && !somebody_watches())) {
    return;
  }
  parked_.push(self);
  (void)lock.wait_until(self.condition, moment);
  parked_.remove(self);
}

}  // namespace locum
