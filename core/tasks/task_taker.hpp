#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/steps/presence.hpp"
#include "core/tasks/abandoned_tasks.hpp"
#include "core/tasks/task_records.hpp"
#include "core/tasks/task_search.hpp"

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

  explicit TaskTaker(const TaskRecords& records) : records_(records), abandoned_(records) {}
  TaskTaker(const TaskTaker&) = delete;
  TaskTaker& operator=(const TaskTaker&) = delete;
  /// Leaves the queue. What was claimed and is not over is then taken by others.
  ~TaskTaker();

  /// Waits for a task. `end_of_stream`: the queue was closed, and all its tasks are done. Where the queue is
  /// on another node, it looks once, however early the deadline is: one round trip, and one more for each
  /// tenfold of the numbers that others have claimed since. Past the deadline it ends with the round trip
  /// under way and another one, by which it leaves its place, unless there is a task, which it takes, or the
  /// queue is closed: then it may sweep.
  [[nodiscard]] Result<ClaimedTask> take(Deadline deadline);
  /// The task is done. May be repeated after an error.
  [[nodiscard]] Result<void> finish(const ClaimedTask& task, Deadline deadline);
  /// Another taker may have the task.
  void give_back(const ClaimedTask& task) noexcept;
  /// The value of the task is lost: so it is over.
  [[nodiscard]] Result<void> give_up(const ClaimedTask& task);

 private:
  /// What take() begins with.
  struct Survey {
    TaskLine line;
    FreePlace free;
  };
  /// A claimed number, and whether its slot was seen.
  struct Place {
    ClaimedTask claimed;
    bool has_slot = false;
  };

  [[nodiscard]] Result<void> enter() LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] std::uint64_t new_attempt() noexcept {
    return attempts_.fetch_add(1, std::memory_order_relaxed) + 1;
  }
  [[nodiscard]] TaskClaim claim_of(std::uint64_t attempt) const { return {handle_, attempt}; }
  void raise_next(std::uint64_t number) noexcept;
  [[nodiscard]] Result<AbandonedTasks::Looked> look(const TaskLine& line, Moment until)
      LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] Result<Survey> survey() LOCUM_EXCLUDES(mutex_);
  /// Claims the first number that nobody has.
  [[nodiscard]] Result<Place> claim_next(FreePlace free, std::uint64_t end, Moment until);
  /// A claim that an error has left here, if it was put.
  [[nodiscard]] Result<std::optional<ClaimedTask>> left_over() LOCUM_EXCLUDES(mutex_);
  void leave_over(const ClaimedTask& place) LOCUM_EXCLUDES(mutex_);
  /// Waits at a claimed number. None: it has no task, claim another one. After an error the claim is left,
  /// or kept for left_over().
  [[nodiscard]] Result<std::optional<ClaimedTask>> await(const Place& place, Moment until)
      LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] Result<std::optional<ClaimedTask>> wait_at(const Place& place, Moment until, bool& is_left)
      LOCUM_EXCLUDES(mutex_);
  /// Evicts the claim of a number that is not open, and the slot that was put there.
  [[nodiscard]] Result<std::optional<ClaimedTask>> withdraw(std::uint64_t number, const TaskLine& line,
                                                            bool with_slot);
  [[nodiscard]] Result<std::optional<ClaimedTask>> judged(const ClaimedTask& place, const TaskSlot& slot);
  /// Claims a number of an abandoned task. None: another taker was first.
  [[nodiscard]] Result<std::optional<ClaimedTask>> take_over(std::uint64_t number) LOCUM_EXCLUDES(mutex_);
  void sweep_after_some(Deadline deadline) noexcept;
  /// Tasks that this taker has done count as over as long as it is known that their values are gone; where
  /// the node of a value was lost meanwhile, the slot is to say so. Called where a wait looks around.
  [[nodiscard]] Result<void> settle(const TaskLine& line) LOCUM_EXCLUDES(mutex_);
  void sweep_if_due(Moment until) noexcept;
  /// Numbers under which `none` was put, unless the line was read since.
  [[nodiscard]] std::vector<std::uint64_t> take_unchecked() LOCUM_EXCLUDES(mutex_);

  const TaskRecords& records_;
  AbandonedTasks abandoned_;
  std::atomic<std::uint64_t> next_{0};  ///< all numbers below are claimed, or were
  std::atomic<std::uint64_t> attempts_{0};
  std::atomic<std::uint64_t> finished_{0};  ///< numbers since the last sweep
  std::atomic<bool> entered_{false};
  Mutex mutex_;
  Presence presence_ LOCUM_GUARDED_BY(mutex_);
  Handle handle_;  ///< of the presence; constant once `entered_`
  std::vector<ClaimedTask> left_over_ LOCUM_GUARDED_BY(mutex_);
  std::vector<std::uint64_t> unchecked_ LOCUM_GUARDED_BY(mutex_);
  std::vector<ClaimedTask> done_ LOCUM_GUARDED_BY(mutex_);  ///< as far as they may still be open
};

}  // namespace locum::detail
