#pragma once

#include <atomic>
#include <condition_variable>

#include "core/async/operation.hpp"
#include "core/base/background_thread.hpp"
#include "core/base/mutex.hpp"
#include "core/ports/wait_budget.hpp"

namespace locum {

/// A background thread for operations that need one, while no thread waits for them. It starts with the first
/// of them, and sleeps while there is none; if it cannot start, an operation continues when a thread waits
/// for it, or when the next one comes. It runs them one after the other, under a limited budget: a wait of
/// one would delay all the others, and close(). What is not available at once is retried a little later.
class BackgroundWorker {
 public:
  /// \param threaded whether to run them on a thread. A simulation calls poll() instead.
  /// \param budget of each operation: WaitBudget::of_background()
  BackgroundWorker(bool threaded, WaitBudget budget) : threaded_(threaded), budget_(budget) {}
  BackgroundWorker(const BackgroundWorker&) = delete;
  BackgroundWorker& operator=(const BackgroundWorker&) = delete;
  ~BackgroundWorker() { close(); }

  /// Runs an operation that wants a thread, unless another thread takes it before. False: this is closed.
  /// Does not wait, and needs no memory. Any thread.
  [[nodiscard]] bool take(Operation& operation) noexcept;
  /// Runs the taken operations on the calling thread. Returns whether there were any.
  bool poll() noexcept;
  /// Runs the taken operations, and ends. May be called repeatedly.
  void close() noexcept;
  /// The budget of a thread that runs operations for which no thread waits.
  [[nodiscard]] const WaitBudget& budget() const noexcept { return budget_; }

 private:
  void work() noexcept;

  const bool threaded_;
  const WaitBudget budget_;
  std::atomic<bool> any_{false};  ///< whether any were taken
  Mutex mutex_;
  std::condition_variable condition_;
  Operation::Wanting wanting_ LOCUM_GUARDED_BY(mutex_);
  bool closed_ LOCUM_GUARDED_BY(mutex_) = false;
  BackgroundThread thread_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum
