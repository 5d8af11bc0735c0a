#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/steps/presence.hpp"
#include "core/tasks/task_records.hpp"

namespace locum::detail {

/// A claim of a taker, and its task once that is known.
struct ClaimedTask {
  std::uint64_t number = 0;
  std::uint64_t attempt = 0;  ///< TaskClaim::attempt
  Key value{};
};

/// Takes tasks of a queue for one rank: see TaskRecords. Any thread; each has a place of its own in the line.
class TaskTaker {
 public:
  using Moment = Records::Moment;

  explicit TaskTaker(const TaskRecords& records) : records_(records) {}
  TaskTaker(const TaskTaker&) = delete;
  TaskTaker& operator=(const TaskTaker&) = delete;
  /// Leaves the queue. What was claimed and is not over is then taken by others.
  ~TaskTaker();

  /// Waits for a task. `end_of_stream`: the queue was closed, and all its tasks are done.
  [[nodiscard]] Result<ClaimedTask> take(Deadline deadline);
  /// The task is done. May be repeated after an error.
  [[nodiscard]] Result<void> finish(const ClaimedTask& task, Deadline deadline);
  /// Another taker may have the task.
  void give_back(const ClaimedTask& task) noexcept;
  /// The value of the task is lost: so it is over.
  [[nodiscard]] Result<void> give_up(const ClaimedTask& task);

 private:
  [[nodiscard]] Result<void> enter() LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] std::uint64_t new_attempt() noexcept {
    return attempts_.fetch_add(1, std::memory_order_relaxed) + 1;
  }
  [[nodiscard]] TaskClaim claim_of(std::uint64_t attempt) const { return {handle_, attempt}; }
  void raise_next(std::uint64_t number) noexcept;
  /// Claims the first number that nobody has.
  [[nodiscard]] Result<ClaimedTask> claim_next(const TaskLine& line, Moment until);
  /// A claim that an error has left here, if it was put.
  [[nodiscard]] Result<std::optional<ClaimedTask>> left_over() LOCUM_EXCLUDES(mutex_);
  void leave_over(const ClaimedTask& place) LOCUM_EXCLUDES(mutex_);
  /// Waits at a claimed number. None: it has no task, claim another one. After an error the claim is left.
  [[nodiscard]] Result<std::optional<ClaimedTask>> await(const ClaimedTask& place, Moment until);
  [[nodiscard]] Result<std::optional<ClaimedTask>> judged(const ClaimedTask& place, const TaskSlot& slot);
  [[nodiscard]] bool is_look_due(const TaskLine& line) const;
  /// Looks for a task that no taker is at any more.
  [[nodiscard]] Result<std::optional<std::uint64_t>> look(const TaskLine& line) LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] Result<bool> is_abandoned(std::uint64_t number) LOCUM_REQUIRES(mutex_);
  [[nodiscard]] bool is_here(const Handle& taker) LOCUM_REQUIRES(mutex_);
  /// Claims a number that look() has found. None: another taker was first.
  [[nodiscard]] Result<std::optional<ClaimedTask>> take_over(std::uint64_t number) LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] Result<bool> replace_claim(std::uint64_t number, const TaskClaim& mine)
      LOCUM_EXCLUDES(mutex_);
  void sweep_after_some() noexcept;

  const TaskRecords& records_;
  std::atomic<std::uint64_t> next_{0};  ///< all numbers below are claimed, or were
  std::atomic<std::uint64_t> attempts_{0};
  std::atomic<std::uint64_t> finished_{0};  ///< tasks since the last sweep
  std::atomic<std::uint64_t> returned_{0};  ///< those that the last look has seen
  std::atomic<Moment> looked_{Moment::min()};
  std::atomic<bool> entered_{false};
  Mutex mutex_;
  Presence presence_ LOCUM_GUARDED_BY(mutex_);
  Handle handle_;  ///< of the presence; constant once `entered_`
  std::vector<ClaimedTask> left_over_ LOCUM_GUARDED_BY(mutex_);
  std::unordered_map<Key, PresenceWatch> watches_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum::detail
