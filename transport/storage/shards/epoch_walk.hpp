#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <locum/epoch_state.hpp>
#include <locum/record.hpp>

#include "core/base/mutex.hpp"
#include "core/value/deadline.hpp"
#include "core/value/result.hpp"
#include "transport/storage/shards/epoch_loads.hpp"
#include "transport/storage/shards/epoch_order.hpp"
#include "transport/storage/shards/epochs.hpp"
#include "transport/storage/shards/shard_source.hpp"

namespace locum::detail {

/// The samples of epochs that are one rank's, in their order. One thread at a time calls next(), any thread
/// the others.
class EpochWalk {
 public:
  EpochWalk(std::shared_ptr<ShardSource> source, const EpochOptions& options, EpochState before,
            std::uint64_t rank, std::uint64_t ranks);

  /// `invalid_argument` if an option is wrong, or the rank, or the state is that of one rank.
  [[nodiscard]] Result<void> check() const;
  /// Returns the next sample; none behind the last one. The same again before move_on().
  [[nodiscard]] Result<std::optional<StoredSample>> next(Deadline deadline) LOCUM_EXCLUDES(mutex_);
  /// Returns an error of the sample that next() has returned last, with its number and shard.
  [[nodiscard]] Error about_last(const Error& error) const;
  /// Counts what next() has returned as given out. REQUIRES: that was a sample.
  void move_on() LOCUM_EXCLUDES(mutex_);
  /// Does the same for a sample with this error, if it is damaged and the options leave such out. Returns
  /// whether it did.
  [[nodiscard]] bool leave_out(const Error& error) LOCUM_EXCLUDES(mutex_);
  /// Returns how many leave_out() has left out.
  [[nodiscard]] std::uint64_t damaged() const LOCUM_EXCLUDES(mutex_);
  /// Counts the next so many samples as given out, and reads none. Returns of how many there were.
  [[nodiscard]] Result<std::uint64_t> skip(std::uint64_t count, Deadline deadline) LOCUM_EXCLUDES(mutex_);
  /// Returns what was given out so far, or the first so many of it.
  [[nodiscard]] Result<EpochState> state(std::optional<std::uint64_t> consumed) const LOCUM_EXCLUDES(mutex_);
  /// Returns how many samples were given out.
  [[nodiscard]] std::uint64_t returned() const LOCUM_EXCLUDES(mutex_);

 private:
  /// Returns the next sample. REQUIRES: reach() returned true.
  [[nodiscard]] Result<StoredSample> read(Deadline deadline);
  /// Reads the index, and begins the first epoch.
  [[nodiscard]] Result<void> open(Deadline deadline) LOCUM_EXCLUDES(mutex_);
  void begin_epoch(std::uint64_t epoch) LOCUM_EXCLUDES(mutex_);
  /// Goes to the epoch that has the next sample. Returns whether there is one.
  [[nodiscard]] Result<bool> reach(Deadline deadline) LOCUM_EXCLUDES(mutex_);
  /// Returns whether nothing of later epochs was consumed before.
  [[nodiscard]] bool is_behind_before(std::uint64_t epoch) const LOCUM_EXCLUDES(mutex_);
  /// Returns how many samples of an epoch this rank gets.
  [[nodiscard]] std::uint64_t mine(std::uint64_t left) const noexcept;
  void enter(std::uint64_t block);

  const std::shared_ptr<ShardSource> source_;
  const EpochOptions options_;
  const std::uint64_t rank_;
  const std::uint64_t ranks_;
  const bool begins_whole_;  ///< false: behind the state of one rank
  std::optional<storage::EpochOrder> order_;
  std::unique_ptr<storage::EpochLoads> loads_;
  std::optional<PositionsLeft> left_;
  std::uint64_t epoch_ = 0;
  std::uint64_t turn_ = 0;   ///< how many of its samples of the epoch were returned
  std::uint64_t turns_ = 0;  ///< of how many
  std::optional<std::uint64_t> block_;
  storage::SamplePlace last_{};
  mutable Mutex mutex_;
  EpochState before_ LOCUM_GUARDED_BY(mutex_);
  std::uint64_t returned_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::uint64_t damaged_ LOCUM_GUARDED_BY(mutex_) = 0;
  struct Begun {
    std::uint64_t epoch;
    std::uint64_t before;  ///< samples that were returned before it
    std::uint64_t turns;   ///< samples of this rank in it
  };
  std::vector<Begun> begun_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum::detail
