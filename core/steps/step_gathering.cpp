#include "core/steps/step_gathering.hpp"

#include <algorithm>
#include <utility>

#include "core/async/completion_counter.hpp"
#include "core/detail/session_state.hpp"
#include "core/steps/step_delay.hpp"
#include "core/value/errors.hpp"

namespace locum::detail {

StepGathering::StepGathering(const Stream& stream, StepQueue& queue, const StepWriterOptions& options,
                             std::shared_ptr<StepIndex> index)
    : stream_(stream),
      queue_(queue),
      options_(options),
      index_(std::move(index)),
      ended_(stream.session().completions()) {
  last_.state = StepRecord::State::failed;  // until all have ended it
  thread_
      .start("locum steps",
             [this] {
               work();
               ended_.set(true);
             })
      .value();
}

StepGathering::~StepGathering() {
  (void)stop(Moment::min());
}

StepRecord StepGathering::stop(Moment until) {
  if (thread_.is_started()) {
    stop_at_.store(until.time_since_epoch().count(), std::memory_order_relaxed);
    // As results are waited for: the thread, and other ranks, may need messages that nobody else drives.
    (void)ended_.wait(Moment::max());
    thread_.join();
    for (std::size_t writer = 1; writer <= writers_.size(); ++writer) {
      if (writers_[writer - 1].state() == PresenceWatch::State::lost) {
        stream_.evict(stream_.writer(writer));  // which the rank would have done
      }
    }
  }
  return last_;
}

Result<void> StepGathering::check() const {
  return ended_.is_set() && failure_.has_failed() ? Result<void>(failure_.error(stream_.title()))
                                                  : Result<void>();
}

int StepGathering::rank_of(std::size_t writer) const noexcept {
  if (writer == 0) {
    return static_cast<int>(stream_.record().writer.key.creator);
  }
  return writer <= writers_.size() ? writers_[writer - 1].rank() : -1;
}

Error StepGathering::failed_by(const StreamFailure& failure) {
  failure_ = failure;
  return failure.error(stream_.title());
}

StreamFailure StepGathering::who_is_late() const {
  if (writers_.size() + 1 < stream_.record().writers) {
    return {.cause = StreamFailure::Cause::not_opened,
            .other = static_cast<std::int32_t>(writers_.size() + 1)};
  }
  const std::size_t writer = first_missing();
  return writer < stream_.record().writers ? StreamFailure{.cause = StreamFailure::Cause::not_closed,
                                                           .rank = rank_of(writer),
                                                           .other = rank_of(0),
                                                           .step = gathered_}
                                           : queue_.delay();
}

std::size_t StepGathering::first_missing() const {
  return StepDelay(stream_).missing_part(gathered_);
}

// A rank that fails says so under one name, so that this does not have to wait for the parts of others first:
// but for those of steps that it had ended. Where there is no time for these, that is still the cause.
Result<void> StepGathering::may_wait() {
  const StreamFailure failure = stream_.has(stream_.failure()) ? stream_.failed() : StreamFailure{};
  if (failure.has_failed() && failure.step <= gathered_) {
    return failed_by(failure);
  }
  if (stream_.now().time_since_epoch().count() < stop_at_.load(std::memory_order_relaxed)) {
    return {};
  }
  return failed_by(failure.has_failed() ? failure : who_is_late());
}

// Its part of the step that is gathered next is all that may still come of a writer that has died.
Result<void> StepGathering::may_wait_for_readers() {
  for (std::size_t writer = 1; writer <= writers_.size(); ++writer) {
    if (!writers_[writer - 1].is_here() && !stream_.has(stream_.part(gathered_, writer))) {
      return failed_by({.cause = StreamFailure::Cause::lost, .rank = rank_of(writer), .step = gathered_});
    }
  }
  return may_wait();
}

// A writer may wait for memory that released steps have. Nobody else frees these. One that is ahead, and is
// not to wait for room, is told that there is none: only now, since it would otherwise collect refusals of
// its next step as fast as others work off those of this one, and of each step more.
Result<void> StepGathering::may_wait_for(std::size_t writer) {
  if (writer > 0 && !writers_[writer - 1].is_here()) {
    return failed_by({.cause = StreamFailure::Cause::lost, .rank = rank_of(writer), .step = gathered_});
  }
  const Moment now = stream_.now();
  if (freed_at_ == Moment{}) {
    freed_at_ = now;
  } else if (now - freed_at_ >= Stream::look_interval) {
    freed_at_ = now;
    const std::uint64_t ahead = granted_ - gathered_;
    const auto room = queue_.find_room(ahead);
    if (!room) {
      return room.error();
    }
    if (!*room && options_.when_full == WhenFull::fail) {
      if (auto told = tell(stream_.full(granted_), std::uint8_t{1}); !told) {
        return told;
      }
    }
  }
  return may_wait();
}

Result<void> StepGathering::await_writers() {
  for (std::uint64_t writer = 1; writer < stream_.record().writers; ++writer) {
    const auto there =
        stream_.wait<Handle>(stream_.writer(writer), Moment::max(), [this] { return may_wait(); });
    if (!there) {
      return there.error();
    }
    writers_.emplace_back(stream_.session(), **there);
  }
  return {};
}

// Where the node has no memory for a record, steps that readers release give some.
template <class T>
Result<void> StepGathering::tell(const std::string& record, const T& value) {
  for (;;) {
    auto told = stream_.put(record, value, Moment::max());
    if (told || told.error().code() != Errc::out_of_memory || queue_.is_empty()) {
      return told;
    }
    const auto freed = queue_.free_memory(stream_.now() + Stream::look_interval);
    if (!freed && freed.error().code() != Errc::timeout) {
      return freed.error();
    }
    if (auto goes_on = may_wait(); !goes_on || (freed && !*freed)) {
      return goes_on ? told : goes_on;
    }
  }
}

// As far ahead as there is room without dropping steps; at least for the step that is gathered next. A rank
// that is ahead of others is not told at once that the queue is full: see may_wait_for().
Result<void> StepGathering::grant_room() {
  for (;;) {
    const std::uint64_t ahead = granted_ - gathered_;
    const auto room = queue_.drops() ? Result<bool>(ahead < 2) : queue_.find_room(ahead);
    if (!room) {
      return room.error();
    }
    if (!*room && options_.when_full == WhenFull::fail && ahead == 0) {
      if (auto told = tell(stream_.full(granted_), std::uint8_t{1}); !told) {
        return told;
      }
    }
    if (!*room && ahead > 0) {
      return {};
    }
    if (!*room) {
      auto made = queue_.make_room(stream_.now() + Stream::look_interval);
      if (auto goes_on = made ? may_wait() : may_wait_for_readers(); !goes_on) {
        return goes_on;
      }
      if (!made && made.error().code() == Errc::timeout) {
        if (first_missing() == stream_.record().writers) {
          return {};  // all have closed the stream, for which they need no room
        }
        continue;
      }
      if (!made) {
        return made;
      }
    }
    if (auto told = tell(stream_.room(granted_), RoomRecord{}); !told) {
      return told;
    }
    if (options_.when_full == WhenFull::fail) {
      stream_.evict(stream_.full(granted_));
    }
    ++granted_;
  }
}

// Those that are too large to be kept at home at the same time: each is the object of another rank.
void StepGathering::evict_records() const {
  std::vector<std::string> records{stream_.room(gathered_)};
  for (std::uint64_t writer = 0; writer < stream_.record().writers; ++writer) {
    records.push_back(stream_.part(gathered_, writer));
  }
  if (options_.when_full == WhenFull::fail) {
    records.push_back(stream_.refusals(gathered_));
  }
  (void)stream_.store().evict_batch(records);
}

// Variables are in order of their names, blocks in order of their variables.
std::optional<StreamFailure> StepGathering::two_types(const StepRecord& step) const {
  const auto differs = [](const VariableRecord& one, const VariableRecord& next) {
    return one.name == next.name && one.type != next.type;
  };
  const auto found = std::ranges::adjacent_find(step.variables, differs);
  if (found == step.variables.end()) {
    return std::nullopt;
  }
  const auto writer_of = [&step](std::uint32_t variable) {
    const auto block = std::ranges::lower_bound(step.blocks, variable, {}, &BlockRecord::variable);
    return block != step.blocks.end() ? block->writer : 0U;
  };
  const auto variable = static_cast<std::uint32_t>(found - step.variables.begin());
  StreamFailure failure{.cause = StreamFailure::Cause::two_types,
                        .rank = rank_of(writer_of(variable)),
                        .other = rank_of(writer_of(variable + 1)),
                        .step = gathered_};
  found->name.copy(failure.variable.data(), failure.variable.size());
  return failure;
}

// The record of a step that no writer has begun says that the stream has ended.
Result<StepRecord> StepGathering::gather(std::uint64_t number) {
  std::vector<StepRecord> parts;
  freed_at_ = {};
  for (std::size_t writer = 0; writer < stream_.record().writers; ++writer) {
    const auto part = stream_.wait<StepRecord>(
        stream_.part(number, writer), Moment::max(), [&] { return may_wait_for(writer); },
        Stream::Maker::elsewhere);
    if (!part) {
      return part.error();
    }
    if (!(*part)->is_valid()) {
      return memory_damaged("the record of a step is damaged");
    }
    parts.push_back(**part);
  }
  const auto first = [&parts](StepRecord::State state) {
    return static_cast<std::size_t>(std::ranges::find(parts, state, &StepRecord::state) - parts.begin());
  };
  const std::size_t closed = first(StepRecord::State::ended);
  const std::size_t ready = first(StepRecord::State::ready);
  StepRecord step = merged(parts);
  if (const std::size_t failed = first(StepRecord::State::failed); failed < parts.size()) {
    stream_.evict_blocks(step);
    const StreamFailure said = stream_.failed();
    return failed_by(said.has_failed() ? said
                                       : StreamFailure{.cause = StreamFailure::Cause::not_ended,
                                                       .rank = rank_of(failed),
                                                       .step = number});
  }
  if (closed < parts.size() && ready < parts.size()) {
    stream_.evict_blocks(step);
    return failed_by({.cause = StreamFailure::Cause::unequal,
                      .rank = rank_of(closed),
                      .other = rank_of(ready),
                      .step = number});
  }
  if (const auto disagreement = two_types(step)) {
    stream_.evict_blocks(step);
    return failed_by(*disagreement);
  }
  step.state = closed < parts.size() ? StepRecord::State::ended : StepRecord::State::ready;
  step.part = number;
  return step;
}

// No writer has begun a step beyond the rooms that were granted.
void StepGathering::fail(const Error& error) {
  if (!failure_.has_failed()) {
    failure_ = {.cause = StreamFailure::Cause::not_published,
                .rank = rank_of(0),
                .code = static_cast<std::uint32_t>(error.code()),
                .step = gathered_};
  }
  stream_.fail(failure_);
  last_.lost_rank = failure_.cause == StreamFailure::Cause::lost ? failure_.rank : -1;
  (void)stream_.put(stream_.step(queue_.next()), last_, stream_.moment({}));
  (void)stream_.put(stream_.room(granted_), RoomRecord{1, last_.lost_rank}, stream_.moment({}));
}

Result<void> StepGathering::run() {
  if (auto known = await_writers(); !known) {
    return known;
  }
  while (true) {
    auto joined = queue_.await_readers(stream_.now() + Stream::look_interval);
    if (joined || first_missing() == stream_.record().writers) {
      break;  // all have closed the stream without a step, for which they need no reader
    }
    if (joined.error().code() != Errc::timeout) {
      return joined;
    }
    if (auto goes_on = may_wait_for_readers(); !goes_on) {
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
      return {};
    }
    if (auto shown = index_ ? index_->show(gathered_, *step) : Result<void>(); !shown) {
      return shown;
    }
    if (auto published = queue_.publish(*step, stream_.moment({}), [this] { return may_wait(); });
        !published) {
      return published;
    }
    evict_records();
    ++gathered_;
  }
}

void StepGathering::work() {
  const auto done = run();
  if (done) {
    last_.state = StepRecord::State::ended;
  } else {
    error_ = done.error();
    fail(*error_);
  }
}

}  // namespace locum::detail
