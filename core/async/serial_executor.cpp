#include "core/async/serial_executor.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <utility>

#include "core/base/background_thread.hpp"
#include "core/base/blocking_wait.hpp"
#include "core/base/fork_mark.hpp"
#include "core/base/mutex.hpp"
#include "core/value/deadline.hpp"

namespace locum {
namespace {

using Clock = Deadline::Clock;

// A shorter wait than this, as for an object of another node, is not worth a second thread.
constexpr std::chrono::milliseconds longest_alone{20};
constexpr std::chrono::seconds longest_return{1};

}  // namespace

class SerialExecutor::Queue : public std::enable_shared_from_this<Queue> {
 public:
  /// Returns what it was given if the queue is closed.
  [[nodiscard]] std::unique_ptr<Continuation> add(std::unique_ptr<Continuation> continuation) noexcept;
  void close() noexcept LOCUM_EXCLUDES(mutex_);

 private:
  using Threads = std::array<BackgroundThread, most_threads>;

  /// A thread of the queue.
  class Worker final : public BlockingWait::Listener {
   public:
    explicit Worker(Queue& queue) noexcept : queue_(queue) {}
    void begin_wait() noexcept override { queue_.begin_wait(*this); }
    void end_wait() noexcept override { queue_.end_wait(*this); }

    Clock::time_point began{};  ///< to run a continuation, or to go on with one
    bool waits = false;         ///< in the library, and had the turn at the beginning

   private:
    Queue& queue_;
  };

  void work() noexcept;
  [[nodiscard]] std::unique_ptr<Continuation> await_turn(Worker& worker) noexcept LOCUM_EXCLUDES(mutex_);
  void end_turn(const Worker& worker) noexcept LOCUM_EXCLUDES(mutex_);
  void begin_wait(Worker& worker) noexcept LOCUM_EXCLUDES(mutex_);
  void end_wait(Worker& worker) noexcept LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] bool may_start() const LOCUM_REQUIRES(mutex_);
  void call_another() noexcept LOCUM_REQUIRES(mutex_);
  void start_thread() noexcept LOCUM_REQUIRES(mutex_);
  void run_all() noexcept LOCUM_EXCLUDES(mutex_);

  const ForkMark maker_;
  Mutex mutex_;
  std::condition_variable called_;    ///< idle threads wait for continuations
  std::condition_variable returned_;  ///< others for their turn
  ContinuationQueue added_ LOCUM_GUARDED_BY(mutex_);
  Worker* turn_ LOCUM_GUARDED_BY(mutex_) = nullptr;     ///< the one that has the turn
  std::size_t returning_ LOCUM_GUARDED_BY(mutex_) = 0;  ///< threads that want their turn back
  std::size_t busy_ LOCUM_GUARDED_BY(mutex_) = 0;       ///< threads in a continuation
  std::size_t idle_ LOCUM_GUARDED_BY(mutex_) = 0;       ///< threads that are to be called
  bool watched_ LOCUM_GUARDED_BY(mutex_) = false;       ///< by one that takes the turn in time, or starts now
  Threads threads_ LOCUM_GUARDED_BY(mutex_);
  std::size_t started_ LOCUM_GUARDED_BY(mutex_) = 0;
  bool closed_ LOCUM_GUARDED_BY(mutex_) = false;
  bool detached_ LOCUM_GUARDED_BY(mutex_) = false;  ///< closed on one of the threads
};

std::unique_ptr<Continuation> SerialExecutor::Queue::add(
    std::unique_ptr<Continuation> continuation) noexcept {
  const MutexLock lock(mutex_);
  if (closed_) {
    return continuation;
  }
  added_.add(std::move(continuation));
  if (turn_ == nullptr || turn_->waits) {  // else it is taken by the thread that has the turn
    call_another();
  }
  return nullptr;
}

void SerialExecutor::Queue::call_another() noexcept {
  if (watched_) {
    return;
  }
  if (idle_ > 0) {
    called_.notify_one();
  } else if (started_ == busy_ && started_ < most_threads) {  // else one is about to look for the next
    start_thread();
  }
}

