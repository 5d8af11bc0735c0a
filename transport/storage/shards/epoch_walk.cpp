#include "transport/storage/shards/epoch_walk.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>

#include "core/base/hash.hpp"
#include "core/base/unless_out_of_memory.hpp"
#include "core/value/errors.hpp"

namespace locum::detail {

namespace {

/// Of one sample, where the caller gives no deadline.
constexpr std::chrono::minutes longest_next{10};

Error wrong_epochs(const std::string& reason) {
  return Error(Errc::invalid_argument, "epochs: " + reason);
}

/// Returns how many samples are shuffled together where the program does not say it.
std::uint64_t usual_block(const std::vector<ShardFacts>& shards) {
  constexpr std::uint64_t most_bytes = std::uint64_t{256} << 20U;
  constexpr std::uint64_t most_samples = 65'536;
  std::uint64_t samples = 0;
  std::uint64_t bytes = 0;
  for (const ShardFacts& shard : shards) {
    samples += shard.samples;
    bytes += shard.bytes;
  }
  const std::uint64_t bytes_of_one = samples == 0 ? 0 : bytes / samples;
  return std::clamp<std::uint64_t>(bytes_of_one == 0 ? most_samples : most_bytes / bytes_of_one, 1,
                                   most_samples);
}

/// Returns what tells orders of samples apart; never 0.
std::uint64_t order_number(const std::vector<ShardFacts>& shards, const EpochOptions& options,
                           std::uint64_t block) {
  std::string all = std::to_string(options.seed) + ' ' + std::to_string(block) + ' ' +
                    std::to_string(static_cast<int>(options.shuffle));
  for (const ShardFacts& shard : shards) {
    all += '\n' + shard.key + '/' + std::to_string(shard.samples) + '/' + std::to_string(shard.bytes);
  }
  // JSON has no larger integers in all programs.
  return std::max<std::uint64_t>(hash64(all) >> 12U, 1);
}

}  // namespace

EpochWalk::EpochWalk(std::shared_ptr<ShardSource> source, const EpochOptions& options, EpochState before,
                     std::uint64_t rank, std::uint64_t ranks)
    : source_(std::move(source)),
      options_(options),
      rank_(rank),
      ranks_(ranks),
      begins_whole_(before.is_whole()),
      before_(std::move(before)) {
  before_.begin_at(options_.first);
}

Result<void> EpochWalk::check() const {
  if (rank_ >= ranks_ || ranks_ > EpochState::most_ranks) {
    return wrong_epochs("there is no rank " + std::to_string(rank_) + " of " + std::to_string(ranks_) +
                        "; give a rank below the number of ranks, and at most 2147483647 of these");
  }
  if (options_.shuffle_block > std::numeric_limits<std::uint32_t>::max()) {
    return wrong_epochs("shuffle_block is " + std::to_string(options_.shuffle_block) +
                        "; give 1 to 4294967295 samples, or 0 to have a number chosen");
  }
  if (options_.first >= EpochState::largest_number) {
    return wrong_epochs("the first one has the number " + std::to_string(options_.first) +
                        "; give one below 9007199254740992");
  }
  return begins_whole_
             ? Result<void>()
             : wrong_epochs("the state to resume from is that of one rank; join those of all ranks");
}

Result<void> EpochWalk::open(Deadline deadline) {
  if (auto right = check(); !right) {
    return right;
  }
  auto shards = source_->index(deadline);
  if (!shards) {
    return shards.error();
  }
  if (shards->empty()) {
    return source_->none();
  }
  std::vector<std::uint64_t> samples;
  for (const ShardFacts& shard : *shards) {
    samples.push_back(shard.samples);
  }
  const std::uint64_t block = options_.shuffle_block != 0 ? options_.shuffle_block : usual_block(*shards);
  const std::uint64_t number = order_number(*shards, options_, block);
  storage::EpochOrder order(std::move(samples), options_.seed, block, options_.shuffle);
  {
    const MutexLock lock(mutex_);
    if (before_.order() != 0 && (before_.order() != number || before_.samples() != order.count())) {
      return wrong_epochs(
          (before_.samples() != order.count()
               ? "the saved state is of other shards: it knows " + std::to_string(before_.samples()) +
                     " samples, and there are " + std::to_string(order.count())
               : std::string(
                     "the saved state is of another seed, shuffle_block or shuffle, or of shards that "
                     "were replaced or renamed since")) +
          "; give the options and shards that it was saved with");
    }
    before_.set_order(number, order.count());
    epoch_ = before_.epoch();
  }
  loads_ = std::make_unique<storage::EpochLoads>(source_, std::move(*shards),
                                                 static_cast<double>(rank_) / static_cast<double>(ranks_));
  order_.emplace(std::move(order));
  begin_epoch(epoch_);
  return {};
}

std::uint64_t EpochWalk::mine(std::uint64_t left) const noexcept {
  switch (options_.remainder) {
    case Remainder::exact:
      return left > rank_ ? (left - rank_ + ranks_ - 1) / ranks_ : 0;
    case Remainder::drop:
      return left / ranks_;
    case Remainder::pad:
      return left / ranks_ + (left % ranks_ != 0 ? 1 : 0);
  }
  return 0;
}

bool EpochWalk::is_behind_before(std::uint64_t epoch) const {
  const MutexLock lock(mutex_);
  return before_.consumed().upper_bound(epoch) == before_.consumed().end();
}

void EpochWalk::begin_epoch(std::uint64_t epoch) {
  epoch_ = epoch;
  order_->begin(epoch);
  turn_ = 0;
  const MutexLock lock(mutex_);
  const auto consumed = before_.consumed().find(epoch);
  left_.emplace(order_->count(),
                consumed == before_.consumed().end() ? ConsumedPositions() : consumed->second);
  turns_ = mine(left_->count());
  if (!begun_.empty() && begun_.back().before == returned_) {
    begun_.pop_back();  // of that epoch there was nothing for this rank
  }
  begun_.push_back({.epoch = epoch, .before = returned_, .turns = turns_});
  block_.reset();
  loads_->drop_all();
}

// The next block is read while this one is used.
void EpochWalk::enter(std::uint64_t block) {
  if (block_ && block < *block_) {
    loads_->drop_all();  // what is given again comes from the beginning
  }
  loads_->drop_before(block);
  loads_->begin(block, order_->ranges(block));
  if (options_.read_ahead && (block + 1) * order_->block_samples() < order_->count()) {
    loads_->begin(block + 1, order_->ranges(block + 1));
  }
  block_ = block;
}

Result<bool> EpochWalk::reach(Deadline deadline) {
  if (!order_) {
    if (auto opened = open(deadline); !opened) {
      return opened.error();
    }
  }
  const std::uint64_t behind =
      options_.first + std::min(options_.count, EpochState::largest_number - options_.first);
  if (epoch_ >= behind) {
    return false;
  }
  const auto moment = deadline.moment(longest_next);
  while (turn_ == turns_) {
    const bool has_more = epoch_ + 1 < behind && (mine(order_->count()) != 0 || !is_behind_before(epoch_));
    // Without samples all epochs are empty.
    if (!has_more || order_->count() == 0) {
      loads_->drop_all();
      block_.reset();
      return false;
    }
    if (Deadline::Clock::now() >= moment) {
      return deadline_passed("no sample for this rank was found up to epoch " + std::to_string(epoch_),
                             "call again, which goes on there");
    }
    begin_epoch(epoch_ + 1);
  }
  return true;
}

Result<StoredSample> EpochWalk::read(Deadline deadline) {
  const std::uint64_t number = (rank_ + turn_ * ranks_) % left_->count();
  const std::uint64_t position = left_->position(number);
  if (const std::uint64_t block = order_->block_of(position); !block_ || *block_ != block) {
    enter(block);
  }
  last_ = order_->place(position);
  const auto shard = loads_->shard(*block_, last_.shard, deadline);
  return shard ? (*shard)->sample(last_.number, deadline) : Result<StoredSample>(shard.error());
}

Result<std::optional<StoredSample>> EpochWalk::next(Deadline deadline) {
  return guarded([&]() -> Result<std::optional<StoredSample>> {
    const Deadline until(deadline.moment(longest_next));
    for (;;) {
      const auto is_there = reach(until);
      if (!is_there || !*is_there) {
        return is_there ? Result<std::optional<StoredSample>>(std::nullopt) : is_there.error();
      }
      auto sample = read(until);
      if (sample) {
        return std::optional<StoredSample>(std::move(*sample));
      }
      if (!leave_out(sample.error())) {
        return sample.error();
      }
      if (Deadline::Clock::now() >= until.moment(longest_next)) {
        return deadline_passed("all samples were damaged that were read",
                               "call again, or restore the shards");
      }
    }
  });
}

Result<std::uint64_t> EpochWalk::skip(std::uint64_t count, Deadline deadline) {
  return guarded([&]() -> Result<std::uint64_t> {
    if (!order_) {
      if (auto opened = open(deadline); !opened) {
        return opened.error();
      }
    }
    const auto moment = deadline.moment(longest_next);
    std::uint64_t skipped = 0;
    while (skipped < count) {
      if (skipped > 0 && Deadline::Clock::now() >= moment) {
        return deadline_passed("epoch " + std::to_string(epoch_) + " is not the last one to leave out",
                               "ask for the position, which counts those that were left out");
      }
      const auto is_there = reach(deadline);
      if (!is_there) {
        return is_there.error();
      }
      if (!*is_there) {
        break;
      }
      const std::uint64_t here = std::min(count - skipped, turns_ - turn_);
      turn_ += here;
      skipped += here;
      const MutexLock lock(mutex_);
      returned_ += here;
    }
    return skipped;
  });
}

void EpochWalk::move_on() {
  ++turn_;
  const MutexLock lock(mutex_);
  ++returned_;
}

Error EpochWalk::about_last(const Error& error) const {
  return about_sample(error, last_.number, loads_->key(last_.shard));
}

bool EpochWalk::leave_out(const Error& error) {
  if (!options_.skip_damaged || error.code() != Errc::corrupt) {
    return false;
  }
  move_on();
  const MutexLock lock(mutex_);
  ++damaged_;
  return true;
}

std::uint64_t EpochWalk::damaged() const {
  const MutexLock lock(mutex_);
  return damaged_;
}

std::uint64_t EpochWalk::returned() const {
  const MutexLock lock(mutex_);
  return returned_;
}

Result<EpochState> EpochWalk::state(std::optional<std::uint64_t> consumed) const {
  if (auto right = check(); !right) {
    return right.error();
  }
  const MutexLock lock(mutex_);
  const std::uint64_t all = consumed.value_or(returned_);
  if (all > returned_) {
    return wrong_epochs("a state behind " + std::to_string(all) + " samples is asked for, and there were " +
                        std::to_string(returned_) + " so far");
  }
  EpochState::RankPart part{.ranks = ranks_, .rank = rank_, .epoch = before_.epoch(), .consumed = 0};
  if (!begun_.empty()) {
    const Begun& begun = *(std::ranges::upper_bound(begun_, all, {}, &Begun::before) - 1);
    part.epoch = begun.epoch;
    part.consumed = all - begun.before;
    // The end of an epoch is the beginning of the next one, whether that was begun or not: also what nobody
    // gets of an epoch is behind it.
    if (part.consumed == begun.turns) {
      ++part.epoch;
      part.consumed = 0;
    }
  }
  return before_.with(part);
}

std::shared_ptr<EpochWalk> make_epoch_walk(std::shared_ptr<ShardSource> source, const EpochOptions& options,
                                           EpochState before, std::uint64_t rank, std::uint64_t ranks) {
  return std::make_shared<EpochWalk>(std::move(source), options, std::move(before), rank, ranks);
}

Result<std::optional<StoredSample>> next_sample(EpochWalk& walk, Deadline deadline) {
  return walk.next(deadline);
}

void move_on(EpochWalk& walk) {
  walk.move_on();
}

Result<std::uint64_t> skip_samples(EpochWalk& walk, std::uint64_t count, Deadline deadline) {
  return walk.skip(count, deadline);
}

Result<EpochState> state_of(const EpochWalk& walk, std::optional<std::uint64_t> consumed) {
  return walk.state(consumed);
}

std::uint64_t samples_returned(const EpochWalk& walk) {
  return walk.returned();
}

std::uint64_t samples_damaged(const EpochWalk& walk) {
  return walk.damaged();
}

Error about_last(const EpochWalk& walk, const Error& error) {
  return walk.about_last(error);
}

bool leave_out(EpochWalk& walk, const Error& error) {
  return walk.leave_out(error);
}

}  // namespace locum::detail

namespace locum {

Result<EpochState> EpochPosition::state() const {
  return walk_ == nullptr ? Error(Errc::invalid_argument,
                                  "this position belongs to no epoch; ask a pipeline of epochs for one")
                          : detail::state_of(*walk_, samples_);
}

}  // namespace locum
