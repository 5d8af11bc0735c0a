#include "core/steps/step_input.hpp"

#include <algorithm>
#include <utility>

#include "core/base/hash.hpp"
#include "core/steps/step_delay.hpp"
#include "core/value/errors.hpp"

namespace locum::detail {

namespace {

// The stream that shows the steps of a file begins with the one that is wanted.
StepReaderOptions of_stream(StepReaderOptions options) {
  options.start_at = options.file.empty() ? options.start_at : StartAt::oldest;
  return options;
}

}  // namespace

StepInput::StepInput(StepSide side, std::string_view stream, const StepReaderOptions& options)
    : side_(std::move(side)),
      replay_(options.file.empty() ? nullptr : std::make_unique<StepReplay>(side_, stream, options)),
      name_(replay_ ? replay_->stream() : std::string(stream)),
      options_(of_stream(options)),
      group_(options.group.empty() ? 0 : hash64(options.group) | 1U) {}

// What is sent to a node that is silent arrives when it goes on.
StepInput::~StepInput() {
  leave(Stream::behind_of(side_.session.state()->completions()->now(), std::chrono::seconds(1)));
}

Error StepInput::end_of_stream() const {
  return Error(Errc::end_of_stream, "the writer has closed this stream; there are no more steps")
      .about(name_);
}

// A writer may compute for long, as the ranks that a collective call waits for.
StepInput::Moment StepInput::moment(Deadline deadline) const {
  return Stream::patience(*side_.session.state(), deadline);
}

Error StepInput::ours(const Error& error) const {
  return stream_ ? stream_->about(error) : error.about(title(), error.rank());
}

Result<void> StepInput::check_writer() {
  switch (writer_.state()) {
    case PresenceWatch::State::here:
      return {};
    case PresenceWatch::State::left:
      return end_of_stream();
    case PresenceWatch::State::lost:
      break;
  }
  return writer_.has_broken()
             ? StreamFailure{.cause = StreamFailure::Cause::untold, .rank = writer_.rank()}.error(title())
             : Error(Errc::peer_lost,
                     "the rank that publishes the steps of this stream was lost; all steps that all its "
                     "writers had ended were read")
                   .about(title(), writer_.rank());
}

Result<void> StepInput::check_writer_of(std::uint64_t number) {
  if (writer_.state() == PresenceWatch::State::lost) {
    complete(number);
  }
  return check_writer();
}

Result<void> StepInput::check_first_reader() {
  const auto state = first_reader_->state();
  return state == PresenceWatch::State::here
             ? Result<void>()
             : StreamFailure::of_first_reader(state == PresenceWatch::State::left, first_reader_->rank())
                   .error(title());
}

// Whoever needs the step decides what it is: made of the parts of its writers if all had ended them, else the
// failure of the stream. It can be put only once.
void StepInput::complete(std::uint64_t number) const {
  StepRecord failed;
  failed.state = StepRecord::State::failed;
  failed.lost_rank = writer_.rank();
  const std::uint64_t made_of = stream_->record().may_drop() ? next_part_ : number;
  std::vector<StepRecord> parts;
  for (std::uint64_t writer = 0; stream_->record().writers > 1 && writer < stream_->record().writers;
       ++writer) {
    const auto part = stream_->get<StepRecord>(stream_->part(made_of, writer));
    if (!part && part.error().code() != Errc::not_found) {
      return;
    }
    if (!part || (*part)->state != StepRecord::State::ready || !(*part)->is_valid()) {
      break;
    }
    parts.push_back(**part);
  }
  if (parts.empty() || parts.size() < stream_->record().writers) {
    (void)stream_->put(stream_->step(number), failed, stream_->moment_of_record());
    return;
  }
  StepRecord step = merged(parts);
  step.part = made_of;
  (void)stream_->put(stream_->step(number), step, stream_->moment_of_record());
}

// One that was asked for beforehand is not asked for again.
Result<View<StepRecord>> StepInput::await(std::uint64_t number, Moment until) {
  while (ahead_ && !stream_->record().may_drop()) {
    auto there = ahead_->await(number, std::min(until, stream_->now() + Stream::look_interval));
    if (there && *there) {
      return std::move(*there);
    }
    if (!there || stream_->now() >= until || !check_writer_of(number)) {
      break;
    }
  }
  return stream_->wait<StepRecord>(stream_->step(number), until,
                                   [this, number] { return check_writer_of(number); });
}

StreamFailure StepInput::delay(std::uint64_t number) const {
  const StepDelay delay(*stream_);
  const StreamFailure of_group = group_ != 0 ? delay.of_group(group_, side_.number) : StreamFailure();
  return of_group.has_failed()
             ? of_group
             : delay.of_step(handle_, number, stream_->record().may_drop() ? next_part_ : number);
}

Result<StepInput::Found> StepInput::judged(std::uint64_t number, Result<View<StepRecord>> step,
                                           Moment until) {
  if (!step) {
    const Errc code = step.error().code();
    if (code == Errc::end_of_stream || code == Errc::peer_lost) {
      return finished(step.error());
    }
    return code != Errc::timeout ? step.error() : delay(number).error(title());
  }
  const StepRecord& record = **step;
  if (!record.is_valid()) {
    return memory_damaged("the record of a step is damaged");
  }
  switch (record.state) {
    case StepRecord::State::ready: {
      auto released = stream_->store().create<std::uint8_t>(stream_->released(number, handle_), Extents(1),
                                                            {.deadline = until});
      if (!released) {
        return released.error();
      }
      if (group_ == 0) {
        next_ = number + 1;
      }
      ++turn_;
      claim_.reset();
      next_part_ = std::max(next_part_, record.part + 1);  // an older step may have been given back
      return Found{number, replay_ ? replay_->was_read() : number, std::move(*step), std::move(*released)};
    }
    case StepRecord::State::ended:
      return finished(end_of_stream());
    case StepRecord::State::failed:
      return finished(ours(stream_->failed(record.lost_rank)));
  }
  return memory_damaged("the record of a step is damaged");
}

// A reader that is made from now on, by who has seen the end, is one of the next stream.
Error StepInput::finished(const Error& error) {
  over_ = as_readers_get(error);
  if (stream_) {
    stream_->retire();
  }
  return *over_;
}

Result<StepInput::Found> StepInput::next(Deadline deadline) {
  return begun(find_next(deadline));
}

Result<StepInput::Found> StepInput::find_next(Deadline deadline) {
  auto found = next_or(deadline);
  return found ? std::move(found) : Result<Found>(ours(found.error()));
}

Result<StepInput::Found> StepInput::begun(Result<Found> found) const {
  if (found && ahead_) {
    ahead_->begins(found->number, found->record);
  }
  return found;
}

Result<StepInput::Found> StepInput::next_or(Deadline deadline) {
  if (over_) {
    return *over_;
  }
  const auto until = moment(deadline);
  latest_ = Stream::behind_of(until);
  if (stream_) {
    stream_->ends_by(latest_);
  }
  if (const auto shown = replay_ ? replay_->show_next(until) : Result<void>(); !shown) {
    return shown.error();
  }
  if (const auto joined = join(until); !joined) {
    return joined.error().code() == Errc::end_of_stream ? finished(joined.error()) : joined.error();
  }
  std::uint64_t number = next_;
  if (stream_->record().may_drop() || group_ != 0) {
    const auto turn = find_turn(until);
    if (!turn) {
      const std::uint64_t late_step = side_.index == 0 ? awaited_ : next_;
      // The stream goes on without this reader's first rank.
      if (side_.index != 0 && !first_reader_->is_here()) {
        return turn.error();
      }
      const auto progress = stream_->progress(until);
      const bool first_is_late = side_.index != 0 && group_ == 0 && progress && progress->count > next_;
      return turn.error().code() == Errc::timeout && first_is_late ? late(0, turn.error())
                                                                   : judged(late_step, turn.error(), until);
    }
    number = *turn;
  }
  return judged(number, await(number, until), until);
}

void StepInput::release(std::uint64_t number, Writer<std::uint8_t> released) const {
  (void)released.seal_async();
  if (ahead_) {
    ahead_->released(number);
  }
}

// An error of a newer step is that of the next call. Nothing is fetched of the steps that are passed over.
Result<StepInput::Found> StepInput::latest(Deadline deadline) {
  if (group_ != 0) {
    return Error(
        Errc::invalid_argument,
        "a reader of a group cannot skip steps, which others would not see either; read the next one");
  }
  if (replay_ && side_.count > 1) {
    return Error(
        Errc::invalid_argument,
        "the ranks of a reader would find different newest steps in a file that is being written; read "
        "the next one, or by a reader of one rank");
  }
  if (replay_ && !over_) {
    if (const auto skipped = replay_->skip_to_newest(moment(deadline)); !skipped) {
      return skipped.error();
    }
  }
  auto found = find_next(deadline);
  while (found && stream_->has(stream_->step(found->number + 1))) {
    auto newer = find_next(deadline);
    if (!newer) {
      break;
    }
    release(found->number, std::move(found->released));
    found = std::move(newer);
  }
  return begun(std::move(found));
}

}  // namespace locum::detail
