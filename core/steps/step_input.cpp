#include "core/steps/step_input.hpp"

#include <algorithm>
#include <utility>

namespace locum::detail {

namespace {

Error end_of_stream() {
  return Error(Errc::end_of_stream, "the writer has closed this stream; there are no more steps");
}

}  // namespace

StepInput::~StepInput() {
  leave({});
}

StepInput::Moment StepInput::moment(Deadline deadline) const {
  return side_.session.state()->completions()->moment(deadline);
}

template <class Change>
Result<std::vector<ReaderRecord>> StepInput::change_readers(Change change, Moment until) const {
  const Store& store = stream_->store();
  const std::string name = stream_->readers();
  for (;;) {
    auto changed = store.update<std::vector<ReaderRecord>>(name,
                                                           [&](std::vector<ReaderRecord> readers) {
                                                             change(readers);
                                                             return readers;
                                                           },
                                                           {.deadline = until});
    if (changed || changed.error().code() != Errc::not_found) {
      return changed;
    }
    std::vector<ReaderRecord> readers;
    change(readers);
    const auto made = store.put(name, readers, {.codec = {}, .deadline = until});
    if (!made && made.error().code() != Errc::key_exists && made.error().code() != Errc::peer_lost) {
      return made.error();
    }
    if (made) {
      return readers;
    }
  }
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

Result<std::uint64_t> StepInput::first_step(Moment until) const {
  const auto count = published(until);
  if (!count || options_.start_at == StartAt::next) {
    return count;
  }
  std::uint64_t first = *count;
  while (first > 0 && stream_->has(stream_->step(first - 1))) {
    --first;
    if (options_.start_at == StartAt::newest) {
      break;
    }
  }
  return first;
}

// Its ranks are known to the writer before it is decided which step they begin with: until then, no step is
// freed. A step that was hidden meanwhile is not there for them.
Result<void> StepInput::join_first(Moment until) {
  std::vector<ReaderRecord> mine{{side_.number, ReaderRecord::undecided, handle_}};
  for (std::size_t index = 1; index < side_.count; ++index) {
    const auto member =
        stream_->wait<Handle>(stream_->member(side_.number, index), until, [] { return Result<void>(); });
    if (!member) {
      return member.error();
    }
    mine.push_back({side_.number, ReaderRecord::undecided, **member});
  }
  const auto all = change_readers(
      [&](std::vector<ReaderRecord>& readers) {
        std::erase_if(readers, [&](const auto& reader) { return reader.side == side_.number; });
        readers.insert(readers.end(), mine.begin(), mine.end());
      },
      until);
  if (!all) {
    return all.error();
  }
  std::vector<std::uint64_t> sides;
  for (const ReaderRecord& reader : *all) {
    sides.push_back(reader.side);
  }
  std::ranges::sort(sides);
  sides.erase(std::ranges::unique(sides).begin(), sides.end());
  for (;;) {
    const auto first = first_step(until);
    if (!first) {
      return first.error();
    }
    next_ = *first;
    const auto decided = change_readers(
        [&](std::vector<ReaderRecord>& readers) {
          for (ReaderRecord& reader : readers) {
            if (reader.side == side_.number) {
              reader.from = next_;
            }
          }
        },
        until);
    if (!decided) {
      return decided.error();
    }
    const auto count = published(until);
    if (!count) {
      return count.error();
    }
    if (next_ >= *count || stream_->has(stream_->step(next_))) {
      break;
    }
  }
  if (side_.count > 1) {
    if (const auto told = stream_->put(stream_->turn(side_.number, 0), next_, until); !told) {
      return told;
    }
  }
  return stream_->put(stream_->joined(sides.size()), std::uint8_t{1}, until);
}

Result<void> StepInput::join(Moment until) {
  if (stream_) {
    return {};
  }
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
  Result<void> joined;
  if (side_.index == 0) {
    joined = join_first(until);
  } else {
    joined = stream_->put(stream_->member(side_.number, side_.index), handle_, until);
    if (joined) {
      const auto first = stream_->wait<std::uint64_t>(stream_->turn(side_.number, 0), until,
                                                      [this] { return check_writer(0); });
      joined = first ? Result<void>() : Result<void>(first.error());
      next_ = first ? **first : 0;
    }
  }
  if (!joined) {
    leave(until);
    stream_.reset();
  }
  return joined;
}

Result<void> StepInput::check_writer(std::uint64_t number) {
  switch (writer_.state()) {
    case PresenceWatch::State::here:
      return {};
    case PresenceWatch::State::left:
      return end_of_stream();
    case PresenceWatch::State::lost:
      break;
  }
  complete(number);
  return Error(Errc::peer_lost,
               "the rank that publishes the steps of this stream was lost; all steps that "
               "its writers had ended were read")
      .at_rank(writer_.rank());
}

// Whoever needs the step makes it, if all its writers had ended it: it can be put only once.
void StepInput::complete(std::uint64_t number) const {
  std::vector<StepRecord> parts;
  for (std::uint64_t writer = 0; stream_->record().writers > 1 && writer < stream_->record().writers;
       ++writer) {
    const auto part = stream_->store().get<StepRecord>(stream_->part(number, writer));
    if (!part || (*part)->state != StepRecord::State::ready) {
      return;
    }
    parts.push_back(**part);
  }
  if (!parts.empty()) {
    (void)stream_->put(stream_->step(number), merged(std::move(parts)), moment({}));
  }
}

Result<View<StepRecord>> StepInput::await(std::uint64_t number, Moment until) {
  return stream_->wait<StepRecord>(stream_->step(number), until,
                                   [this, number] { return check_writer(number); });
}

// A side begins a step by saying so, and then looks whether it is still there; see StepQueue.
Result<std::uint64_t> StepInput::choose(Moment until) {
  for (std::uint64_t number = next_;;) {
    const std::string name = stream_->step(number);
    if (stream_->has(name)) {
      const std::string begun = stream_->begun(number, side_.number);
      if (const auto said = stream_->put(begun, std::uint8_t{1}, until); !said) {
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
    const auto there = stream_->wait<StepRecord>(
        name, std::min(until, stream_->now() + Stream::look_interval), [&] { return check_writer(number); });
    if (!there && (there.error().code() != Errc::timeout || stream_->now() >= until)) {
      return there.error();
    }
  }
}

Result<StepInput::Found> StepInput::judged(std::uint64_t number, Result<View<StepRecord>> step) {
  if (!step) {
    const Errc code = step.error().code();
    if (code == Errc::end_of_stream || code == Errc::peer_lost) {
      over_ = step.error();
    }
    return code != Errc::timeout ? step.error()
                                 : Error(Errc::timeout,
                                         "the next step was not ended in time; wait longer, or "
                                         "check that all writers end it");
  }
  const StepRecord& record = **step;
  if (!record.is_valid()) {
    return Error(Errc::corrupt,
                 "the record of a step is damaged; look for a rank that writes through a wild pointer");
  }
  if (record.state == StepRecord::State::ready) {
    next_ = number + 1;
    return Found{number, std::move(*step)};
  }
  over_ = record.state == StepRecord::State::ended
              ? end_of_stream()
              : Error(Errc::peer_lost,
                      "a rank was lost before it ended its part of this step; the stream ends here")
                    .at_rank(record.lost_rank);
  return *over_;
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
    Result<std::uint64_t> chosen(number);
    const std::string turn = stream_->turn(side_.number, turn_ + 1);
    if (side_.index == 0) {
      chosen = choose(until);
      if (chosen && side_.count > 1) {
        if (const auto told = stream_->put(turn, *chosen, until); !told) {
          return told.error();
        }
      }
    } else {
      const auto told = stream_->wait<std::uint64_t>(turn, until, [this] { return check_writer(next_); });
      chosen = told ? Result<std::uint64_t>(**told) : Result<std::uint64_t>(told.error());
    }
    if (!chosen) {
      return judged(number, chosen.error());
    }
    ++turn_;
    number = *chosen;
  }
  return judged(number, await(number, until));
}

Result<StepInput::Found> StepInput::latest(Deadline deadline) {
  auto found = next(deadline);
  while (found && stream_->has(stream_->step(found->number + 1))) {
    auto newer = next(deadline);
    if (!newer) {
      return newer.error().code() == Errc::end_of_stream ? std::move(found) : std::move(newer);
    }
    release(found->number);
    found = std::move(newer);
  }
  return found;
}

void StepInput::release(std::uint64_t number) const noexcept {
  try {
    (void)stream_->store().put_async(stream_->released(number, handle_), std::uint8_t{1});
  } catch (...) {  // no memory: it is released when this rank leaves
  }
}

void StepInput::leave(Deadline deadline) noexcept {
  if (!stream_ || !presence_.is_open()) {
    return;
  }
  const auto until = moment(deadline);
  try {
    (void)change_readers(
        [&](std::vector<ReaderRecord>& readers) {
          std::erase_if(readers, [&](const auto& reader) { return reader.reader.key == handle_.key; });
        },
        until);
  } catch (...) {  // no memory: the writer learns of it by the presence
  }
  presence_.vanish(stream_->store(), until);
  stream_->clean_if_left();
}

}  // namespace locum::detail
