#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include <locum/call_options.hpp>
#include <locum/raw_value.hpp>
#include <locum/raw_view.hpp>
#include <locum/task_queue.hpp>

namespace locum {

/// A task whose type is known only at run time: made by RawTaskQueue::take(). See TakenTask.
class RawTask {
 public:
  /// Called by RawTaskQueue.
  RawTask(detail::TaskHold hold, RawView value) noexcept : hold_(std::move(hold)), value_(std::move(value)) {}

  /// Returns the number that the put returned.
  [[nodiscard]] std::uint64_t number() const noexcept { return hold_.number(); }
  /// Returns the value, which may outlive the task.
  [[nodiscard]] const RawView& view() const& noexcept { return value_; }
  /// Marks the task as done, as TakenTask::done().
  TaskDone done(const CallOptions& options = {}) { return hold_.finish(options.deadline); }

 private:
  detail::TaskHold hold_;
  RawView value_;
};

/// A TaskQueue whose tasks may be of any types, which are known only at run time. Shares its tasks with every
/// TaskQueue of the same name over the same store.
class RawTaskQueue : private detail::TaskQueueBase {
 public:
  /// Opens the queue, or makes it, as the constructor of TaskQueue.
  RawTaskQueue(const Store& store, std::string_view name);

  /// Puts a task: an array. Returns its number; otherwise as TaskQueue::put().
  [[nodiscard]] Result<std::uint64_t> put(const RawValue& task, const StoringOptions& options = {});
  /// Puts a task: bytes, as Store::put_bytes() stores them.
  [[nodiscard]] Result<std::uint64_t> put_bytes(std::span<const std::byte> task,
                                                const StoringOptions& options = {});
  /// Returns the next task, as TaskQueue::take(), whatever its type.
  [[nodiscard]] Result<RawTask> take(TimeLimit limit = {});
  /// Closes the queue, as TaskQueue::close().
  [[nodiscard]] Result<void> close() { return close_queue(); }
};

}  // namespace locum
