#pragma once

#include <condition_variable>
#include <memory>
#include <thread>
#include <utility>

#include <locum/base/mutex.hpp>
#include <locum/base/thread_start.hpp>

namespace locum {

/// What is to be done when something has ended.
class Continuation {
 public:
  Continuation() = default;
  Continuation(const Continuation&) = delete;
  Continuation& operator=(const Continuation&) = delete;
  virtual ~Continuation() = default;

  /// Does it. Once; in a thread that may wait.
  virtual void run() noexcept = 0;

 private:
  friend class Continuations;
  friend class Ending;
  std::unique_ptr<Continuation> next_;  ///< of a list
};

/// Runs continuations, one after the other in the order in which they were added, in a thread that begins
/// with the first and sleeps while there is none. Any thread.
class Continuations {
 public:
  /// \param on_start called first by the thread
  explicit Continuations(ThreadStart on_start = {}) : queue_(std::make_shared<Queue>(std::move(on_start))) {}
  Continuations(const Continuations&) = delete;
  Continuations& operator=(const Continuations&) = delete;
  ~Continuations() { close(); }

  /// Has it run soon. Does not wait, and needs no memory: where the thread cannot begin, it is run with the
  /// next one, or when this is closed. Once closed: runs it, in the calling thread.
  void add(std::unique_ptr<Continuation> continuation) noexcept;
  /// What threads of the library call first.
  [[nodiscard]] const ThreadStart& on_start() const noexcept { return queue_->on_start; }
  /// Runs what was added, and ends the thread, unless it is the calling one: then that ends by itself. More
  /// than once is fine.
  void close() noexcept;

 private:
  struct Queue {
    explicit Queue(ThreadStart first_call) : on_start(std::move(first_call)) {}

    const ThreadStart on_start;
    Mutex mutex;
    std::condition_variable condition;
    std::unique_ptr<Continuation> first LOCUM_GUARDED_BY(mutex);
    Continuation* last LOCUM_GUARDED_BY(mutex) = nullptr;
    bool closed LOCUM_GUARDED_BY(mutex) = false;
    std::thread thread LOCUM_GUARDED_BY(mutex);

    [[nodiscard]] std::unique_ptr<Continuation> take() noexcept LOCUM_REQUIRES(mutex);
  };

  static void run_all(Queue& queue) noexcept;
  static void work(Queue& queue) noexcept;

  const std::shared_ptr<Queue> queue_;  ///< the thread's, too
};

}  // namespace locum
