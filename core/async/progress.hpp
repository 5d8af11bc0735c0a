#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "core/base/background_thread.hpp"
#include "core/base/intrusive_list.hpp"
#include "core/base/mutex.hpp"
#include "core/base/spin_limit.hpp"
#include "core/base/spin_trial.hpp"
#include "core/base/wake_timer.hpp"
#include "core/ports/wait_budget.hpp"
#include "core/rpc/rpc_channel.hpp"

namespace locum {

/// An event that a thread waits for. Set once, unless renewed: inside RpcChannel::step() or a submitted step,
/// or by a thread that does not drive (Progress::finish_from_outside()).
class Pending {
 public:
  [[nodiscard]] bool done() const noexcept { return done_.load(std::memory_order_acquire); }
  /// Resets it for another wait. REQUIRES: no thread waits for it, or sets it meanwhile.
  void renew() noexcept { done_.store(false, std::memory_order_relaxed); }

 private:
  friend class Progress;
  std::atomic<bool> done_{false};
};

/// Decides which thread makes progress. One thread at a time *drives*: calls RpcChannel::step(). A waiting
/// thread drives, or, if another thread does, sleeps until its reply is there or the driver leaves. While no
/// thread waits a helper thread drives, asleep in the transport: a rank that computes still serves requests.
/// A step may wait within budget(): for a lock of the directory no longer than a twentieth of the channel's
/// patience, and for memory not at all.
///
/// Invariants (mutex_ held)
///
/// 1. At most one thread drives, and at most one sleeps in the transport; the two are never the same.
/// 2. When no thread drives, either one sleeps in the transport, which was armed after the last step() that
/// found nothing, or some thread is about to drive: it was notified, or woken from its sleep because messages
/// keep arriving, or is the helper in its pause or relieved, which will drive next.
/// 3. Submitted steps are run by the driver before it stops driving.
///
/// Any thread may call.
class Progress {
 public:
  using Clock = Transport::Clock;

  struct Options {
    /// How long a waiting thread polls for messages before it sleeps, or longer: see SpinLimit. Zero if more
    /// ranks than cores share a machine.
    std::chrono::microseconds spin{0};
    /// The same for the helper thread, after activity and only if it pays off (SpinTrial). About the cost of
    /// falling asleep and waking: polling in vain then at most doubles it.
    std::chrono::microseconds helper_spin{0};
    /// Whether start() starts the helper thread. A simulation calls poll() instead.
    bool helper = true;
    /// The one thread that may call the transport; others wait until it does. None: any thread may. REQUIRES:
    /// without a helper.
    std::optional<std::thread::id> only_thread{};
    /// How a thread waits while another one drives, or sleeps in the transport; may return early. Empty: on a
    /// condition variable. A simulation, in which only one thread runs at a time, switches to another.
    std::function<void(Clock::time_point)> park{};
  };

  Progress(std::shared_ptr<Transport> transport, std::shared_ptr<RpcChannel> channel, Options options);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Calls end(). REQUIRES: no thread waits.
  ~Progress();
  /// Starts the helper thread, if there is one: once everything that the channel calls is complete. Once.
  /// Throws Error `system` if it cannot.
  void start();
  /// Ends the helper, and runs submitted steps that were not run. If they close the channel, all open calls
  /// are told. May be called repeatedly. REQUIRES: no thread waits.
  void end();

  /// Runs `step` soon, on the driver, where it may use the channel. It must not throw.
  void submit(std::function<void()> step);
  /// submit(), and wakes the thread that sleeps in the transport, if one does: for threads that do not wait
  /// afterwards. Does not wait.
  void post(std::function<void()> step);
  /// post() of several at once, which one step of the driver runs: see PostsTogether.
  void post_all(std::vector<std::function<void()>> steps);
  /// Waits until `pending` is set; false: the moment has passed. Drives meanwhile, if no other thread does.
  /// One thread waits for a pending.
  bool wait(const Pending& pending, Clock::time_point moment);
  /// submit() and wait(), but runs the step at once, without copying it, if no other thread drives.
  template <class Step>
  bool wait(const Pending& pending, Clock::time_point moment, const Step& step);
  /// Sets `pending`, and wakes its waiting thread. Only inside step() or a submitted step.
  void finish(Pending& pending) noexcept;
  /// The same for a thread that does not drive.
  void finish_from_outside(Pending& pending) noexcept LOCUM_EXCLUDES(mutex_);
  /// Does the work that is available now, unless another thread drives. Returns the latest moment for the
  /// next call.
  Clock::time_point poll();
  /// poll(), for a thread that will not call again: timers are left to others.
  void drive_briefly();
  /// The same, unless another thread drives or would notice a message. While threads call the library again
  /// and again the helper rests, and they should look.
  void drive_unwatched();
  /// The transport's clock, of all moments above.
  [[nodiscard]] Clock::time_point now() const noexcept { return transport_->now(); }
  /// Whether nothing moves while the one thread that may call the transport is not in a call that waits.
  [[nodiscard]] bool drives_only_in_calls() const noexcept { return options_.only_thread.has_value(); }
  /// Whether nothing moves while no thread waits in a call, or polls: there is no helper.
  [[nodiscard]] bool needs_calls() const noexcept { return !options_.helper; }
  /// Whether some thread drives now. For tests.
  [[nodiscard]] bool is_driven() LOCUM_EXCLUDES(mutex_);
  /// The wait budget of a step.
  [[nodiscard]] const WaitBudget& budget() const noexcept { return budget_; }

