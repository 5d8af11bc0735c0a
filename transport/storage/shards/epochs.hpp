#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include <locum/deadline.hpp>
#include <locum/epoch_state.hpp>
#include <locum/pipeline.hpp>
#include <locum/record.hpp>
#include <locum/result.hpp>
#include <locum/sample_coder.hpp>
#include <locum/shard_source.hpp>
#include <locum/shards.hpp>

/// \file
/// The samples of a set of shards, shuffled, split over ranks, exactly once an epoch, also after a restart.
/// Link `locum::serial` (no MPI) or `locum::locum`.
namespace locum {

/// What happens to the samples of an epoch that are left when each rank has got the same number.
enum class Remainder : std::uint8_t {
  exact,  ///< the first ranks get one more: each sample comes once, and ranks may differ by one
  drop,   ///< nobody gets them: all ranks get the same number
  pad,    ///< the other ranks get samples from the beginning of the epoch again: all get the same number
};

/// Options of epochs().
struct EpochOptions {
  std::uint64_t seed = 0;
  /// How many samples are shuffled together. Those shards that have them, and those of the next block, are in
  /// memory: on a node once for its ranks, where the Files are those of a runtime. Less than 2^32; 0: as many
  /// as have 256 MiB in their files, but no more than 65 536.
  std::uint64_t shuffle_block = 0;
  /// Not with `exact` in a loop that has a collective call for each sample or batch: some rank is in it
  /// longer.
  Remainder remainder = Remainder::exact;
  bool shuffle = true;  ///< false: by key in ascending order, and as they were stored
  /// Number of the first epoch: each has another order. Behind a state, earlier ones are left out.
  std::uint64_t first = 0;
  std::uint64_t count = 1;  ///< of epochs
  bool read_ahead = true;   ///< reads the next block while one is used; else half of the memory is enough
  /// Leaves out samples that are `corrupt`, and counts them: EpochReader::damaged(). Ranks may get different
  /// numbers of samples then, with any remainder. False: next() returns the error.
  bool skip_damaged = false;
};

namespace detail {

class EpochWalk;

/// What copies of an EpochReader share.
[[nodiscard]] std::shared_ptr<EpochWalk> make_epoch_walk(std::shared_ptr<ShardSource> source,
                                                         const EpochOptions& options, EpochState before,
                                                         std::uint64_t rank, std::uint64_t ranks);
[[nodiscard]] Result<std::optional<StoredSample>> next_sample(EpochWalk& walk, Deadline deadline);
/// Goes to the next sample, once the one of next_sample() is decoded.
void move_on(EpochWalk& walk);
[[nodiscard]] Result<std::uint64_t> skip_samples(EpochWalk& walk, std::uint64_t count, Deadline deadline);
[[nodiscard]] Result<EpochState> state_of(const EpochWalk& walk, std::optional<std::uint64_t> consumed);
[[nodiscard]] std::uint64_t samples_returned(const EpochWalk& walk);
[[nodiscard]] std::uint64_t samples_damaged(const EpochWalk& walk);
/// Returns an error of the sample that next_sample() has returned last, with its number and shard.
[[nodiscard]] Error about_last(const EpochWalk& walk, const Error& error);
/// Leaves out the next sample, for which this is the error, if it is damaged and the options say so. Returns
/// whether it did.
[[nodiscard]] bool leave_out(EpochWalk& walk, const Error& error);

}  // namespace detail

/// A position in the samples of epochs that one rank gets: what Pipeline::position() returns.
class EpochPosition {
 public:
  EpochPosition() = default;
  EpochPosition(std::shared_ptr<const detail::EpochWalk> walk, std::uint64_t samples) noexcept
      : walk_(std::move(walk)), samples_(samples) {}

  /// Returns the number of samples before it.
  [[nodiscard]] std::uint64_t samples() const noexcept { return samples_; }
  /// Returns the state in which these are consumed. `invalid_argument` for a default-constructed one.
  [[nodiscard]] Result<EpochState> state() const;

 private:
  std::shared_ptr<const detail::EpochWalk> walk_;
  std::uint64_t samples_ = 0;
};

/// The samples of epochs that one rank gets: a source of pipelines. Nothing is read before the first next().
/// A cheap value; copies are the same. One thread at a time calls next() and skip(), any thread the others.
/// The end of the last copy waits two seconds at most for reads that are under way; they end by themselves
/// then.
template <class Sample>
class EpochReader {
 public:
  using Value = Sample;
  using Position = EpochPosition;