void SerialExecutor::Queue::start_thread() noexcept {
  BackgroundThread& thread = threads_[started_];
  if (!thread.start("locum futures", [queue = shared_from_this()] { queue->work(); })) {
    return;  // the next call retries
  }
  ++started_;
  watched_ = true;
  if (detached_) {
    thread.detach();
  }
}

bool SerialExecutor::Queue::may_start() const {
  return !added_.empty() &&
         (turn_ == nullptr ? returning_ == 0 : turn_->waits && Clock::now() >= turn_->began + longest_alone);
}

void SerialExecutor::Queue::work() noexcept {
  Worker self(*this);
  BlockingWait::listen(self);
  {
    const MutexLock lock(mutex_);
    watched_ = false;
  }
  while (auto next = await_turn(self)) {
    next->run();
    next.reset();
    end_turn(self);
  }
}

// Null: the queue is closed and empty.
std::unique_ptr<Continuation> SerialExecutor::Queue::await_turn(Worker& worker) noexcept {
  MutexLock lock(mutex_);
  while (!may_start()) {
    if (closed_ && added_.empty()) {
      called_.notify_all();
      return nullptr;
    }
    if (!added_.empty() && turn_ != nullptr && turn_->waits && !watched_) {
      watched_ = true;
      (void)lock.wait_until(called_, turn_->began + longest_alone);
      watched_ = false;
    } else {
      ++idle_;
      (void)lock.wait_until(called_, Clock::time_point::max());
      --idle_;
    }
  }
  turn_ = &worker;
  worker.began = Clock::now();
  ++busy_;
  return added_.take();
}

void SerialExecutor::Queue::end_turn(const Worker& worker) noexcept {
  const MutexLock lock(mutex_);
  --busy_;
  if (turn_ == &worker) {
    turn_ = nullptr;
    returned_.notify_one();
  }
}

void SerialExecutor::Queue::begin_wait(Worker& worker) noexcept {
  const MutexLock lock(mutex_);
  if (turn_ != &worker) {
    return;
  }
  worker.waits = true;
  if (returning_ > 0) {
    returned_.notify_one();
  } else if (!added_.empty()) {
    call_another();
  }
}

void SerialExecutor::Queue::end_wait(Worker& worker) noexcept {
  MutexLock lock(mutex_);
  if (!std::exchange(worker.waits, false) || turn_ == &worker) {
    return;
  }
  const auto until = Clock::now() + longest_return;
  ++returning_;
  while (turn_ != nullptr && !turn_->waits && Clock::now() < until) {
    (void)lock.wait_until(returned_, until);
  }
  --returning_;
  if (turn_ == nullptr || turn_->waits) {
    turn_ = &worker;
    worker.began = Clock::now();
  }
}

void SerialExecutor::Queue::close() noexcept {
  if (maker_.in_child()) {
    return;
  }
  for (bool again = true; again;) {
    Threads threads;
    bool detaches = false;
    {
      const MutexLock lock(mutex_);
      closed_ = true;
      threads.swap(threads_);
      called_.notify_all();
      detached_ = detached_ || std::ranges::any_of(threads, &BackgroundThread::is_current);
      detaches = detached_;
    }
    again = false;
    for (BackgroundThread& each : threads) {
      if (!each.is_started()) {
        continue;
      }
      if (detaches) {
        each.detach();  // it runs the rest, and owns what it needs for that
      } else {
        each.join();
        again = true;  // it may have started another one
      }
    }
  }
  run_all();
}

void SerialExecutor::Queue::run_all() noexcept {
  for (;;) {
    std::unique_ptr<Continuation> next;
    {
      const MutexLock lock(mutex_);
      next = added_.take();
    }
    if (!next) {
      return;
    }
    next->run();
  }
}

SerialExecutor::SerialExecutor() : queue_(std::make_shared<Queue>()) {}

void SerialExecutor::add(std::unique_ptr<Continuation> continuation) noexcept {
  if (const auto refused = queue_->add(std::move(continuation))) {
    refused->run();
  }
}

void SerialExecutor::close() noexcept {
  queue_->close();
}

}  // namespace locum
