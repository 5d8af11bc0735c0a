#include "core/steps/step_input.hpp"

#include <algorithm>
#include <utility>

namespace locum::detail {

namespace {

Error end_of_stream() {
  return Error(Errc::end_of_stream, "the writer has closed this stream; there are no more steps");
}

Result<void> goes_on() {
  return {};
}

template <class T>
Result<void> without_value(const Result<T>& result) {
  return result ? Result<void>() : Result<void>(result.error());
}

}  // namespace

StepInput::~StepInput() {
  leave();
}

StepInput::Moment StepInput::moment(Deadline deadline) const {
  return side_.session.state()->completions()->moment(deadline);
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
  return Error(Errc::peer_lost,
               "the rank that publishes the steps of this stream was lost; all steps that its writers had "
               "ended were read")
      .at_rank(writer_.rank());
}

Result<void> StepInput::check_writer_of(std::uint64_t number) {
  if (writer_.state() == PresenceWatch::State::lost) {
    complete(number);
  }
  return check_writer();
}

Result<void> StepInput::check_first_reader() {
  if (first_reader_->is_here()) {
    return {};
  }
  return Error(Errc::peer_lost, "the first rank of this reader was lost, or has closed its StepReader")
      .at_rank(first_reader_->rank());
}

Result<std::uint64_t> StepInput::published(Moment until) const {
  const auto count =
      stream_->store().get<std::uint64_t>(stream_->published(), {.codec = {}, .deadline = until});
  if (count) {
    return **count;
  }
  return count.error().code() == Errc::not_found ? Result<std::uint64_t>(0)
                                                 : Result<std::uint64_t>(count.error());
}

// The count may be one too low.
Result<std::uint64_t> StepInput::first_step(Moment until) const {
  auto count = published(until);
  if (!count) {
    return count;
  }
  std::uint64_t first = *count + (stream_->has(stream_->step(*count)) ? 1 : 0);
  if (options_.start_at == StartAt::next) {
    return first;
  }
  while (first > 0 && stream_->has(stream_->step(first - 1))) {
    --first;
    if (options_.start_at == StartAt::newest) {
      break;
    }
  }
  return first;
}

Result<void> StepInput::find_stream(Moment until) {
  const auto store = side_.session.open(Stream::store_of(name_));
  if (!store) {
    return store.error();
  }
  const auto record = store->wait<StreamRecord>(Stream::name, until);
  if (!record) {
    return record.error().code() != Errc::timeout
               ? record.error()
               : Error(Errc::timeout, "no rank has opened a writer of this stream; check its name")
                     .about(name_);
  }
  auto presence = Presence::make(*store);
  if (!presence) {
    return presence.error();
  }
  stream_.emplace(*store, side_.session.state(), **record);
  presence_ = std::move(*presence);
  handle_ = presence_.handle();
  writer_ = PresenceWatch(stream_->session(), (*record)->writer);
  return stream_->put(stream_->member(side_.number, side_.index), handle_, until);
}

// The writer knows the side before that decides with which step it begins: from then on, a step that the
// side has seen stays. Every line may be repeated, by a call that goes on where one came to its deadline.
Result<void> StepInput::join_first(Moment until) {
  SideRecord mine{side_.number, {handle_}};
  for (std::size_t index = 1; index < side_.count; ++index) {
    const auto member =
        stream_->wait<Handle>(stream_->member(side_.number, index), until, [this] { return check_writer(); });
    if (!member) {
      return member.error();
    }
    mine.ranks.push_back(**member);
  }
  for (std::uint64_t place = 0;; ++place) {
    const std::string name = stream_->joined(place);
    if (auto put = stream_->put(name, mine, until); !put) {
      return put;
    }
    const auto there = stream_->store().get<SideRecord>(name, {.codec = {}, .deadline = until});
    if (there ? (*there)->side == side_.number : there.error().code() != Errc::peer_lost) {
      if (!there) {
        return there.error();
      }
      break;
    }
  }
  const auto first = first_step(until);
  if (!first) {
    return first.error();
  }
  const std::string from = stream_->from(side_.number);
  if (auto put = stream_->put(from, *first, until); !put) {
    return put;
  }
  const auto decided = stream_->store().get<std::uint64_t>(from, {.codec = {}, .deadline = until});
  next_ = decided ? **decided : 0;
  return without_value(decided);
}

Result<void> StepInput::join_others(Moment until) {
  if (!first_reader_) {
    const auto first =
        stream_->wait<Handle>(stream_->member(side_.number, 0), until, [this] { return check_writer(); });
    if (!first) {
      return first.error();
    }
    first_reader_.emplace(stream_->session(), **first);
  }
  const auto from = stream_->wait<std::uint64_t>(stream_->from(side_.number), until,
                                                 [this] { return check_first_reader(); });
  next_ = from ? **from : 0;
  return without_value(from);
}

// A stream that has ended meanwhile removes its records. Then the next one of that name is joined, if there
// is one by then.
Result<void> StepInput::join(Moment until) {
  while (!has_joined_) {
    if (!stream_) {
      if (auto found = find_stream(until); !found) {
        return found;
      }
    }
    auto joined = side_.index == 0 ? join_first(until) : join_others(until);
    if (!joined && joined.error().code() == Errc::timeout) {
      return joined;
    }
    const auto stream = stream_->store().get<StreamRecord>(Stream::name, {.codec = {}, .deadline = until});
    const bool is_other =
        stream ? (*stream)->number != stream_->record().number : stream.error().code() == Errc::not_found;
    has_joined_ = joined.has_value() && !is_other;
    if (!has_joined_) {
      leave();
      stream_.reset();
      first_reader_.reset();
      if (!is_other) {
        return joined;
      }
      if (!stream) {
        return end_of_stream();
      }
    }
  }
  next_part_ = next_;
  return {};
}

// Whoever needs the step decides what it is: made of the parts of its writers if all had ended them, else the
// failure of the stream. It can be put only once.
void StepInput::complete(std::uint64_t number) const {
  StepRecord failed;
  failed.state = StepRecord::State::failed;
  failed.lost_rank = writer_.rank();
  std::vector<StepRecord> parts;
  for (std::uint64_t writer = 0; stream_->record().writers > 1 && writer < stream_->record().writers;
       ++writer) {
    const auto part = stream_->store().get<StepRecord>(stream_->part(next_part_, writer));
    if (!part && part.error().code() != Errc::not_found) {
      return;
    }
    if (!part || (*part)->state != StepRecord::State::ready || !(*part)->is_valid()) {
      break;
    }
    parts.push_back(**part);
  }
  if (parts.empty() || parts.size() < stream_->record().writers) {
    (void)stream_->put(stream_->step(number), failed, moment({}));
    return;
  }
  StepRecord step = merged(parts);
  step.part = next_part_;
  (void)stream_->put(stream_->step(number), step, moment({}));
}

Result<View<StepRecord>> StepInput::await(std::uint64_t number, Moment until) {
  return stream_->wait<StepRecord>(stream_->step(number), until,
                                   [this, number] { return check_writer_of(number); });
}

// A side begins a step by saying so, and then looks whether it is still there; see StepQueue.
Result<std::uint64_t> StepInput::choose(Moment until) {
  for (std::uint64_t number = next_;;) {
    const std::string name = stream_->step(number);
    if (stream_->has(name)) {
      const std::string begun = stream_->begun(number, side_.number);
      if (const auto said = stream_->put(begun, next_, until); !said) {
        return said.error();
      }
      if (stream_->has(name)) {
        return number;
      }
      (void)stream_->store().evict(begun);
      ++number;
      continue;
    }
    const auto count = published(until);
    if (!count) {
      return count.error();
    }
    if (number < *count && !stream_->has(name)) {
      ++number;  // it was dropped
      continue;
    }
    const auto there =
        stream_->wait<StepRecord>(name, std::min(until, stream_->now() + Stream::look_interval),
                                  [&] { return check_writer_of(number); });
    if (!there && there.error().code() != Errc::timeout) {
      return number;  // there is no step any more: whoever waits for this one learns why
    }
    if (!there && stream_->now() >= until) {
      return there.error();
    }
  }
}

// Its first rank decides for all ranks of a side which step is the next one that was not dropped.
Result<std::uint64_t> StepInput::find_turn(Moment until) {
  if (side_.count == 1) {
    return choose(until);
  }
  const std::string turn = stream_->turn(side_.number, next_);
  if (side_.index == 0 && !stream_->has(turn)) {
    auto chosen = choose(until);
    if (!chosen) {
      return chosen;
    }
    if (const auto told = stream_->put(turn, *chosen, until); !told) {
      return told.error();
    }
  }
  const auto told = stream_->wait<std::uint64_t>(
      turn, until, [this] { return side_.index == 0 ? goes_on() : check_first_reader(); });
  return told ? Result<std::uint64_t>(**told) : Result<std::uint64_t>(told.error());
}

Result<StepInput::Found> StepInput::judged(std::uint64_t number, Result<View<StepRecord>> step,
                                           Moment until) {
  if (!step) {
    const Errc code = step.error().code();
    if (code == Errc::end_of_stream || code == Errc::peer_lost) {
      over_ = step.error();
    }
    return code != Errc::timeout
               ? step.error()
               : Error(Errc::timeout,
                       "the next step was not ended in time; wait longer, or check that all "
                       "writers end it");
  }
  const StepRecord& record = **step;
  if (!record.is_valid()) {
    return Error(Errc::corrupt,
                 "the record of a step is damaged; look for a rank that writes through a wild pointer");
  }
  switch (record.state) {
    case StepRecord::State::ready: {
      auto released = stream_->store().create<std::uint8_t>(stream_->released(number, handle_), Extents(1),
                                                            {.deadline = until});
      if (!released) {
        return released.error();
      }
      next_ = number + 1;
      next_part_ = record.part + 1;
      return Found{number, std::move(*step), std::move(*released)};
    }
    case StepRecord::State::ended:
      over_ = end_of_stream();
      break;
    case StepRecord::State::failed:
      over_ = record.lost_rank < 0
                  ? Error(Errc::peer_lost, "the writer could not publish this step; the stream ends here")
                  : Error(Errc::peer_lost,
                          "a rank was lost before it ended its part of this step; the stream ends here")
                        .at_rank(record.lost_rank);
      break;
  }
  return over_ ? *over_ : Error(Errc::corrupt, "the record of a step is damaged");
}

Result<StepInput::Found> StepInput::next(Deadline deadline) {
  if (over_) {
    return *over_;
  }
  const auto until = moment(deadline);
  if (const auto joined = join(until); !joined) {
    return joined.error();
  }
  std::uint64_t number = next_;
  if (stream_->record().may_drop != 0) {
    const auto turn = find_turn(until);
    if (!turn) {
      return judged(number, turn.error(), until);
    }
    number = *turn;
  }
  return judged(number, await(number, until), until);
}

// An error of a newer step is that of the next call.
Result<StepInput::Found> StepInput::latest(Deadline deadline) {
  auto found = next(deadline);
  while (found && stream_->has(stream_->step(found->number + 1))) {
    auto newer = next(deadline);
    if (!newer) {
      break;
    }
    (void)found->released.seal_async();
    found = std::move(newer);
  }
  return found;
}

// Without memory to say so, the presence tells.
void StepInput::leave() noexcept {
  if (!stream_ || !presence_.is_open()) {
    return;
  }
  try {
    const auto until = moment({});
    const bool writer_is_gone = !writer_.is_here();
    (void)stream_->put(stream_->left(handle_), std::uint8_t{1}, until);
    presence_.vanish(stream_->store(), until);
    stream_->clean_if_left(writer_is_gone);
  } catch (...) {
    presence_ = {};
  }
}

}  // namespace locum::detail
