#include "core/tasks/task_survey.hpp"

#include <algorithm>

namespace locum::detail {

namespace {

constexpr std::uint64_t largest_block = 512;

}  // namespace

TaskSurvey::State TaskSurvey::state(std::uint64_t number) {
  if (const auto known = states_.find(number); known != states_.end()) {
    return known->second;
  }
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t next = number; next < number + block_; ++next) {
    numbers.push_back(next);
  }
  block_ = std::min(2 * block_, largest_block);
  read(std::move(numbers));
  return states_[number];
}

// An error leaves them unknown, and a value of which nobody knows whether it is there counts as there.
void TaskSurvey::read(std::vector<std::uint64_t> numbers) {
  std::erase_if(numbers, [this](std::uint64_t number) { return states_.contains(number); });
  if (numbers.empty() || !may_read()) {
    return;
  }
  const auto slots = records_.slots(numbers);
  if (!slots) {
    return;
  }
  std::vector<Key> values;
  std::vector<std::uint64_t> tasks;
  for (std::size_t at = 0; at < numbers.size(); ++at) {
    const auto& slot = (*slots)[at];
    State& state = states_[numbers[at]];
    if (!slot) {
      state = State::free;
      continue;
    }
    switch (slot->state) {
      case TaskSlot::State::task:
        state = State::to_do;
        values.push_back(slot->value);
        tasks.push_back(numbers[at]);
        break;
      case TaskSlot::State::none:
        state = State::over;
        break;
      case TaskSlot::State::end:
        state = State::end;
        break;
    }
  }
  if (values.empty() || !may_read()) {
    return;
  }
  const std::vector<bool> there = records_.are_there(values);
  for (std::size_t at = 0; at < tasks.size(); ++at) {
    states_[tasks[at]] = there[at] ? State::to_do : State::over;
  }
}

}  // namespace locum::detail
