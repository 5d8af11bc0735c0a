#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include <locum/deadline.hpp>
#include <locum/detail/async/continuation.hpp>
#include <locum/detail/base/mutex.hpp>

namespace locum {

class CompletionCounter;

/// State of an operation that ends once: by itself or by being cancelled, whichever is first. A derived class
/// holds the result. Any thread may call; a caller keeps it alive until the call returns.
class SharedState {
 public:
  using Clock = Deadline::Clock;

  SharedState(const SharedState&) = delete;
  SharedState& operator=(const SharedState&) = delete;
  virtual ~SharedState() = default;

  [[nodiscard]] bool ended() const noexcept { return order() != 0; }
  /// Returns the position in the order of ends of the same CompletionCounter, ascending. 0: it has not ended.
  [[nodiscard]] std::uint64_t order() const noexcept { return order_.load(std::memory_order_acquire); }
  /// Blocks until it has ended, or `until` has come; returns whether it has ended.
  [[nodiscard]] bool wait(Clock::time_point until);
  /// Starts an operation queued for the window now: a thread waits for it.
  void expedite() noexcept {
    if (!ended()) {
      do_expedite();
    }
  }
  /// Ends it, unless it was cancelled: a derived class has its result, or can make it, from now on.
  void end() noexcept {
    if (claim()) {
      publish();
    }
  }
  /// Ends it now and notifies the operation that its result is not wanted; or waits for a thread that ends
  /// it.
  void cancel() noexcept;
  /// REQUIRES: ended().
  [[nodiscard]] bool cancelled() const noexcept { return cancelled_; }
  /// Runs the continuation once it has ended, or at once if it has: on the thread of its CompletionCounter.
  void then(std::unique_ptr<Continuation> continuation) noexcept;
  [[nodiscard]] const std::shared_ptr<CompletionCounter>& completions() const noexcept {
    return completions_;
  }
  /// Returns the counter for coroutines of the user that belong to no session.
  [[nodiscard]] static const std::shared_ptr<CompletionCounter>& completions_of_process();

  // The following are about its CompletionCounter.

  /// Returns the moment at which a wait with this deadline ends.
  [[nodiscard]] Clock::time_point moment(Deadline deadline) const;
  /// Runs the continuation soon, on the thread for continuations.
  void schedule(std::unique_ptr<Continuation> continuation) noexcept;
  /// Returns the number of operations that have ended.
  [[nodiscard]] std::uint64_t ends() const noexcept;
  /// Waits, as wait() does, until ends() differs from `seen`; may return early. Returns false if that moment
  /// has come. \param of_others also waits for operations of other counters: polls these
  [[nodiscard]] bool await_end(std::uint64_t seen, Clock::time_point until, bool of_others);

 protected:
  explicit SharedState(std::shared_ptr<CompletionCounter> completions) noexcept
      : completions_(std::move(completions)) {}

  /// Returns whether the caller is the one to end it: it then has to set the result and to call publish().
  [[nodiscard]] bool claim() noexcept { return !claimed_.exchange(true, std::memory_order_acq_rel); }
  /// Marks it ended: wakes waiting threads and schedules the continuations.
  void publish() noexcept;

 private:
  /// Notifies the operation that its result is not wanted.
  virtual void forget() noexcept {}
  /// Notifies the operation that a thread waits for it.
  virtual void do_expedite() noexcept {}

  const std::shared_ptr<CompletionCounter> completions_;
  std::atomic<bool> claimed_{false};
  std::atomic<std::uint64_t> order_{0};
  bool cancelled_ = false;  ///< written by the thread that claimed it
  Mutex mutex_;
  ContinuationQueue following_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum
