#include "core/steps/step_delay.hpp"

#include <algorithm>

namespace locum::detail {

using Cause = StreamFailure::Cause;

StreamFailure StepDelay::answered(const StreamFailure& found) const {
  return stream_.is_home() || !stream_.is_out_of_time()
             ? found
             : StreamFailure{.cause = Cause::no_answer, .rank = stream_.home_rank()};
}

StreamFailure StepDelay::of_room(const StepWriterOptions& options, std::uint64_t number) const {
  return answered(find_room(options, number));
}

StreamFailure StepDelay::of_end(const StepWriterOptions& options, std::uint64_t number) const {
  return answered(find_end(options, number));
}

StreamFailure StepDelay::of_step(const Handle& reader, std::uint64_t number, std::uint64_t part) const {
  return answered(find_step(reader, number, part));
}

StreamFailure StepDelay::of_group(std::uint64_t group, std::uint64_t side) const {
  return answered(find_claim(group, side));
}

std::uint64_t StepDelay::readers() const {
  std::uint64_t readers = 0;
  while (stream_.has(stream_.joined(readers))) {
    ++readers;
  }
  return readers;
}

StreamFailure StepDelay::of_rendezvous(const StepWriterOptions& options) const {
  return {.cause = Cause::few_readers,
          .other = static_cast<std::int32_t>(options.rendezvous_readers),
          .step = readers()};
}

int StepDelay::rank_of(std::uint64_t writer) const {
  if (writer == 0) {
    return static_cast<int>(stream_.record().writer.key.creator);
  }
  const auto presence = stream_.get<Handle>(stream_.writer(writer));
  return presence ? static_cast<int>((*presence)->key.creator) : -1;
}

std::uint64_t StepDelay::missing_part(std::uint64_t number) const {
  std::uint64_t writer = 0;
  while (writer < stream_.record().writers && stream_.has(stream_.part(number, writer))) {
    ++writer;
  }
  return writer;
}

StepDelay::Range StepDelay::steps() const {
  const auto progress = stream_.progress(stream_.moment_of_record());
  Range range{progress ? progress->oldest : 0, progress ? progress->count : 0};
  while (range.first < range.end && !stream_.has(stream_.step(range.first))) {
    ++range.first;
  }
  return range;
}

// The first writer keeps the room of a step until it has published it.
StreamFailure StepDelay::find_room(const StepWriterOptions& options, std::uint64_t number) const {
  for (std::uint64_t writer = 1; number == 0 && writer < stream_.record().writers; ++writer) {
    if (!stream_.has(stream_.writer(writer))) {
      return {.cause = Cause::not_opened, .other = static_cast<std::int32_t>(writer)};
    }
  }
  if (readers() < options.rendezvous_readers) {
    return of_rendezvous(options);
  }
  for (std::uint64_t at = number - std::min<std::uint64_t>(number, stream_.record().queue_steps); at < number;
       ++at) {
    const std::uint64_t writer = stream_.has(stream_.room(at)) ? missing_part(at) : stream_.record().writers;
    if (writer < stream_.record().writers) {
      return {.cause = Cause::step_missing, .rank = rank_of(writer), .step = at};
    }
  }
  return of_readers();
}

StreamFailure StepDelay::find_end(const StepWriterOptions& options, std::uint64_t number) const {
  if (const std::uint64_t writer = missing_part(number); writer < stream_.record().writers) {
    return {.cause = Cause::not_closed,
            .rank = rank_of(writer),
            .other = stream_.session().options().rank,
            .step = number};
  }
  return readers() < options.rendezvous_readers ? find_room(options, number) : of_readers();
}

// Whether the ranks of that side may still read the step: see StepQueue::may_want().
bool StepDelay::may_want(const SideRecord& side, std::uint64_t step) const {
  const auto from = stream_.get<std::uint64_t>(stream_.from(side.side));
  if (from && **from > step) {
    return false;
  }
  const auto claim = side.group != 0 ? stream_.get<BegunRecord>(stream_.begun(step, side.group))
                                     : Result<View<BegunRecord>>(no_such_object());
  return !claim || (*claim)->side == side.side;
}

StreamFailure StepDelay::of_side(const Result<View<SideRecord>>& side, std::uint64_t step) const {
  for (std::size_t at = 0; side && at < (*side)->ranks.size(); ++at) {
    const Handle& reader = (*side)->ranks[at];
    if (!stream_.has(stream_.released(step, reader)) && !stream_.has(stream_.left(reader))) {
      return {.cause = Cause::not_released, .rank = static_cast<int>(reader.key.creator), .step = step};
    }
  }
  return {};
}

StreamFailure StepDelay::of_readers() const {
  const Range kept = steps();
  if (kept.first == kept.end && kept.end > 0) {
    return {.cause = Cause::not_freed, .step = kept.end - 1};
  }
  for (std::uint64_t place = 0; stream_.has(stream_.joined(place)); ++place) {
    const auto side = stream_.get<SideRecord>(stream_.joined(place));
    if (!side || !may_want(**side, kept.first)) {
      continue;
    }
    if (const StreamFailure holds = of_side(side, kept.first); holds.has_failed()) {
      return holds;
    }
  }
  return stream_.has(stream_.joined(0))
             ? StreamFailure{.cause = Cause::not_freed, .step = kept.first}
             : StreamFailure{.cause = Cause::no_reader, .step = kept.end - kept.first};
}

StreamFailure StepDelay::find_claim(std::uint64_t group, std::uint64_t side) const {
  const Range kept = steps();
  const auto last = stream_.get<StepRecord>(stream_.step(kept.end));
  if (!last || (*last)->state != StepRecord::State::ended) {
    return {};
  }
  for (std::uint64_t step = kept.first; step < kept.end; ++step) {
    const auto claim = stream_.get<BegunRecord>(stream_.begun(step, group));
    if (!claim || (*claim)->side == side) {
      continue;
    }
    if (const StreamFailure holds = of_claim(**claim, step); holds.has_failed()) {
      return holds;
    }
  }
  return {};
}

StreamFailure StepDelay::of_claim(const BegunRecord& claim, std::uint64_t step) const {
  for (std::uint64_t place = 0; stream_.has(stream_.joined(place)); ++place) {
    const auto side = stream_.get<SideRecord>(stream_.joined(place));
    if (side && (*side)->side == claim.side) {
      return of_side(side, step);
    }
  }
  return {};
}

StreamFailure StepDelay::of_memory() const {
  const Range kept = steps();
  const StreamFailure keeps = kept.first < kept.end ? of_readers() : StreamFailure();
  return keeps.cause == Cause::not_freed ? StreamFailure() : keeps;
}

StreamFailure StepDelay::find_step(const Handle& reader, std::uint64_t number, std::uint64_t part) const {
  const std::uint64_t most = stream_.record().queue_steps;
  std::uint64_t held = 0;
  for (std::uint64_t at = number - std::min(number, most); at < number; ++at) {
    held += stream_.has(stream_.step(at)) && !stream_.has(stream_.released(at, reader)) ? 1 : 0;
  }
  if (held > 0 && held == most && !stream_.record().may_drop()) {
    return {.cause = Cause::own_steps, .step = held};
  }
  if (stream_.record().writers > 1 && !stream_.has(stream_.room(part))) {
    // Its writers wait, too.
    if (const StreamFailure holds = of_readers(); holds.cause == Cause::not_released) {
      return holds;
    }
  }
  const std::uint64_t late = stream_.record().writers > 1 ? missing_part(part) : 0;
  return {.cause = Cause::step_missing,
          .rank = rank_of(late < stream_.record().writers ? late : 0),
          .step = number};
}

}  // namespace locum::detail