  explicit EpochReader(std::shared_ptr<detail::EpochWalk> walk) noexcept : walk_(std::move(walk)) {}

  /// Returns the next sample; none behind the last one. Blocks until it is read. `timeout` (10 minutes by
  /// default); `invalid_argument` for a wrong option, or a state of other shards; `stale` if shards were
  /// replaced; `not_found` if there are none; else the errors of Shards::get() and Shard::get(). After an
  /// error another call tries the same sample again, and skip(1) goes past it.
  [[nodiscard]] Result<std::optional<Sample>> next(Deadline deadline = {}) {
    for (;;) {
      auto stored = detail::next_sample(*walk_, deadline);
      if (!stored || !*stored) {
        return stored ? Result<std::optional<Sample>>(std::nullopt) : stored.error();
      }
      auto sample = detail::SampleCoder<Sample>::decode(*std::move(*stored));
      if (!sample && detail::leave_out(*walk_, sample.error())) {
        continue;
      }
      if (!sample) {
        return detail::about_last(*walk_, sample.error());
      }
      std::optional<Sample> made(std::move(*sample));
      detail::move_on(*walk_);
      return made;
    }
  }
  /// Returns how many samples EpochOptions::skip_damaged has left out; position() counts them, too.
  [[nodiscard]] std::uint64_t damaged() const { return detail::samples_damaged(*walk_); }
  /// Leaves out the next `count` samples as if next() had returned them, and reads none. Returns how many
  /// that were: fewer at the end, so that `skip(~0ULL)` counts what is left. Errors as of next(); after
  /// `timeout` some may be left out, as position() tells.
  [[nodiscard]] Result<std::uint64_t> skip(std::uint64_t count, Deadline deadline = {}) {
    return detail::skip_samples(*walk_, count, deadline);
  }
  /// Returns the position behind the samples that next() has returned.
  [[nodiscard]] EpochPosition position() const { return {walk_, detail::samples_returned(*walk_)}; }
  /// Returns which samples next() has returned so far. Behind the last one of an epoch it is at the beginning
  /// of the next epoch. `invalid_argument` if the options are wrong.
  [[nodiscard]] Result<EpochState> state() const { return detail::state_of(*walk_, std::nullopt); }
  /// Returns the state when next() had returned so many: what the program has consumed where a pipeline reads
  /// ahead.
  [[nodiscard]] Result<EpochState> state_at(std::uint64_t consumed) const {
    return detail::state_of(*walk_, consumed);
  }

 private:
  std::shared_ptr<detail::EpochWalk> walk_;
};

/// Epochs of a set of shards; see epochs().
template <class Sample>
class Epochs {
 public:
  Epochs(std::shared_ptr<ShardSource> source, const EpochOptions& options)
      : source_(std::move(source)), options_(options) {}

  /// Begins behind a state of all ranks, of any number of them. Where a rank's state was given, next() is
  /// `invalid_argument`: join those of all ranks first.
  [[nodiscard]] Epochs resume(const EpochState& state) const {
    Epochs made = *this;
    made.before_ = state;
    return made;
  }
  /// Returns the samples of one rank of so many, as a pipeline, whose state() is what the program has
  /// consumed. All ranks give the same options, and the same state to resume from.
  [[nodiscard]] auto split(std::uint64_t rank, std::uint64_t ranks) const {
    return pipeline(reader(rank, ranks));
  }
  /// Returns the same without stages.
  [[nodiscard]] EpochReader<Sample> reader(std::uint64_t rank, std::uint64_t ranks) const {
    return EpochReader<Sample>(detail::make_epoch_walk(source_, options_, before_, rank, ranks));
  }

 private:
  std::shared_ptr<ShardSource> source_;
  EpochOptions options_;
  EpochState before_;
};

/// Returns the samples of a set of shards in an order that depends on seed and epoch alone, not on the number
/// of ranks: `for (auto& batch : epochs(shards, {.seed = 1}).split(rank, size).batch(256)) train(batch);`
///
/// The shards are permuted, and what follows is cut into blocks of `shuffle_block` samples, which are
/// permuted, too; the sample at position p of that is rank p modulo size's. The set of shards must not change
/// meanwhile.
template <class Sample>
[[nodiscard]] Epochs<Sample> epochs(const Shards<Sample>& shards, const EpochOptions& options = {}) {
  return Epochs<Sample>(shards.source(), options);
}

}  // namespace locum
