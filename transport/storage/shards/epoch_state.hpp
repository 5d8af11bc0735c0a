#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <locum/record.hpp>
#include <locum/result.hpp>

/// \file
/// How far the ranks of a job have come in the samples of epochs. Link `locum::serial` (no MPI) or
/// `locum::locum`.
namespace locum {

/// The positions of an epoch that were consumed: all below a number, and some above it.
struct ConsumedPositions {
  std::uint64_t below = 0;
  std::vector<std::uint64_t> others = {};  ///< in ascending order, all above `below`

  friend bool operator==(const ConsumedPositions&, const ConsumedPositions&) = default;
};

/// Which samples of epochs() the program has consumed: of one rank (EpochReader::state()), or, joined, of all
/// ranks of a job. A value for a checkpoint: record() is plain data that JSON holds, too.
class EpochState {
 public:
  /// Nothing was consumed.
  EpochState() = default;

  /// Joins the states of all ranks of a job, in any order. `invalid_argument` names the ranks whose state is
  /// missing or is there twice, or says that states are of different jobs, or too far apart: ranks have
  /// consumed more than 2^24 samples behind the first one that another has not; `out_of_memory`.
  [[nodiscard]] static Result<EpochState> join(std::span<const EpochState> ranks);
  /// Reads what record() has made. `corrupt`.
  [[nodiscard]] static Result<EpochState> of(const Record& record);
  [[nodiscard]] Record record() const;

  /// Whether it is that of all ranks: epochs() begins behind it.
  [[nodiscard]] bool is_whole() const noexcept { return ranks_ == 0; }
  /// Returns the first epoch of which samples are left.
  [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_; }
  /// Returns what was consumed of epochs from epoch() on; epochs that it lacks were not begun.
  [[nodiscard]] const std::map<std::uint64_t, ConsumedPositions>& consumed() const noexcept {
    return consumed_;
  }

  /// \cond library
  static constexpr std::uint64_t largest_number = std::uint64_t{1} << 53U;  ///< in JSON of all programs
  static constexpr std::uint64_t most_ranks = std::numeric_limits<std::int32_t>::max();
  /// Of a rank that began behind a whole state, and has consumed samples of its own since.
  struct RankPart {
    std::uint64_t ranks = 0;  ///< of the job
    std::uint64_t rank = 0;
    std::uint64_t epoch = 0;     ///< it has consumed all of its samples of earlier ones
    std::uint64_t consumed = 0;  ///< of its samples of this epoch
  };
  [[nodiscard]] EpochState with(const RankPart& part) const;
  /// Leaves out earlier epochs.
  void begin_at(std::uint64_t epoch) {
    epoch_ = epoch > epoch_ ? epoch : epoch_;
    consumed_.erase(consumed_.begin(), consumed_.lower_bound(epoch_));
  }
  /// What tells sets of shards and orders apart; 0: nothing was consumed.
  [[nodiscard]] std::uint64_t order() const noexcept { return order_; }
  [[nodiscard]] std::uint64_t samples() const noexcept { return samples_; }
  void set_order(std::uint64_t order, std::uint64_t samples) noexcept {
    order_ = order;
    samples_ = samples;
  }
  /// \endcond

  friend bool operator==(const EpochState&, const EpochState&) = default;

 private:
  [[nodiscard]] static Result<EpochState> joined(std::span<const EpochState> ranks);

  std::uint64_t order_ = 0;
  std::uint64_t samples_ = 0;  ///< of an epoch
  std::uint64_t epoch_ = 0;
  std::map<std::uint64_t, ConsumedPositions> consumed_;
  // Of one rank:
  std::uint64_t ranks_ = 0;  ///< of the job; 0: of all ranks
  std::uint64_t rank_ = 0;
  std::uint64_t rank_epoch_ = 0;
  std::uint64_t rank_consumed_ = 0;
};

namespace detail {

/// The positions of an epoch that are left, numbered from 0.
class PositionsLeft {
 public:
  /// \param count of all positions; what was consumed beyond is left out
  PositionsLeft(std::uint64_t count, const ConsumedPositions& consumed);

  [[nodiscard]] std::uint64_t count() const noexcept { return left_; }
  /// REQUIRES: number < count().
  [[nodiscard]] std::uint64_t position(std::uint64_t number) const noexcept;

 private:
  std::uint64_t below_ = 0;
  std::uint64_t left_ = 0;
  std::vector<std::uint64_t> before_;  ///< how many positions are left before each one that was consumed
};

}  // namespace detail

}  // namespace locum
