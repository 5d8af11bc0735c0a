#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "core/async/operation.hpp"
#include "core/base/mutex.hpp"
#include "core/ports/completion_listener.hpp"

namespace locum {

/// Sub-operations that an operation begins together and then waits for. Those that need a thread run one
/// after the other on the operation's own: a thread that waits for the operation works for all of them. Used
/// in tasks of the operation:
///
///     while (true) {
///       const bool goes_on = co_await group.next();  // a named variable: see decision 24
///       if (!goes_on) {
///         break;  // all have ended
///       }
///       const WaitBudget budget = co_await Operation::ToThread();
///       group.work(budget);
///     }
class TaskGroup final {
 public:
  TaskGroup() : members_(std::make_shared<Members>()) {}
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  /// REQUIRES: all have ended.
  ~TaskGroup() = default;

  /// Begins it. Only for the thread that makes progress.
  template <class T>
  void begin(const Held<OperationOf<T>>& operation) {
    operation->observe(on_completion([members = members_] { members->leave(); }));
    operation->be_scheduled_by(members_);
    members_->join();
    operation->begin_by_driver();
  }

  class Next;
  /// Awaitable: true when some of them need a thread, false when all have ended.
  [[nodiscard]] Next next() noexcept;
  /// Runs those that need a thread. REQUIRES: this thread may wait.
  void work(const WaitBudget& budget) noexcept { members_->work(budget); }

 private:
  class Members final : public Operation::Scheduler {
   public:
    void join() noexcept LOCUM_EXCLUDES(mutex_) {
      const MutexLock lock(mutex_);
      ++running_;
    }
    void leave() noexcept LOCUM_EXCLUDES(mutex_) {
      {
        const MutexLock lock(mutex_);
        --running_;
      }
      call();
    }
    void take(Operation& operation) noexcept override LOCUM_EXCLUDES(mutex_) {
      const MutexLock lock(mutex_);
      wanting_.push(operation);
    }
    void call() noexcept override LOCUM_EXCLUDES(mutex_) {
      Operation* called = nullptr;
      {
        const MutexLock lock(mutex_);
        if (is_due()) {
          called = std::exchange(waiting_, nullptr);
        }
      }
      if (called != nullptr) {
        called->go_on();
      }
    }
    [[nodiscard]] bool queue(Operation& operation) noexcept LOCUM_EXCLUDES(mutex_) {
      const MutexLock lock(mutex_);
      waiting_ = is_due() ? nullptr : &operation;
      return waiting_ != nullptr;
    }
    [[nodiscard]] bool any() noexcept LOCUM_EXCLUDES(mutex_) {
      const MutexLock lock(mutex_);
      return running_ != 0;
    }
    void work(const WaitBudget& budget) noexcept LOCUM_EXCLUDES(mutex_) {
      for (;;) {
        Held<Operation> next;
        {
          const MutexLock lock(mutex_);
          next = wanting_.pop();
        }
        if (!next) {
          return;
        }
        next->run_if_wanting(budget);
      }
    }

   private:
    [[nodiscard]] bool is_due() const noexcept LOCUM_REQUIRES(mutex_) {
      return running_ == 0 || !wanting_.empty();
    }

    Mutex mutex_;
    std::size_t running_ LOCUM_GUARDED_BY(mutex_) = 0;
    Operation::Wanting wanting_ LOCUM_GUARDED_BY(mutex_);
    Operation* waiting_ LOCUM_GUARDED_BY(mutex_) = nullptr;  ///< the parent operation, while it waits
  };
  const std::shared_ptr<Members> members_;
};

class TaskGroup::Next final : public Operation::Queued {
 public:
  explicit Next(Members& members) noexcept : members_(members) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  [[nodiscard]] bool await_resume() const noexcept { return members_.any(); }

 private:
  [[nodiscard]] bool queue(Operation& operation) noexcept override { return members_.queue(operation); }

  Members& members_;
};

inline TaskGroup::Next TaskGroup::next() noexcept {
  return Next(*members_);
}

}  // namespace locum
