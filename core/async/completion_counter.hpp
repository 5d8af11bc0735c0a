#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>

#include <locum/deadline.hpp>
#include <locum/detail/async/continuation.hpp>
#include <locum/detail/base/mutex.hpp>

namespace locum {

class SerialExecutor;
class TransferTimes;

/// An event count that threads wait on for the next completion among all asynchronous operations of one
/// session; and its queue of continuations. Any thread.
///
/// A waiting thread reads count(), checks whether its operation has ended, and if not calls await() with the
/// count read: it misses nothing that ends in between.
class CompletionCounter {
 public:
  using Clock = Deadline::Clock;

  /// \param timeout of waits without a deadline
  /// \param times counts waits for objects; null: not counted
  explicit CompletionCounter(std::chrono::milliseconds timeout,
                             std::shared_ptr<TransferTimes> times = nullptr);
  CompletionCounter(const CompletionCounter&) = delete;
  CompletionCounter& operator=(const CompletionCounter&) = delete;
  virtual ~CompletionCounter();

  /// How many operations have ended.
  [[nodiscard]] std::uint64_t count() const noexcept { return count_.load(); }
  /// The position of an operation that is ending now among all that ended: 1, 2, and so on. The caller has to
  /// call tell() next.
  [[nodiscard]] std::uint64_t next() noexcept { return last_.fetch_add(1, std::memory_order_relaxed) + 1; }
  /// An operation has ended: wakes the waiting threads. Does not wait, and needs no memory.
  void tell() noexcept;
  /// Waits until count() differs from `seen`, or that moment has come; may return early.
  void await(std::uint64_t seen, Clock::time_point until);
  /// Whether nothing that other nodes send is received while no thread waits in a call.
  [[nodiscard]] virtual bool needs_calls() const noexcept { return false; }
  /// The clock of the moments above.
  [[nodiscard]] virtual Clock::time_point now() const noexcept { return Clock::now(); }
  /// The moment at which a wait with this deadline ends.
  [[nodiscard]] Clock::time_point moment(Deadline deadline) const { return deadline.moment(timeout_, now()); }
  /// Runs the continuation soon, on the thread for continuations: see SerialExecutor::add().
  void schedule(std::unique_ptr<Continuation> continuation) noexcept;
  [[nodiscard]] SerialExecutor& continuations() noexcept { return *executor_; }
  /// For coroutines of the user that belong to no session.
  [[nodiscard]] static const std::shared_ptr<CompletionCounter>& of_process();

 protected:
  /// Ends every current sleep(). Does not wait, and needs no memory.
  virtual void wake() noexcept;
  /// Sleeps until wake() is called, count() differs from `seen`, or that moment has come.
  virtual void sleep(std::uint64_t seen, Clock::time_point until);

 private:
  const std::chrono::milliseconds timeout_;
  const std::shared_ptr<TransferTimes> times_;
  std::atomic<std::uint64_t> last_{0};
  std::atomic<std::uint64_t> count_{0};
  std::atomic<std::uint32_t> waiting_{0};
  Mutex mutex_;
  std::condition_variable condition_;
  const std::unique_ptr<SerialExecutor> executor_;
};

}  // namespace locum
