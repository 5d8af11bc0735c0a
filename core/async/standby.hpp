#pragma once

#include <atomic>
#include <condition_variable>
#include <thread>
#include <utility>

#include "core/async/operation.hpp"
#include "core/base/mutex.hpp"
#include "core/base/thread_start.hpp"
#include "core/wait_budget.hpp"

namespace locum {

/// A thread for operations that need one, while nobody waits for them. It begins with the first of them, and
/// sleeps while there is none; where it cannot begin, an operation goes on when somebody waits for it, or
/// when the next one comes. It works for one after the other, under a limited budget: what one of them had to
/// wait for, all behind it would wait for, too, and so would close(). What cannot be had so is tried again a
/// little later.
class Standby {
 public:
  /// \param threaded whether to run them in a thread. A simulation calls poll() instead.
  /// \param budget of each operation: WaitBudget::of_standby()
  Standby(bool threaded, WaitBudget budget, ThreadStart on_start = {}) noexcept
      : threaded_(threaded), budget_(budget), on_start_(std::move(on_start)) {}
  Standby(const Standby&) = delete;
  Standby& operator=(const Standby&) = delete;
  ~Standby() { close(); }

  /// Has an operation that wants a thread run by this one, unless somebody else takes it before. False: it is
  /// closed. Does not wait, and needs no memory. Any thread.
  [[nodiscard]] bool take(Operation& operation) noexcept;
  /// Runs what was taken in the calling thread. Whether there was anything.
  bool poll() noexcept;
  /// Runs what was taken, and ends. More than once is fine.
  void close() noexcept;
  /// That of a thread that runs operations for which nobody waits.
  [[nodiscard]] const WaitBudget& budget() const noexcept { return budget_; }

 private:
  void work() noexcept;

  const bool threaded_;
  const WaitBudget budget_;
  const ThreadStart on_start_;
  std::atomic<bool> any_{false};  ///< taken
  Mutex mutex_;
  std::condition_variable condition_;
  Operation::Wanting wanting_ LOCUM_GUARDED_BY(mutex_);
  bool closed_ LOCUM_GUARDED_BY(mutex_) = false;
  std::thread thread_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum
