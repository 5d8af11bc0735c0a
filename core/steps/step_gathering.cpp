#include "core/steps/step_gathering.hpp"

#include <algorithm>
#include <exception>
#include <system_error>
#include <utility>

namespace locum::detail {

StepGathering::StepGathering(const Stream& stream, StepQueue& queue, std::uint64_t side,
                             const StepWriterOptions& options, std::shared_ptr<StepIndex> index)
    : stream_(stream), queue_(queue), side_(side), options_(options), index_(std::move(index)) {
  last_.state = StepRecord::State::failed;  // until all have ended it
  try {
    thread_ = std::thread([this] { work(); });
  } catch (const std::system_error& error) {
    throw Error(Errc::out_of_memory, "this process cannot start the thread that gathers the writers' steps",
                error.what());
  }
}

StepGathering::~StepGathering() {
  (void)stop(Moment::min());
}

StepRecord StepGathering::stop(Moment until) {
  if (thread_.joinable()) {
    stop_at_.store(until.time_since_epoch().count(), std::memory_order_relaxed);
    thread_.join();
  }
  return last_;
}

Result<void> StepGathering::may_wait() const {
  if (stream_.now().time_since_epoch().count() < stop_at_.load(std::memory_order_relaxed)) {
    return {};
  }
  return Error(Errc::cancelled, "the stream of steps is being closed");
}

Result<void> StepGathering::may_wait_for(std::size_t writer) {
  if (writer > 0 && !writers_[writer - 1].is_here()) {
    return Error(Errc::peer_lost, "a writer was lost").at_rank(writers_[writer - 1].rank());
  }
  return may_wait();
}

Result<void> StepGathering::await_writers() {
  for (std::uint64_t writer = 1; writer < stream_.record().writers; ++writer) {
    const auto there =
        stream_.wait<Handle>(stream_.member(side_, writer), Moment::max(), [this] { return may_wait(); });
    if (!there) {
      return there.error();
    }
    writers_.emplace_back(stream_.session(), **there);
  }
  return {};
}

// As far ahead as there is room without dropping steps; at least for the step that is gathered next.
Result<void> StepGathering::grant_room() {
  for (;;) {
    const std::uint64_t ahead = granted_ - gathered_;
    const auto room = queue_.drops() ? Result<bool>(ahead < 2) : queue_.find_room(ahead);
    if (!room) {
      return room.error();
    }
    if (!*room && options_.when_full == WhenFull::fail) {
      if (auto told = stream_.put(stream_.full(granted_), std::uint8_t{1}, Moment::max()); !told) {
        return told;
      }
    }
    if (!*room && ahead > 0) {
      return {};
    }
    if (!*room) {
      auto made = queue_.make_room(stream_.now() + Stream::look_interval);
      if (auto goes_on = may_wait(); !goes_on) {
        return goes_on;
      }
      if (!made && made.error().code() == Errc::timeout) {
        continue;
      }
      if (!made) {
        return made;
      }
    }
    if (auto told = stream_.put(stream_.room(granted_), RoomRecord{}, Moment::max()); !told) {
      return told;
    }
    if (options_.when_full == WhenFull::fail) {
      (void)stream_.store().evict(stream_.full(granted_));
    }
    ++granted_;
  }
}

// The record of a step that was not ended by all says how the stream ends.
Result<StepRecord> StepGathering::gather(std::uint64_t number) {
  std::vector<StepRecord> parts;
  for (std::size_t writer = 0; writer < stream_.record().writers; ++writer) {
    const auto part = stream_.wait<StepRecord>(stream_.part(number, writer), Moment::max(),
                                               [&] { return may_wait_for(writer); });
    if (!part) {
      return part.error();
    }
    if (!(*part)->is_valid()) {
      return Error(Errc::corrupt, "the record of a step is damaged");
    }
    parts.push_back(**part);
  }
  const bool ended =
      std::ranges::any_of(parts, [](const auto& part) { return part.state != StepRecord::State::ready; });
  StepRecord step = merged(parts);
  step.state = ended ? StepRecord::State::ended : StepRecord::State::ready;
  step.part = number;
  return step;
}

// No writer has begun a step beyond the rooms that were granted.
void StepGathering::fail(const Error& error) {
  last_.lost_rank = error.code() == Errc::peer_lost ? error.rank() : -1;
  (void)stream_.put(stream_.step(queue_.next()), last_, stream_.moment({}));
  (void)stream_.put(stream_.room(granted_),
                    RoomRecord{1, last_.lost_rank, static_cast<std::uint32_t>(error.code())},
                    stream_.moment({}));
}

Result<void> StepGathering::run() {
  if (auto known = await_writers(); !known) {
    return known;
  }
  while (true) {
    auto joined = queue_.await_readers(stream_.now() + Stream::look_interval);
    if (joined) {
      break;
    }
    if (joined.error().code() != Errc::timeout) {
      return joined;
    }
    if (auto goes_on = may_wait(); !goes_on) {
      return goes_on;
    }
  }
  for (;;) {
    if (auto granted = grant_room(); !granted) {
      return granted;
    }
    const auto step = gather(gathered_);
    if (!step) {
      return step.error();
    }
    if (step->state != StepRecord::State::ready) {
      for (const BlockRecord& block : step->blocks) {
        (void)stream_.store().evict(block.key);
      }
      return {};
    }
    if (auto shown = index_ ? index_->show(gathered_, *step) : Result<void>(); !shown) {
      return shown;
    }
    if (auto published = queue_.publish(*step, stream_.moment({})); !published) {
      return published;
    }
    for (std::uint64_t writer = 0; writer < stream_.record().writers; ++writer) {
      (void)stream_.store().evict(stream_.part(gathered_, writer));
    }
    (void)stream_.store().evict(stream_.room(gathered_));
    if (options_.when_full == WhenFull::fail) {
      (void)stream_.store().evict(stream_.refusals(gathered_));
    }
    ++gathered_;
  }
}

void StepGathering::work() {
  try {
    const auto done = run();
    if (done) {
      last_.state = StepRecord::State::ended;
    } else if (done.error().code() == Errc::cancelled) {
      error_ = Error(Errc::timeout,
                     "the other ranks of this writer had not closed it by the deadline: steps that they have "
                     "ended since are lost, and a file is not complete; give close() more time");
    } else {
      error_ = done.error();
      fail(*error_);
    }
  } catch (const std::exception& error) {
    try {
      error_ = Error(Errc::out_of_memory, "the writers' steps could not be gathered", error.what());
      fail(*error_);
    } catch (...) {  // no memory for that: the others wait until their deadlines
    }
  }
}

}  // namespace locum::detail
