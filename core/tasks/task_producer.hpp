#pragma once

#include <atomic>
#include <cstdint>

#include "core/tasks/task_records.hpp"

namespace locum::detail {

/// Puts the tasks of one rank into a queue, and closes it. Any thread.
class TaskProducer {
 public:
  explicit TaskProducer(const TaskRecords& records) : records_(records) {}
  TaskProducer(const TaskProducer&) = delete;
  TaskProducer& operator=(const TaskProducer&) = delete;

  /// Puts an object into the queue, as a task; returns its number. `end_of_stream`: the queue was closed.
  [[nodiscard]] Result<std::uint64_t> put(const Key& value);
  /// No more tasks. May be called repeatedly.
  [[nodiscard]] Result<void> close();

 private:
  /// Puts the first slot that is not there; returns its number. `end_of_stream`, with the end noted.
  [[nodiscard]] Result<std::uint64_t> put_next(const TaskSlot& slot);
  /// Evicts a slot that was put where there may be none any more.
  [[nodiscard]] Result<void> take_back(std::uint64_t number, const TaskLine& line);
  /// The first number from `from` on without a slot; or the same end.
  [[nodiscard]] Result<std::uint64_t> first_free(std::uint64_t from);
  [[nodiscard]] Error closed(std::uint64_t end) const;

  const TaskRecords& records_;
  std::atomic<std::uint64_t> next_{0};  ///< all numbers below have, or had, a slot
};

}  // namespace locum::detail
