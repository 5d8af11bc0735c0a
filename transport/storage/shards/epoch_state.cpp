#include "transport/storage/shards/epoch_state.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/base/unless_out_of_memory.hpp"
#include "core/value/error.hpp"

namespace locum {

namespace detail {

PositionsLeft::PositionsLeft(std::uint64_t count, const ConsumedPositions& consumed)
    : below_(std::min(count, consumed.below)) {
  for (const std::uint64_t position : consumed.others) {
    if (position >= below_ && position < count) {
      before_.push_back(position - below_ - before_.size());
    }
  }
  left_ = count - below_ - before_.size();
}

std::uint64_t PositionsLeft::position(std::uint64_t number) const noexcept {
  const auto skipped = std::ranges::upper_bound(before_, number) - before_.begin();
  return below_ + number + static_cast<std::uint64_t>(skipped);
}

}  // namespace detail

namespace {

Error damaged_state(std::string_view reason) {
  return Error(Errc::corrupt, "the saved state of epochs is damaged: " + std::string(reason) +
                                  "; use an older one, or begin the epoch again");
}

Error states_differ(const std::string& reason) {
  return Error(Errc::invalid_argument, reason + "; join the states that all ranks of one job saved together");
}

constexpr std::uint64_t most_epochs = 1'000'000;  ///< that a rank may be ahead of another
/// Positions that ranks may be ahead of the slowest one, altogether: a state names each.
constexpr std::uint64_t most_positions = std::uint64_t{1} << 24U;

/// The state of one rank.
struct RankState {
  std::uint64_t rank;
  std::uint64_t epoch;
  std::uint64_t consumed;
};

/// Returns what all ranks have consumed of an epoch, together. \param room positions that a state may still
/// name; less by those that were named
Result<ConsumedPositions> consumed_together(std::uint64_t samples, const ConsumedPositions& before,
                                            std::uint64_t epoch, std::span<const RankState> ranks,
                                            std::uint64_t& room) {
  const detail::PositionsLeft left(samples, before);
  const std::uint64_t all = ranks.size();
  // How many of its samples each rank has consumed, and the first one that some rank has not.
  std::vector<std::uint64_t> consumed;
  std::uint64_t first = left.count();
  for (const RankState& state : ranks) {
    const std::uint64_t mine = state.rank < left.count() ? (left.count() - state.rank + all - 1) / all : 0;
    consumed.push_back(state.epoch > epoch    ? mine
                       : state.epoch == epoch ? std::min(mine, state.consumed)
                                              : 0);
    if (consumed.back() < mine) {
      first = std::min(first, state.rank + consumed.back() * all);
    }
  }
  ConsumedPositions made{.below = first == left.count() ? samples : left.position(first)};
  std::ranges::copy_if(before.others, std::back_inserter(made.others),
                       [&](std::uint64_t position) { return position > made.below; });
  const auto first_turn = [&](std::uint64_t rank) { return first < rank ? 0 : (first - rank) / all; };
  std::uint64_t named = made.others.size();
  for (std::size_t at = 0; at < ranks.size(); ++at) {
    named += consumed[at] - std::min(consumed[at], first_turn(ranks[at].rank));
  }
  if (named > room) {
    return states_differ(
        "the states are too far apart: ranks have consumed more than 16 777 216 samples behind "
        "the first one that another rank has not");
  }
  room -= named;
  for (std::size_t at = 0; at < ranks.size(); ++at) {
    const std::uint64_t rank = ranks[at].rank;
    for (std::uint64_t turn = first_turn(rank); turn < consumed[at]; ++turn) {
      if (const std::uint64_t number = rank + turn * all; number > first) {
        made.others.push_back(left.position(number));
      }
    }
  }
  std::ranges::sort(made.others);
  return made;
}

}  // namespace

EpochState EpochState::with(const RankPart& part) const {
  EpochState made = *this;
  made.ranks_ = part.ranks;
  made.rank_ = part.rank;
  made.rank_epoch_ = part.epoch;
  made.rank_consumed_ = part.consumed;
  return made;
}

Result<EpochState> EpochState::join(std::span<const EpochState> ranks) {
  return guarded([&] { return joined(ranks); });
}

Result<EpochState> EpochState::joined(std::span<const EpochState> ranks) {
  if (ranks.empty()) {
    return states_differ("there is no state to join");
  }
  // A rank that has read nothing knows nothing of the shards.
  const auto known = std::ranges::find_if(ranks, [](const EpochState& state) { return state.order_ != 0; });
  const auto [order, samples] = known == ranks.end() ? std::pair<std::uint64_t, std::uint64_t>()
                                                     : std::pair(known->order_, known->samples_);
  // A rank that has begun a later epoch by itself has consumed what was its own of those before.
  const EpochState& one = *std::ranges::min_element(ranks, {}, &EpochState::epoch_);
  if (one.is_whole()) {
    return ranks.size() == 1 ? Result<EpochState>(one)
                             : states_differ("a state of all ranks is joined with others");
  }
  std::vector<RankState> states;
  std::vector<bool> is_there(static_cast<std::size_t>(std::min<std::uint64_t>(one.ranks_, ranks.size() + 1)));
  std::uint64_t last_epoch = one.consumed_.empty() ? one.epoch_ : one.consumed_.rbegin()->first;
  for (const EpochState& state : ranks) {
    const bool is_of_same_order = state.order_ == 0 || (state.order_ == order && state.samples_ == samples);
    EpochState expected = one;
    expected.begin_at(state.epoch_);
    if (state.ranks_ != one.ranks_ || !is_of_same_order || state.consumed_ != expected.consumed_) {
      return states_differ("the states of rank " + std::to_string(one.rank_) + " and rank " +
                           std::to_string(state.rank_) + " are of different jobs, or shards");
    }
    if (state.rank_ < is_there.size()) {
      if (is_there[static_cast<std::size_t>(state.rank_)]) {
        return states_differ("the state of rank " + std::to_string(state.rank_) + " is there twice");
      }
      is_there[static_cast<std::size_t>(state.rank_)] = true;
    }
    states.push_back({state.rank_, state.rank_epoch_, state.rank_consumed_});
    last_epoch = std::max(last_epoch, state.rank_epoch_);
  }
  if (last_epoch - one.epoch_ > most_epochs) {
    return states_differ("the states have epochs " + std::to_string(one.epoch_) + " and " +
                         std::to_string(last_epoch));
  }
  if (const auto missing = std::ranges::find(is_there, false); missing != is_there.end()) {
    return states_differ("the state of rank " + std::to_string(missing - is_there.begin()) + " of " +
                         std::to_string(one.ranks_) + " is missing");
  }
  EpochState made;
  made.order_ = order;
  made.samples_ = samples;
  made.epoch_ = one.epoch_;
  std::uint64_t room = most_positions;
  for (std::uint64_t epoch = one.epoch_; epoch <= last_epoch; ++epoch) {
    const auto before = one.consumed_.find(epoch);
    auto now = consumed_together(
        samples, before == one.consumed_.end() ? ConsumedPositions() : before->second, epoch, states, room);
    if (!now) {
      return now.error();
    }
    if (now->below == samples && epoch == made.epoch_ && epoch != last_epoch) {
      ++made.epoch_;
    } else if (now->below != 0 || !now->others.empty()) {
      made.consumed_.emplace(epoch, std::move(*now));
    }
  }
  return made;
}

Record EpochState::record() const {
  Record epochs = Record::list({});
  for (const auto& [epoch, consumed] : consumed_) {
    // Differences are small, so that their text is short.
    std::vector<std::uint64_t> steps;
    std::uint64_t before = consumed.below;
    for (const std::uint64_t position : consumed.others) {
      steps.push_back(position - before);
      before = position;
    }
    epochs.append(Record{{"epoch", epoch}, {"below", consumed.below}, {"others", Array(steps)}});
  }
  Record made{{"version", 1}, {"order", order_}, {"samples", samples_}, {"epoch", epoch_}};
  made.set("epochs", std::move(epochs));
  if (ranks_ != 0) {
    made.set("rank",
             Record{{"rank", rank_}, {"of", ranks_}, {"epoch", rank_epoch_}, {"consumed", rank_consumed_}});
  }
  return made;
}

Result<EpochState> EpochState::of(const Record& record) {
  try {
    if (record.kind() != Record::Kind::members || record.get<int>("version").value() != 1) {
      return damaged_state("it is not of version 1");
    }
    EpochState made;
    made.order_ = record.get<std::uint64_t>("order").value();
    made.samples_ = record.get<std::uint64_t>("samples").value();
    made.epoch_ = record.get<std::uint64_t>("epoch").value();
    if (made.samples_ > largest_number || made.epoch_ > largest_number) {
      return damaged_state("its numbers are too large");
    }
    for (const Record& epoch : record.get<std::vector<Record>>("epochs").value()) {
      ConsumedPositions consumed{.below = epoch.get<std::uint64_t>("below").value()};
      std::uint64_t before = consumed.below;
      for (const std::uint64_t step : epoch.get<std::vector<std::uint64_t>>("others").value()) {
        if (step == 0 || before >= made.samples_ || step >= made.samples_ - before) {
          return damaged_state("it has positions that its epoch does not have");
        }
        before += step;
        consumed.others.push_back(before);
      }
      const auto number = epoch.get<std::uint64_t>("epoch").value();
      if (consumed.below > made.samples_ || number < made.epoch_ || number - made.epoch_ > most_epochs ||
          !made.consumed_.emplace(number, std::move(consumed)).second) {
        return damaged_state("it has positions that its epoch does not have");
      }
    }
    if (const Record* const rank = record.members().find("rank"); rank != nullptr) {
      made.ranks_ = rank->get<std::uint64_t>("of").value();
      made.rank_ = rank->get<std::uint64_t>("rank").value();
      made.rank_epoch_ = rank->get<std::uint64_t>("epoch").value();
      made.rank_consumed_ = rank->get<std::uint64_t>("consumed").value();
      if (made.ranks_ == 0 || made.ranks_ > most_ranks || made.rank_ >= made.ranks_ ||
          made.rank_epoch_ < made.epoch_ || made.rank_epoch_ - made.epoch_ > most_epochs ||
          made.rank_consumed_ > made.samples_ + 1) {
        return damaged_state("the part of its rank is none");
      }
    }
    if (made.order_ == 0 && (made.samples_ != 0 || !made.consumed_.empty() || made.rank_consumed_ != 0)) {
      return damaged_state("it tells of samples, and of no shards");
    }
    return made;
  } catch (const Error& error) {
    return damaged_state(error.text());
  }
}

}  // namespace locum
