#include "core/async/serial_executor.hpp"

#include <system_error>
#include <utility>

#include "core/deadline.hpp"

namespace locum {

void SerialExecutor::add(std::unique_ptr<Continuation> continuation) noexcept {
  {
    const MutexLock lock(queue_->mutex);
    if (!queue_->closed) {
      queue_->added.add(std::move(continuation));
      if (!queue_->thread.joinable()) {
        try {
          queue_->thread = std::thread([queue = queue_] {
            if (queue->on_start) {
              queue->on_start("locum futures");
            }
            work(*queue);
          });
        } catch (const std::system_error&) {  // no thread: the next add() retries
        }
      }
      queue_->condition.notify_one();
      return;
    }
  }
  continuation->run();
}

void SerialExecutor::close() noexcept {
  std::thread thread;
  {
    const MutexLock lock(queue_->mutex);
    queue_->closed = true;
    thread.swap(queue_->thread);
    queue_->condition.notify_one();
  }
  if (thread.get_id() == std::this_thread::get_id()) {
    thread.detach();  // it runs the rest, and owns what it needs for that
  } else if (thread.joinable()) {
    thread.join();
  }
  run_all(*queue_);
}

void SerialExecutor::run_all(Queue& queue) noexcept {
  for (;;) {
    std::unique_ptr<Continuation> next;
    {
      const MutexLock lock(queue.mutex);
      next = queue.added.take();
    }
    if (!next) {
      return;
    }
    next->run();
  }
}

void SerialExecutor::work(Queue& queue) noexcept {
  for (;;) {
    run_all(queue);
    MutexLock lock(queue.mutex);
    if (!queue.added.empty()) {
      continue;
    }
    if (queue.closed) {
      return;
    }
    (void)lock.wait_until(queue.condition, Deadline::Clock::time_point::max());
  }
}

}  // namespace locum
