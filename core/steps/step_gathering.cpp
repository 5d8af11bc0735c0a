#include "core/steps/step_gathering.hpp"

#include <algorithm>
#include <utility>

namespace locum::detail {

StepGathering::StepGathering(const Stream& stream, StepQueue& queue, std::uint64_t side,
                             const StepWriterOptions& options)
    : stream_(stream), queue_(queue), side_(side), options_(options) {
  last_.state = StepRecord::State::ended;
  thread_ = std::thread([this] { work(); });
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
  const bool drops = options_.when_full != WhenFull::wait;
  for (;;) {
    const std::uint64_t ahead = granted_ - gathered_;
    const auto room = drops ? Result<bool>(ahead < 2) : queue_.find_room(ahead);
    if (!room) {
      return room.error();
    }
    if (!*room && ahead > 0) {
      return {};
    }
    if (!*room) {
      const auto made = queue_.make_room(stream_.now() + Stream::look_interval);
      if (const auto goes_on = may_wait(); !goes_on) {
        return goes_on;
      }
      if (!made && made.error().code() == Errc::timeout) {
        continue;
      }
      if (!made) {
        return made;
      }
    }
    if (const auto told = stream_.put(stream_.room(granted_), std::int32_t{-1}, Moment::max()); !told) {
      return told;
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
    parts.push_back(**part);
  }
  const bool ended =
      std::ranges::any_of(parts, [](const auto& part) { return part.state != StepRecord::State::ready; });
  StepRecord step = merged(std::move(parts));
  step.state = ended ? StepRecord::State::ended : StepRecord::State::ready;
  return step;
}

void StepGathering::fail(int lost_rank) {
  last_.state = StepRecord::State::failed;
  last_.lost_rank = lost_rank;
  (void)stream_.put(stream_.step(queue_.next()), last_, Moment::max());
  for (std::uint32_t ahead = 0; ahead <= options_.queue_steps + 2; ++ahead) {
    (void)stream_.put(stream_.room(granted_ + ahead), std::int32_t{lost_rank}, Moment::max());
  }
}

void StepGathering::work() {
  const auto run = [this]() -> Result<void> {
    if (auto known = await_writers(); !known) {
      return known;
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
      if (auto published = queue_.publish(*step, stream_.moment({})); !published) {
        return published;
      }
      for (std::uint64_t writer = 0; writer < stream_.record().writers; ++writer) {
        (void)stream_.store().evict(stream_.part(gathered_, writer));
      }
      (void)stream_.store().evict(stream_.room(gathered_));
      ++gathered_;
    }
  };
  const auto done = run();
  if (!done && done.error().code() != Errc::cancelled) {
    fail(done.error().rank());
  }
}

}  // namespace locum::detail
