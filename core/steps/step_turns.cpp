// Of StepInput: how the ranks of a reader, and the members of a group, agree who reads which step.
#include <algorithm>
#include <utility>

#include "core/steps/step_delay.hpp"
#include "core/steps/step_input.hpp"

namespace locum::detail {

namespace {

Result<void> goes_on() {
  return {};
}

}  // namespace

Result<bool> StepInput::try_to_begin(std::uint64_t number, Moment until) {
  const std::string name = stream_->begun(number, reader());
  const BegunRecord mine{side_.number, turn_};
  if (claim_ && *claim_ != number) {  // an older step was given back since: that claim is of this turn, too
    if (auto withdrawn = withdraw_claim(until); !withdrawn) {
      return withdrawn.error();
    }
  }
  if (group_ != 0) {
    claim_ = number;  // before it is put: this call may end at its deadline behind that
  }
  if (const auto said = stream_->put(name, mine, until); !said) {
    return said.error();
  }
  if (group_ == 0) {
    return true;
  }
  const auto begun = stream_->store().get<BegunRecord>(name, {.codec = {}, .deadline = until});
  if (!begun && begun.error().code() != Errc::not_found) {
    return begun.error();
  }
  const bool is_ours = begun && **begun == mine;
  if (!is_ours) {
    claim_.reset();
  }
  return is_ours;
}

void StepInput::give_up(std::uint64_t number) const {
  stream_->evict(stream_->begun(number, reader()));
}

Result<void> StepInput::withdraw_claim(Moment until) {
  const auto begun =
      stream_->store().get<BegunRecord>(stream_->begun(*claim_, reader()), {.codec = {}, .deadline = until});
  if (!begun && begun.error().code() != Errc::not_found) {
    return begun.error();
  }
  if (begun && **begun == BegunRecord{side_.number, turn_}) {
    give_up(*claim_);
  }
  claim_.reset();
  return {};
}

// A side begins a step by saying so, and then looks whether it is still there; see StepQueue. Members of a
// group look at all steps that are there each time: one that a dead member had begun is given back, and one
// that was missing may have been hidden for a moment.
Result<std::uint64_t> StepInput::choose(Moment until) {
  bool has_looked_again = false;
  awaited_ = next_;
  for (std::uint64_t number = next_;;) {
    const std::string name = stream_->step(number);
    const auto step = stream_->store().get<StepRecord>(name, {.codec = {}, .deadline = until});
    if (step && (*step)->state != StepRecord::State::ready) {
      const bool may_end = group_ != 0 && (*step)->state == StepRecord::State::ended;
      const auto looks_again =
          may_end ? await_group(number, std::exchange(has_looked_again, true), until) : Result<bool>(false);
      if (!looks_again) {
        return looks_again.error();
      }
      if (!*looks_again) {
        return number;
      }
      number = next_;
      continue;
    }
    if (step) {
      next_part_ = std::max(next_part_, (*step)->part + 1);
      const auto begins = try_to_begin(number, until);
      if (!begins) {
        return begins.error();
      }
      if (*begins && stream_->has(name)) {
        return number;
      }
      if (*begins) {
        give_up(number);
        claim_.reset();
      }
      // Where this side has given it up, it may have been shown again: see StepQueue::drop_oldest().
      number += *begins && stream_->has(name) ? 0 : 1;
      continue;
    }
    const auto progress = stream_->progress(until);
    if (!progress) {
      return progress.error();
    }
    if (number < progress->oldest) {
      next_ = number = progress->oldest;
      continue;
    }
    if (number < progress->count && !stream_->has(name)) {
      next_ += group_ == 0 && number == next_ ? 1 : 0;  // it was dropped, or released
      ++number;
      continue;
    }
    awaited_ = number;
    const auto there =
        stream_->wait<StepRecord>(name, std::min(until, stream_->now() + Stream::look_interval),
                                  [&] { return check_writer_of(number); });
    if (!there && there.error().code() != Errc::timeout) {
      return number;  // there is no step any more: whoever waits for this one learns why
    }
    if (!there && stream_->now() >= until) {
      return there.error();
    }
    number = next_;
  }
}

// It does not wait while it holds a step itself: two members might then wait for each other. What only the
// writer could give back is lost with that.
Result<bool> StepInput::await_group(std::uint64_t end, bool has_looked_again, Moment until) {
  bool others_hold = false;
  bool was_missing = false;
  for (std::uint64_t number = next_; number < end; ++number) {
    if (!stream_->has(stream_->step(number))) {
      was_missing = true;
      continue;
    }
    const std::string name = stream_->begun(number, group_);
    auto begun = stream_->store().get<BegunRecord>(name, {.codec = {}, .deadline = until});
    const bool is_ours = begun && (*begun)->side == side_.number;
    if (is_ours && holds(number)) {
      return false;
    }
    if (begun && !is_ours && !others_hold) {
      others_hold = StepDelay(*stream_).of_claim(**begun, number).has_failed();
      // What a dead member had begun is given back before it counts as gone: perhaps behind the first look.
      begun = others_hold ? std::move(begun)
                          : stream_->store().get<BegunRecord>(name, {.codec = {}, .deadline = until});
    }
    if (!begun) {
      return begun.error().code() == Errc::not_found ? Result<bool>(true) : Result<bool>(begun.error());
    }
  }
  if (!others_hold) {
    return was_missing && !has_looked_again;
  }
  if (!writer_.is_here()) {
    return false;
  }
  const auto closed = stream_->store().wait<StreamFailure>(
      stream_->closed(), std::min(until, stream_->now() + Stream::look_interval));
  if (closed || closed.error().code() != Errc::timeout) {
    return closed ? Result<bool>(false) : Result<bool>(closed.error());
  }
  return stream_->now() < until ? Result<bool>(true) : Result<bool>(closed.error());
}

// Asked about the step last: where that is gone, so is what says that it was released.
bool StepInput::holds(std::uint64_t number) const {
  return std::ranges::any_of(
             ranks_, [&](const Handle& rank) { return !stream_->has(stream_->released(number, rank)); }) &&
         stream_->has(stream_->step(number));
}

// Its first rank decides for all ranks of a side which step is the next one that was not dropped.
Result<std::uint64_t> StepInput::find_turn(Moment until) {
  if (side_.count == 1) {
    return choose(until);
  }
  const std::string turn = stream_->turn(side_.number, turn_);
  if (side_.index == 0 && !stream_->has(turn)) {
    auto chosen = choose(until);
    if (!chosen) {
      return chosen;
    }
    if (const auto told = stream_->put(turn, *chosen, until); !told) {
      return told.error();
    }
    claim_.reset();  // the other ranks read it, whatever becomes of this one
  }
  const auto told = stream_->wait<std::uint64_t>(
      turn, until, [this] { return side_.index == 0 ? goes_on() : check_first_reader(); });
  return told ? Result<std::uint64_t>(**told) : Result<std::uint64_t>(told.error());
}

}  // namespace locum::detail