 private:
  struct Waiter : ListLink<Waiter> {
    explicit Waiter(const Pending& waits_for) noexcept : pending(&waits_for) {}

    const Pending* pending;
    std::condition_variable condition;
  };

  [[nodiscard]] bool begin_wait() LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] bool may_drive() const noexcept {
    return !options_.only_thread || *options_.only_thread == std::this_thread::get_id();
  }
  bool wait(const Pending& pending, Clock::time_point moment, bool drives) LOCUM_EXCLUDES(mutex_);
  void wait_longer(const Pending& pending, Clock::time_point moment, bool drives) LOCUM_EXCLUDES(mutex_);
  void tell_who_polls() noexcept;
  [[nodiscard]] bool enter() LOCUM_EXCLUDES(mutex_);
  void leave() LOCUM_EXCLUDES(mutex_);
  bool drive_once(bool spinning = false) noexcept LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] bool has_submitted() const noexcept { return has_submitted_.load(std::memory_order_acquire); }
  /// How long to keep polling when nothing moves, and since when.
  struct Spin {
    std::chrono::microseconds time{0};
    bool at_once = false;  ///< otherwise only after something has moved
  };
  enum class Spun : std::uint8_t { never, in_vain, with_success };

  Spun drive_while_busy(const Pending* pending, Clock::time_point moment, const Spin& spin)
      LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] bool rest_from_driving(Waiter& self, Clock::time_point moment) LOCUM_EXCLUDES(mutex_);
  void park(Waiter& self, Clock::time_point moment) LOCUM_EXCLUDES(mutex_);
  /// False: it was relieved.
  bool sleep(Clock::time_point moment) LOCUM_EXCLUDES(mutex_);
  void stop_driving() LOCUM_REQUIRES(mutex_);
  [[nodiscard]] bool somebody_watches() const LOCUM_REQUIRES(mutex_) { return asleep_ && !relieved_; }
  [[nodiscard]] bool relieve_helper() LOCUM_REQUIRES(mutex_);
  [[nodiscard]] bool give_way(int rounds) LOCUM_REQUIRES(mutex_);
  void call_somebody() LOCUM_REQUIRES(mutex_);
  void hand_over_later() LOCUM_REQUIRES(mutex_);
  void wake_sleeper();
  void help() LOCUM_EXCLUDES(mutex_);
  void drive_for_others() LOCUM_EXCLUDES(mutex_);
  void rest() LOCUM_EXCLUDES(mutex_);

  const std::shared_ptr<RpcChannel> channel_;  // outlives this object's part of the transport
  const std::shared_ptr<Transport> transport_;
  const Options options_;
  const WaitBudget budget_;  ///< of the driver

  Mutex mutex_;
  bool driven_ LOCUM_GUARDED_BY(mutex_) = false;
  bool asleep_ LOCUM_GUARDED_BY(mutex_) = false;  ///< a thread is in Transport::sleep(), or about to be
  const Pending* asleep_for_ LOCUM_GUARDED_BY(mutex_) =
      nullptr;  ///< the event that it waits for; the helper: null
  Clock::time_point asleep_until_ LOCUM_GUARDED_BY(mutex_);
  bool relieved_ LOCUM_GUARDED_BY(mutex_) = false;       ///< the sleeping helper was woken, to pause instead
  Clock::time_point armed_at_ LOCUM_GUARDED_BY(mutex_);  ///< when a leaving thread last had to arm for it
  IntrusiveList<Waiter> parked_ LOCUM_GUARDED_BY(mutex_);
  std::vector<std::function<void()>> submitted_ LOCUM_GUARDED_BY(mutex_);
  std::vector<std::function<void()>> running_;  ///< used by the driver; empty, but keeps its memory
  const Pending* driving_for_ = nullptr;        ///< the event that the driver waits for; used by the driver
  std::uint64_t waits_ LOCUM_GUARDED_BY(mutex_) = 0;    ///< begun so far: shows activity to the helper
  bool helper_rests_ LOCUM_GUARDED_BY(mutex_) = false;  ///< it sleeps until the timer says otherwise
  Clock::time_point rests_until_ LOCUM_GUARDED_BY(mutex_);
  bool ending_ LOCUM_GUARDED_BY(mutex_) = false;
  std::optional<WakeTimer> timer_;  ///< of the helper
  std::atomic<bool> has_submitted_{false};
  SpinTrial trial_;    ///< of the helper
  SpinLimit looking_;  ///< of waiting threads
  BackgroundThread helper_;
};

template <class Step>
bool Progress::wait(const Pending& pending, Clock::time_point moment, const Step& step) {
  const bool drives = begin_wait();
  [&]() noexcept {  // as if another thread drove
    if (drives) {
      step();
    } else {
      submit(step);
      if (!may_drive()) {
        transport_->wake();
      }
    }
  }();
  return wait(pending, moment, drives);
}

}  // namespace locum
