#include "core/steps/step_queue.hpp"

#include <algorithm>
#include <string>

#include "core/steps/enclosed_blocks.hpp"
#include "core/steps/step_delay.hpp"

namespace locum::detail {

// The size of a step is not known before the first one.
bool StepQueue::has_room(std::size_t ahead) const noexcept {
  const std::size_t steps = steps_.size() + ahead;
  const bool fits = options_.queue_bytes == 0 || steps == 0 ||
                    (last_bytes_ && bytes_ + (ahead + 1) * *last_bytes_ <= options_.queue_bytes);
  return steps < options_.queue_steps && fits;
}

// The places are taken in order.
Result<void> StepQueue::await_readers(Moment until) {
  if (options_.rendezvous_readers == 0) {
    return {};
  }
  const auto too_few = [this] { return StepDelay(stream_).of_rendezvous(options_).error(stream_.title()); };
  const auto joined =
      stream_.wait<SideRecord>(stream_.joined(options_.rendezvous_readers - 1), until, [&]() -> Result<void> {
        tell_of_wait(too_few);
        return {};
      });
  if (joined || joined.error().code() != Errc::timeout) {
    return joined ? Result<void>() : Result<void>(joined.error());
  }
  return too_few();
}

// What a side says of itself never changes. Where it was on a node that is lost, so are its ranks.
Result<void> StepQueue::look() {
  while (stream_.has(stream_.joined(joined_))) {
    const auto record = stream_.get<SideRecord>(stream_.joined(joined_));
    if (!record && record.error().code() != Errc::peer_lost && record.error().code() != Errc::not_found) {
      return record.error();
    }
    ++joined_;
    if (record) {
      Side& side = sides_.emplace_back((*record)->side, (*record)->group);
      for (const Handle& presence : (*record)->ranks) {
        side.ranks.push_back({presence, PresenceWatch(stream_.session(), presence)});
      }
    }
  }
  for (Side& side : sides_) {
    ask(side);
    for (Reader& reader : side.ranks) {
      if (reader.is_gone) {
        continue;
      }
      if (const bool has_left = stream_.has(stream_.left(reader.presence));
          has_left || !reader.watch.is_here()) {
        forget(side, reader, has_left);
      }
    }
  }
  // Without its first rank, a side never decides. It may have decided before it left, behind the question.
  std::erase_if(sides_, [this](Side& side) {
    if (side.ranks.front().is_gone) {
      ask(side);
    }
    const bool is_gone = std::ranges::all_of(side.ranks, &Reader::is_gone) ||
                         (side.from == Side::undecided && side.ranks.front().is_gone);
    if (is_gone && side.group != 0) {
      give_back(side);
      tell_left(side);
    }
    return is_gone;
  });
  return {};
}

void StepQueue::ask(Side& side) const {
  if (side.from == Side::undecided) {
    if (const auto from = stream_.get<std::uint64_t>(stream_.from(side.number))) {
      side.from = **from;
    }
  }
}

// For those that could not say so themselves: without that the stream's records would stay.
void StepQueue::tell_left(const Side& side) const {
  for (const Reader& reader : side.ranks) {
    if (reader.is_gone) {
      (void)stream_.put(stream_.left(reader.presence), std::uint8_t{1}, stream_.moment({}));
    }
  }
}

// Whoever leaves has released its steps, or does not want them any more. Of a rank of a group that has died
// this is told once what its side had begun is given back: the others wait for that.
void StepQueue::forget(Side& side, Reader& reader, bool has_left) {
  reader.is_gone = true;
  const bool is_lost = !has_left && reader.watch.state() == PresenceWatch::State::lost;
  if (!has_left && side.group == 0) {
    tell_left(side);
  }
  std::vector<std::string> records;
  records.reserve(steps_.size());
  for (const Kept& step : steps_) {
    records.push_back(stream_.released(step.number, reader.presence));
  }
  const auto released = stream_.store().evict_batch(records);
  for (std::size_t at = 0; side.group != 0 && is_lost && at < steps_.size(); ++at) {
    if (!(released[at] && *released[at])) {
      side.unfinished.push_back(steps_[at].number);
    }
  }
}

void StepQueue::give_back(const Side& side) const {
  for (const Kept& step : steps_) {
    if (std::ranges::find(side.unfinished, step.number) != side.unfinished.end()) {
      const auto claim = begun(step, side);
      if (claim && claim->side == side.number) {
        stream_.evict(stream_.begun(step.number, side.reader()));
      }
    }
  }
}

std::optional<BegunRecord> StepQueue::begun(const Kept& step, const Side& side) const {
  const auto record = stream_.get<BegunRecord>(stream_.begun(step.number, side.reader()));
  return record ? std::optional(**record) : std::nullopt;
}

bool StepQueue::may_want(const Side& side, const Kept& step) const {
  if (side.from != Side::undecided && side.from > step.number) {
    return false;
  }
  const auto claim = side.group != 0 ? begun(step, side) : std::nullopt;
  return !claim || claim->side == side.number;
}

const StepQueue::Reader* StepQueue::holder_of(const Kept& step) const {
  for (const Side& side : sides_) {
    if (!may_want(side, step)) {
      continue;
    }
    for (const Reader& reader : side.ranks) {
      if (!reader.is_gone && !stream_.has(stream_.released(step.number, reader.presence))) {
        return &reader;
      }
    }
  }
  return nullptr;
}

bool StepQueue::is_held(const Kept& step) const {
  if (!drops()) {
    return holder_of(step) != nullptr;
  }
  return std::ranges::any_of(sides_, [&](const Side& side) {
    const auto claim = begun(step, side);
    return claim && claim->side == side.number && std::ranges::any_of(side.ranks, [&](const Reader& reader) {
             return !reader.is_gone && !stream_.has(stream_.released(step.number, reader.presence));
           });
  });
}

// An eviction that has lost a node with a copy is made all the same.
template <class IsHeld>
Result<bool> StepQueue::try_to_free(std::size_t at, IsHeld is_held) {
  Kept& step = steps_[at];
  const auto hidden = stream_.store().evict(stream_.step(step.number));
  if (!hidden && hidden.error().code() != Errc::peer_lost) {
    return hidden.error();
  }
  if (const auto looked = look(); !looked) {
    return looked.error();
  }
  if (is_held(step)) {
    const auto shown = stream_.put(stream_.step(step.number), step.record, stream_.moment({}));
    step.is_hidden = !shown;
    return shown ? Result<bool>(false) : Result<bool>(shown.error());
  }
  std::vector<std::string> records;
  for (const Side& side : sides_) {
    for (const Reader& reader : side.ranks) {
      records.push_back(stream_.released(step.number, reader.presence));
    }
    if (drops() || side.group != 0) {
      if (const auto claim = begun(step, side)) {
        records.push_back(stream_.turn(claim->side, claim->turn));
      }
      records.push_back(stream_.begun(step.number, side.reader()));
    }
  }
  stream_.evict_blocks(step.record);
  for (const std::string& record : records) {
    stream_.evict(record);  // at home here, and without a message
  }
  bytes_ -= step.bytes;
  steps_.erase(steps_.begin() + static_cast<std::ptrdiff_t>(at));
  return true;
}

bool StepQueue::is_here(const Reader& reader) const noexcept {
  return reader.presence.owner_node == stream_.session().options().node;
}

bool StepQueue::is_read_elsewhere() const {
  return std::ranges::any_of(sides_, [this](const Side& side) {
    return std::ranges::any_of(side.ranks,
                               [this](const Reader& reader) { return !reader.is_gone && !is_here(reader); });
  });
}

// Without readers, the steps are kept for those that come.
Result<void> StepQueue::free_released() {
  for (std::size_t at = 0; at < steps_.size() && !sides_.empty();) {
    const auto is_wanted = [this](const Kept& step) { return holder_of(step) != nullptr; };
    const auto freed = is_wanted(steps_[at]) ? Result<bool>(false) : try_to_free(at, is_wanted);
    if (!freed) {
      return freed.error();
    }
    at += *freed ? 0 : 1;
  }
  return {};
}

// A reader may begin a step while it is hidden, and gives it up then. After that it looks whether the step
// was shown again, and this looks after showing it whether it is held. So one of the two sees that the other
// has left the step.
Result<bool> StepQueue::drop_oldest() {
  const auto check = [this](const Kept& step) { return is_held(step); };
  for (std::size_t at = 0; at < steps_.size();) {
    if (check(steps_[at])) {
      ++at;
      continue;
    }
    auto dropped = try_to_free(at, check);
    if (!dropped || *dropped) {
      return dropped;
    }
  }
  return false;
}

Result<void> StepQueue::show_hidden() {
  for (Kept& step : steps_) {
    if (step.is_hidden) {
      if (auto shown = stream_.put(stream_.step(step.number), step.record, stream_.moment({})); !shown) {
        return shown;
      }
      step.is_hidden = false;
    }
  }
  return {};
}

Result<bool> StepQueue::find_room(std::size_t ahead) {
  if (const auto looked = look(); !looked) {
    return looked.error();
  }
  // In this order: a hidden step may lack the memory that is freed.
  if (const auto freed = free_released(); !freed) {
    return freed.error();
  }
  if (const auto shown = show_hidden(); !shown) {
    return shown.error();
  }
  return has_room(ahead);
}

Result<void> StepQueue::make_room(Moment until) {
  for (;;) {
    const auto room = find_room(0);
    if (!room || *room || drops()) {
      return room ? Result<void>() : Result<void>(room.error());
    }
    if (sides_.empty() && !awaits_reader()) {
      if (const auto dropped = drop_oldest(); !dropped) {
        return dropped.error();
      }
    } else if (auto released = await_release(until); !released) {
      return released;
    }
  }
}

StreamFailure StepQueue::delay() const {
  const auto held = std::ranges::find_if(steps_, [this](const Kept& step) { return holder_of(step); });
  const Reader* const holder = held != steps_.end() ? holder_of(*held) : nullptr;
  if (holder != nullptr) {
    return {.cause = StreamFailure::Cause::not_released, .rank = holder->watch.rank(), .step = held->number};
  }
  return joined_ > 0 && !steps_.empty()
             ? StreamFailure{.cause = StreamFailure::Cause::not_freed, .step = steps_.front().number}
             : StreamFailure{.cause = StreamFailure::Cause::no_reader, .step = steps_.size()};
}

// Joining is told by the place, which look() has seen to be free.
Result<void> StepQueue::await_first_reader(Moment until) {
  tell_of_wait([this] { return delay().error(stream_.title()); });
  const auto joined = stream_.wait_a_while<SideRecord>(
      stream_.joined(joined_), std::min(until, stream_.now() + Stream::look_interval));
  if (joined || (joined.error().code() == Errc::timeout && stream_.now() < until)) {
    return {};
  }
  return joined.error().code() != Errc::timeout ? joined.error() : delay().error(stream_.title());
}

// Returns early, since others may have joined, left or died.
Result<void> StepQueue::await_release(Moment until) {
  if (sides_.empty()) {
    return await_first_reader(until);
  }
  const auto held = std::ranges::find_if(steps_, [this](const Kept& step) { return holder_of(step); });
  const Reader* const holder = held != steps_.end() ? holder_of(*held) : nullptr;
  if (holder == nullptr) {
    return {};
  }
  const auto released =
      stream_.wait_a_while<std::uint8_t[]>(stream_.released(held->number, holder->presence),
                                           std::min(until, stream_.now() + Stream::look_interval),
                                           is_here(*holder) ? Stream::Maker::here : Stream::Maker::elsewhere);
  if (released || (released.error().code() == Errc::timeout && stream_.now() < until)) {
    return {};
  }
  return released.error().code() != Errc::timeout ? released.error() : delay().error(stream_.title());
}

// A step that may be dropped makes room for what is being written; one that may not is waited for.
Result<bool> StepQueue::free_memory(Moment until) {
  const std::size_t before = steps_.size();
  if (auto room = find_room(0); !room) {
    return room;
  }
  if (steps_.size() < before || steps_.empty()) {
    return steps_.size() < before;
  }
  if (options_.when_full == WhenFull::fail || options_.when_full == WhenFull::drop_newest) {
    return false;
  }
  if (drops() || (sides_.empty() && !awaits_reader())) {
    return drop_oldest();
  }
  const auto released = await_release(until);
  return released ? Result<bool>(true) : Result<bool>(released.error());
}

Result<void> StepQueue::show(const StepRecord& step, Moment until, const GoesOn& goes_on) {
  auto made = stream_.put(stream_.step(next_), step, until);
  while (!made && made.error().code() == Errc::out_of_memory && !steps_.empty()) {
    if (auto may_wait = goes_on(); !may_wait) {
      return may_wait;
    }
    const auto freed = free_memory(stream_.now() + Stream::look_interval);
    if (freed ? !*freed : freed.error().code() != Errc::timeout) {
      break;
    }
    made = stream_.put(stream_.step(next_), step, until);
  }
  return made;
}

// The number of steps is a hint for those who join: it is right again with the next step.
Result<void> StepQueue::publish(StepRecord step, Moment until, const GoesOn& goes_on) {
  const std::uint64_t bytes = step.bytes();
  if (drops()) {
    last_bytes_ = bytes;
    auto room = find_room(0);
    while (room && !*room) {
      const bool oldest = options_.when_full == WhenFull::drop_oldest || sides_.empty();
      const auto dropped = oldest ? drop_oldest() : Result<bool>(false);
      if (!dropped) {
        return dropped.error();
      }
      if (!*dropped) {
        stream_.evict_blocks(step);
        return {};
      }
      room = has_room(0);
    }
    if (!room) {
      return room.error();
    }
  }
  if (is_read_elsewhere()) {
    const SessionOptions& own = stream_.session().options();
    enclose_blocks(step, stream_.session().connector(), own.node, own.options.inline_bytes);
  }
  if (auto shown = show(step, until, goes_on); !shown) {
    return shown;
  }
  last_bytes_ = bytes;
  bytes_ += bytes;
  steps_.push_back({next_, bytes, std::move(step)});
  ++next_;
  const PublishedRecord progress{next_, steps_.front().number};
  (void)stream_.store().replace(stream_.published(), progress, {.codec = {}, .deadline = until});
  return {};
}

// What ranks had begun that have died is given back to nobody from now on.
Result<void> StepQueue::end(const StepRecord& last, Moment until) {
  auto ended = end_and_drain(last, until);
  for (const Side& side : sides_) {
    if (side.group != 0) {
      tell_left(side);
    }
  }
  return ended;
}

Result<void> StepQueue::end_and_drain(const StepRecord& last, Moment until) {
  const auto in_time = [&] {
    return stream_.now() < until ? Result<void>() : delay().error(stream_.title());
  };
  if (auto shown = show(last, until, in_time); !shown) {
    return shown;
  }
  for (;;) {
    // Asked before look(): who has retired the stream had joined it.
    const auto over = stream_.is_over(until);
    was_read_ = over && *over;
    if (const auto room = find_room(0); !room) {
      return room.error();
    }
    const bool is_awaited = awaits_reader() && last.state == StepRecord::State::ended;
    for (bool dropped = !awaits_reader(); sides_.empty() && dropped && !steps_.empty();) {
      const auto done = drop_oldest();
      if (!done) {
        return done.error();
      }
      dropped = *done;
    }
    if (steps_.empty()) {
      return {};
    }
    if (awaits_reader() && !is_awaited) {
      return delay().error(stream_.title());
    }
    if (auto released = await_release(until); !released) {
      return released;
    }
  }
}

}  // namespace locum::detail
