#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "core/tasks/task_records.hpp"

namespace locum::detail {

/// What is under the numbers of a queue, in ascending order: reads a few numbers, then more and more at a
/// time, so that a thousand take few round trips, and a few cost little. What it says may be older than the
/// line. One thread.
class TaskSurvey {
 public:
  /// \param until from then on nothing is read
  TaskSurvey(const TaskRecords& records, Records::Moment until) : records_(records), until_(until) {}

  /// Reads what is under these numbers.
  void read(std::vector<std::uint64_t> numbers);
  /// Whether it is certainly over.
  [[nodiscard]] bool is_over(std::uint64_t number) { return state(number) == State::over; }
  /// Whether it is a task that was not over.
  [[nodiscard]] bool is_to_do(std::uint64_t number) { return state(number) == State::to_do; }

 private:
  enum class State : std::uint8_t { unknown, free, to_do, over, end };

  [[nodiscard]] State state(std::uint64_t number);
  [[nodiscard]] bool may_read() const { return records_.now() < until_; }

  const TaskRecords& records_;
  const Records::Moment until_;
  std::uint64_t block_ = 24;  ///< numbers that are read next
  std::unordered_map<std::uint64_t, State> states_;
};

}  // namespace locum::detail
