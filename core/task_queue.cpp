#include "core/task_queue.hpp"

#include "core/tasks/task_producer.hpp"
#include "core/tasks/task_taker.hpp"

namespace locum::detail {

/// This rank's part of a queue of tasks. Lives as long as tasks that were taken from it.
class TaskQueueState {
 public:
  explicit TaskQueueState(TaskRecords opened) : records(std::move(opened)) {}
  TaskQueueState(const TaskQueueState&) = delete;
  TaskQueueState& operator=(const TaskQueueState&) = delete;
  ~TaskQueueState() { records.clean_if_drained(); }

  const TaskRecords records;
  TaskProducer producer{records};
  TaskTaker taker{records};
};

Result<void> TaskHold::finish(Deadline deadline) {
  if (!queue_) {
    return {};
  }
  auto done = queue_->taker.finish({number_, attempt_, value_}, deadline);
  if (done) {
    queue_.reset();
  }
  return done;
}

void TaskHold::give_back() noexcept {
  if (const auto queue = std::exchange(queue_, nullptr)) {
    queue->taker.give_back({number_, attempt_, value_});
  }
}

// An object that is not there was evicted by a taker that had done the task, and died before it was seen to.
// A rank that dies may have been asked for the value in vain, but another one of its node has it.
Result<void> TaskHold::unreadable(const Error& error) {
  if (error.code() == Errc::not_found) {
    queue_.reset();
    return {};
  }
  if (error.code() == Errc::peer_lost) {
    const auto& records = queue_->records;
    const auto there = TaskRecords::repeated([&] { return records.store().exists(value_); });
    if (!there) {
      const auto given_up = queue_->taker.give_up({number_, attempt_, value_});
      if (given_up) {
        queue_.reset();
      }
      return error.at_rank(static_cast<int>(value_.creator));
    }
  }
  give_back();
  return error;
}

TaskQueueBase::TaskQueueBase(const Store& store, std::string_view name)
    : state_(std::make_shared<TaskQueueState>(
          TaskRecords::open(store.open_->session, store.open_->name, store.open_->options, store.full(name))
              .value())) {}

const Store& TaskQueueBase::values() const noexcept {
  return state_->records.store();
}

Result<std::uint64_t> TaskQueueBase::put_value(const Key& value) {
  auto put = state_->producer.put(value);
  if (!put && put.error().code() != Errc::timeout && put.error().code() != Errc::peer_lost) {
    (void)values().evict(value);
  }
  return put;
}

Result<TaskHold> TaskQueueBase::take_value(Deadline deadline) {
  const auto task = state_->taker.take(deadline);
  return task ? Result<TaskHold>(TaskHold(state_, task->number, task->attempt, task->value))
              : Result<TaskHold>(task.error());
}

Result<void> TaskQueueBase::close_queue() {
  return state_->producer.close();
}

}  // namespace locum::detail
