#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include <locum/async/arrivals.hpp>
#include <locum/async/continuations.hpp>
#include <locum/base/mutex.hpp>

namespace locum {

/// Something that ends once: by itself, or because it is cancelled, whichever is first. With what, a derived
/// class says. Any thread; who calls keeps it until the call returns.
class Ending {
 public:
  using Clock = Arrivals::Clock;

  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;
  virtual ~Ending() = default;

  [[nodiscard]] bool ended() const noexcept { return order() != 0; }
  /// When it ended: ascending in the order in which its arrivals' things did. 0: it has not.
  [[nodiscard]] std::uint64_t order() const noexcept { return order_.load(std::memory_order_acquire); }
  /// Whether it has ended until then.
  [[nodiscard]] bool wait(Clock::time_point until);
  /// Somebody waits for it: if it waits for its turn, it has it now.
  void hurry() noexcept {
    if (!ended()) {
      do_hurry();
    }
  }
  /// Ends it now. Whoever works for it hears that nobody wants to know any more. No effect if it has ended.
  void cancel() noexcept;
  /// REQUIRES: ended().
  [[nodiscard]] bool cancelled() const noexcept { return cancelled_; }
  /// Has that run when it has ended, or at once if it has: by the arrivals' thread.
  void then(std::unique_ptr<Continuation> continuation) noexcept;
  [[nodiscard]] const std::shared_ptr<Arrivals>& arrivals() const noexcept { return arrivals_; }

 protected:
  explicit Ending(std::shared_ptr<Arrivals> arrivals) noexcept : arrivals_(std::move(arrivals)) {}

  /// Whether the caller is the one who ends it: then it has to say with what, and to call publish().
  [[nodiscard]] bool claim() noexcept { return !claimed_.exchange(true, std::memory_order_acq_rel); }
  /// It has ended from now on: wakes who waits, and has done what is to be done then.
  void publish() noexcept;

 private:
  /// Nobody wants to know any more how it ends by itself.
  virtual void forget() noexcept {}
  /// Somebody waits for it.
  virtual void do_hurry() noexcept {}

  const std::shared_ptr<Arrivals> arrivals_;
  std::atomic<bool> claimed_{false};
  std::atomic<std::uint64_t> order_{0};
  bool cancelled_ = false;  ///< by who claims it
  Mutex mutex_;
  ContinuationQueue following_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum
