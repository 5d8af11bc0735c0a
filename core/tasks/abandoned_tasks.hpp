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

/// Looks on behalf of a taker for tasks that no taker is at any more: those of takers that are lost, and
/// those that were given back (see rule 8 of TaskRecords). Part of a TaskTaker; any thread.
class AbandonedTasks {
 public:
  using Moment = Records::Moment;

  /// Where to look.
  struct Range {
    const TaskLine& line;
    std::uint64_t below;  ///< the first number that is of no interest
    const Handle& own;    ///< the Presence of this taker
    Moment until;         ///< nothing is begun from then on
  };
  struct Looked {
    std::optional<std::uint64_t> task{};  ///< one that is abandoned; there may be more
    bool is_complete = true;              ///< whether all were looked at; else look again
  };

  explicit AbandonedTasks(const TaskRecords& records) : records_(records), looked_(records.now()) {}
  AbandonedTasks(const AbandonedTasks&) = delete;
  AbandonedTasks& operator=(const AbandonedTasks&) = delete;

  /// Whether so many intervals have passed since the last look, or a task was given back.
  [[nodiscard]] bool is_look_due(const TaskLine& line, int intervals) const;
  /// Looks at the open numbers of the range: two thousand of those that are new, in a few round trips. Sees
  /// nothing while another thread looks.
  [[nodiscard]] Result<Looked> look(const Range& range) LOCUM_EXCLUDES(mutex_);
  /// Claims a number that look() has found; false: another taker was first.
  [[nodiscard]] Result<bool> replace_claim(std::uint64_t number, const TaskClaim& mine)
      LOCUM_EXCLUDES(mutex_);

 private:
  /// What is known of a number that was claimed.
  struct Seen {
    Handle taker{};
    bool is_over = false;
  };

  [[nodiscard]] Result<Looked> look_alone(const Range& range) LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] std::vector<std::uint64_t> not_seen(const Range& range) LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] Result<std::optional<std::uint64_t>> first_abandoned(const std::vector<std::uint64_t>& loose,
                                                                     const std::vector<bool>& is_claimed,
                                                                     Moment until) LOCUM_EXCLUDES(mutex_);
  /// Whether that taker lives and takes part, as far as known. Does not wait.
  [[nodiscard]] bool is_here(const Handle& taker, const Handle& own) LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] bool watches(const Handle& taker, const Handle& own) LOCUM_REQUIRES(mutex_);

  const TaskRecords& records_;
  std::atomic<std::uint64_t> returned_{0};  ///< those that the last look has seen
  std::atomic<Moment> looked_;
  std::atomic<bool> is_looking_{false};
  Mutex mutex_;
  std::unordered_map<std::uint64_t, Seen> seen_ LOCUM_GUARDED_BY(mutex_);
  std::unordered_map<Key, PresenceWatch> watches_ LOCUM_GUARDED_BY(mutex_);
  int looks_ LOCUM_GUARDED_BY(mutex_) = 0;
};

}  // namespace locum::detail
