#pragma once

#include <condition_variable>
#include <memory>
#include <thread>
#include <utility>

#include "core/async/continuation.hpp"
#include "core/base/mutex.hpp"
#include "core/base/thread_start.hpp"

namespace locum {

/// Runs continuations one after the other, in the order in which they were added, on a thread that starts
/// with the first and sleeps while there is none. Any thread.
class SerialExecutor {
 public:
  /// \param on_start called first by the thread
  explicit SerialExecutor(ThreadStart on_start = {}) : queue_(std::make_shared<Queue>(std::move(on_start))) {}
  SerialExecutor(const SerialExecutor&) = delete;
  SerialExecutor& operator=(const SerialExecutor&) = delete;
  ~SerialExecutor() { close(); }

  /// Schedules it. Does not wait, and needs no memory: if the thread cannot start, it runs with the next one,
  /// or in close(). After close() it runs at once, on the calling thread.
  void add(std::unique_ptr<Continuation> continuation) noexcept;
  /// The first call of each library thread.
  [[nodiscard]] const ThreadStart& on_start() const noexcept { return queue_->on_start; }
  /// Runs all that were added, and ends the thread; called on that thread, the thread ends by itself
  /// afterwards. May be called repeatedly.
  void close() noexcept;

 private:
  struct Queue {
    explicit Queue(ThreadStart first_call) : on_start(std::move(first_call)) {}

    const ThreadStart on_start;
    Mutex mutex;
    std::condition_variable condition;
    ContinuationQueue added LOCUM_GUARDED_BY(mutex);
    bool closed LOCUM_GUARDED_BY(mutex) = false;
    std::thread thread LOCUM_GUARDED_BY(mutex);
  };

  static void run_all(Queue& queue) noexcept;
  static void work(Queue& queue) noexcept;

  const std::shared_ptr<Queue> queue_;  ///< shared with the thread
};

}  // namespace locum
