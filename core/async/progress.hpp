#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "core/base/intrusive_list.hpp"
#include "core/base/mutex.hpp"
#include "core/base/spin_trial.hpp"
#include "core/base/thread_start.hpp"
#include "core/rpc/exchange.hpp"
#include "core/wait_budget.hpp"

namespace locum {

/// Something that a thread may wait for. Becomes done once, but where it is renewed: inside Exchange::step()
/// or a submitted step, or by a thread that does not drive (Progress::finish_from_outside()).
class Pending {
 public:
  [[nodiscard]] bool done() const noexcept { return done_.load(std::memory_order_acquire); }
  /// To be waited for again. REQUIRES: nobody waits for it, or makes it done meanwhile.
  void renew() noexcept { done_.store(false, std::memory_order_relaxed); }

 private:
  friend class Progress;
  std::atomic<bool> done_{false};
};

/// Who moves messages, and when. One thread at a time *drives*: calls Exchange::step(). Who waits drives; who
/// cannot, because another thread does, sleeps until its answer is there or the driver leaves. While nobody
/// waits a helper thread drives, asleep in the transport: a rank that computes is served all the same. What a
/// step may wait is budget(): for a lock of the directory no longer than a twentieth of the exchange's
/// patience, and for memory not at all.
///
/// Invariants (mutex_ held)
///
/// 1. At most one thread drives, and at most one sleeps in the transport; the two are never the same.
/// 2. When no thread drives, either one sleeps in the transport, which was armed after the last step() that
///    found nothing, or some thread is on its way to drive: it was notified, or woken from its sleep where
///    messages keep coming, or is the helper within its rest or relieved, which is on its way there.
/// 3. What was submitted is run by whoever drives, before it stops driving.
///
/// Any thread may call.
class Progress {
 public:
  using Clock = Transport::Clock;

  struct Options {
    /// How long a thread that waits looks for messages before it sleeps. Zero where more ranks than cores
    /// share a machine.
    std::chrono::microseconds spin{0};
    /// The same for the helper thread, after something came and only where that pays (SpinTrial). About what
    /// falling asleep and waking costs: then looking in vain at most doubles it.
    std::chrono::microseconds helper_spin{0};
    /// Whether start() starts the helper thread. A simulation calls poll() instead.
    bool helper = true;
    ThreadStart on_thread_start;  ///< called first by the helper thread
    /// How a thread waits beside one that drives, or sleeps in the transport; may return early. Empty: on a
    /// condition variable. A simulation, in which only one runs at a time, lets the others go on.
    std::function<void(Clock::time_point)> park{};
  };

  Progress(std::shared_ptr<Transport> transport, std::shared_ptr<Exchange> exchange, Options options);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// end(). REQUIRES: no thread waits.
  ~Progress();
  /// Starts the helper thread, if there is to be one: once what the exchange calls is complete. Once.
  void start();
  /// Ends the helper, and runs what was submitted and nobody has run. Where that has closed the exchange, all
  /// that was asked is told so. More than once is fine. REQUIRES: no thread waits.
  void end();

  /// Has `step` run by a thread that drives, soon: there it may use the exchange. It must not throw.
  void submit(std::function<void()> step);
  /// submit(), and wakes who sleeps in the transport: for threads that do not go on to wait. Does not wait.
  void post(std::function<void()> step);
  /// Waits until `pending` is done; false: the moment has passed. Drives meanwhile, if nobody else does. One
  /// thread waits for a pending.
  bool wait(const Pending& pending, Clock::time_point moment);
  /// submit() and wait(), but that the step is run at once, and not copied, where nobody else drives.
  template <class Step>
  bool wait(const Pending& pending, Clock::time_point moment, const Step& step) {
    return wait(pending, moment, step, [&step] { return step; });
  }
  /// The same for a step that ends with this call: `kept` makes one that does not, where somebody else
  /// drives.
  template <class Step, class Kept>
  bool wait(const Pending& pending, Clock::time_point moment, const Step& step, const Kept& kept);
  /// Makes `pending` done, and wakes who waits for it. Only inside step() or a submitted step.
  void finish(Pending& pending) noexcept;
  /// The same from anywhere else: from a thread that does not drive.
  void finish_from_outside(Pending& pending) noexcept LOCUM_EXCLUDES(mutex_);
  /// Does what there is to do now, unless another thread drives. When it wants to be called again at the
  /// latest.
  Clock::time_point poll();
  /// poll(), by a thread that does not go on to do so: what is due later is for others.
  void drive_briefly();
  /// The transport's clock: what the moments above are points of.
  [[nodiscard]] Clock::time_point now() const noexcept { return transport_->now(); }
  /// Whether some thread drives at the moment. For tests.
  [[nodiscard]] bool is_driven() LOCUM_EXCLUDES(mutex_);
  /// That of a step.
  [[nodiscard]] const WaitBudget& budget() const noexcept { return budget_; }

 private:
  struct Waiter : ListLink<Waiter> {
    explicit Waiter(const Pending& waits_for) noexcept : pending(&waits_for) {}

    const Pending* pending;
    std::condition_variable condition;
  };

  [[nodiscard]] bool begin_wait() LOCUM_EXCLUDES(mutex_);
  bool wait(const Pending& pending, Clock::time_point moment, bool drives) LOCUM_EXCLUDES(mutex_);
  void wait_longer(const Pending& pending, Clock::time_point moment, bool drives) LOCUM_EXCLUDES(mutex_);
  void tell_who_polls() noexcept;
  [[nodiscard]] bool enter() LOCUM_EXCLUDES(mutex_);
  void leave() LOCUM_EXCLUDES(mutex_);
  bool drive_once(bool in_a_hurry = false) noexcept LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] bool has_submitted() const noexcept { return has_submitted_.load(std::memory_order_acquire); }
  /// How long to look for more where nothing moves, and from when on.
  struct Spin {
    std::chrono::microseconds time{0};
    bool at_once = false;  ///< else only after something has moved
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
  void help() LOCUM_EXCLUDES(mutex_);
  void drive_for_others() LOCUM_EXCLUDES(mutex_);
  void rest() LOCUM_EXCLUDES(mutex_);

  const std::shared_ptr<Exchange> exchange_;  // outlives this one's part of the transport
  const std::shared_ptr<Transport> transport_;
  const Options options_;
  const WaitBudget budget_;  ///< of who drives

  Mutex mutex_;
  bool driven_ LOCUM_GUARDED_BY(mutex_) = false;
  bool asleep_ LOCUM_GUARDED_BY(mutex_) = false;  ///< a thread is in Transport::sleep(), or about to be
  const Pending* asleep_for_ LOCUM_GUARDED_BY(mutex_) = nullptr;  ///< what it waits for; the helper: nothing
  Clock::time_point asleep_until_ LOCUM_GUARDED_BY(mutex_);
  bool relieved_ LOCUM_GUARDED_BY(mutex_) = false;       ///< the helper, asleep: it is woken, and is to rest
  Clock::time_point armed_at_ LOCUM_GUARDED_BY(mutex_);  ///< when a thread that left last had to arm for it
  IntrusiveList<Waiter> parked_ LOCUM_GUARDED_BY(mutex_);
  std::vector<std::function<void()>> submitted_ LOCUM_GUARDED_BY(mutex_);
  std::vector<std::function<void()>> running_;        ///< by who drives; empty, but keeps its memory
  const Pending* driving_for_ = nullptr;              ///< what who drives waits for; by who drives
  std::uint64_t waits_ LOCUM_GUARDED_BY(mutex_) = 0;  ///< begun so far: by them the helper sees activity
  bool helper_parked_ LOCUM_GUARDED_BY(mutex_) = false;
  bool ending_ LOCUM_GUARDED_BY(mutex_) = false;
  std::condition_variable helper_condition_;
  std::atomic<bool> has_submitted_{false};
  SpinTrial trial_;  ///< of the helper
  std::thread helper_;
};

template <class Step, class Kept>
bool Progress::wait(const Pending& pending, Clock::time_point moment, const Step& step, const Kept& kept) {
  const bool drives = begin_wait();
  [&]() noexcept {  // as where somebody else drives
    if (drives) {
      step();
    } else {
      submit(kept());
    }
  }();
  return wait(pending, moment, drives);
}

}  // namespace locum
