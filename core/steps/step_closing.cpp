// Of StepOutput: how a stream ends, and fails.
#include <cstdint>
#include <cstdio>
#include <exception>
#include <new>
#include <optional>
#include <utility>

#include "core/steps/step_delay.hpp"
#include "core/steps/step_gathering.hpp"
#include "core/steps/step_output.hpp"
#include "core/steps/step_queue.hpp"

namespace locum::detail {

StepOutput::~StepOutput() {
  if (leaves_to_parent()) {
    return;
  }
  if (!open_) {
    warn(noted_);
    return;
  }
  if (std::uncaught_exceptions() > exceptions_) {
    abandon();
  } else if (const auto closed = close({}); !closed) {
    warn(closed.error());
  }
}

void StepOutput::abandon() noexcept {
  if (!leaves_to_parent()) {
    abandon(StreamFailure::Cause::thrown);
    (void)close(std::chrono::seconds(0));
  }
}

void StepOutput::warn(const std::optional<Error>& error) const noexcept {
  if (error && stream_.session().options().options.log != Log::off) {
    std::fprintf(stderr, "locum: rank %d: a writer of steps was not closed, which would have failed: %s\n",
                 rank(), error->what());
  }
}

// The child has neither the thread, nor may it write the file or give its lock back.
bool StepOutput::leaves_to_parent() noexcept {
  if (!stream_.session().is_disowned()) {
    return false;
  }
  open_ = false;
  static_cast<void>(gathering_.release());
  if (index_) {
    static_cast<void>(new (std::nothrow) std::shared_ptr<StepIndex>(index_));
  }
  return true;
}

void StepOutput::refuse(const Error& error) {
  note(error);
  if (open_) {
    refused_by_ = error;
  }
}

void StepOutput::abandon(StreamFailure::Cause cause, Errc code) noexcept {
  is_writing_ = false;
  if (open_) {
    fail({.cause = cause, .rank = rank(), .code = static_cast<std::uint32_t>(code), .step = next_});
  }
}

// What is said of the stream comes first: whoever sees the record of the step finds it.
void StepOutput::fail(const StreamFailure& failure) {
  if (failure_.has_failed()) {
    return;
  }
  failure_ = failure;
  stream_.fail(failure);
  StepRecord last;
  last.state = StepRecord::State::failed;
  (void)stream_.put(queue_ && !gathering_ ? stream_.step(queue_->next()) : stream_.part(next_, side_.index),
                    last, stream_.moment_of_record());
}

// An error that was noted is told last, by a stream that has ended all the same.
Result<void> StepOutput::close(Deadline deadline) {
  auto noted = std::exchange(noted_, {});
  if (leaves_to_parent()) {
    return Error(
               Errc::closed,
               "this process was forked from the rank that writes the stream; close the stream in that rank")
        .about(stream_.title());
  }
  if (!open_) {
    return noted ? Result<void>(*noted) : Result<void>();
  }
  const Moment until = stream_.patience(deadline);
  stream_.ends_by(Stream::behind_of(until));
  if (is_writing_) {
    abandon(StreamFailure::Cause::not_ended);
  }
  if (refused_by_) {
    fail({.cause = StreamFailure::Cause::refused,
          .rank = rank(),
          .code = static_cast<std::uint32_t>(refused_by_->code()),
          .step = next_});
  }
  open_ = false;
  const auto ended = end_stream(until);
  if (noted) {
    return *noted;
  }
  return ended ? ended : Result<void>(stream_.about(ended.error()));
}

void StepOutput::leave(Deadline deadline) noexcept {
  if (leaves_to_parent()) {
    return;
  }
  if (queue_) {
    (void)close(deadline);
  } else if (std::exchange(open_, false)) {
    StepRecord last;
    last.state = StepRecord::State::ended;
    const Moment until = stream_.patience(deadline);
    stream_.ends_by(Stream::behind_of(until));
    (void)stream_.put(stream_.part(next_, side_.index), last, until);
    depart();
  }
}

Result<void> StepOutput::end_stream(Moment until) {
  StepRecord last;
  last.state = StepRecord::State::ended;
  Result<void> told;
  if (!failure_.has_failed() && (!queue_ || gathering_)) {
    told = put_part(last, stream_.moment_of_record(), until);
    if (!told && stream_.is_out_of_time()) {
      told = StepDelay(stream_).of_end(options_, next_).error(stream_.title());
      depart();
      return told;
    }
  }
  const auto ended = queue_ ? end_queue(until) : await_end(told ? until : stream_.now());
  return told ? ended : told;
}

// That the stream has failed the others are told at once; that it has ended, when all steps were read.
Result<void> StepOutput::end_queue(Moment until) {
  StepRecord last;
  last.state = failure_.has_failed() ? StepRecord::State::failed : StepRecord::State::ended;
  StreamFailure failure = failure_;
  std::optional<Error> why;
  if (gathering_) {
    last = gathering_->stop(until);
    failure = gathering_->failure();
    why = gathering_->error();
    gathering_.reset();  // which has the index, too, and by that the file's lock
  }
  const auto not_published = [&](Errc code) {
    return StreamFailure{.cause = StreamFailure::Cause::not_published,
                         .rank = rank(),
                         .code = static_cast<std::uint32_t>(code),
                         .step = queue_->next()};
  };
  if (last.state != StepRecord::State::ended) {
    failure = failure.has_failed() ? failure : not_published(Errc::out_of_memory);
  }
  if (index_) {
    const auto said =
        failure.has_failed() ? std::optional(as_readers_get(failure.error(stream_.title()))) : std::nullopt;
    const auto ended = index_->end(said);
    if (!ended && !failure.has_failed()) {
      failure = not_published(ended.error().code());
      why = ended.error();
    }
    index_.reset();  // where nothing could be written, readers of the file learn of it by that
  }
  if (failure.has_failed()) {
    (void)stream_.put(stream_.closed(), failure, stream_.moment({}));
  }
  const auto read = queue_->end(last, until);
  stream_.ends_by(Stream::behind_of(std::min(until, stream_.now())));
  if (!read && !failure.has_failed()) {
    failure = read.error().code() == Errc::timeout ? queue_->delay() : not_published(read.error().code());
    why = read.error();
  }
  if (!failure.has_failed()) {
    stream_.end_opening();  // before another writer is told, which may open the next one at once
  }
  (void)stream_.put(stream_.closed(), failure, stream_.moment({}));
  // Who comes now waits for the next stream of this name; but the first reader learns that this one has
  // failed.
  if (read && (!failure.has_failed() || stream_.has(stream_.joined(0)))) {
    stream_.retire();
  }
  // Without memory for any record of it, readers learn of the failure by this.
  const bool is_told = stream_.has(stream_.step(queue_->next())) || stream_.has(stream_.failure());
  if (failure.has_failed() && !is_told && stream_.has(Stream::name(stream_.title()))) {
    presence_.break_off();
  }
  presence_.vanish(stream_.store(), stream_.moment({}));
  stream_.clean_if_left(true);
  if (failure.has_failed()) {
    return why ? *why : failure.error(stream_.title());
  }
  return {};
}

// The first writer tells at its own deadline what it has waited for, which may be the same moment.
Result<void> StepOutput::await_end(Moment until) {
  const Moment latest = Stream::behind_of(until);
  stream_.ends_by(Stream::behind_of(latest, Stream::behind / 2));
  const auto told =
      stream_.wait<StreamFailure>(stream_.closed(), latest, [this] { return check_gathering(); });
  std::optional<Error> late;
  if (!told) {
    const StreamFailure failure = stream_.failed();
    late = told.error().code() != Errc::timeout ? told.error()
           : failure.has_failed()               ? failure.error(stream_.title())
                                  : StepDelay(stream_).of_end(options_, next_).error(stream_.title());
  }
  depart();
  if (late) {
    return *late;
  }
  return (*told)->has_failed() ? Result<void>((*told)->error(stream_.title())) : Result<void>();
}

void StepOutput::depart() {
  stream_.ends_by(Stream::behind_of(stream_.now(), Stream::behind / 2));
  stream_.evict(stream_.writer(side_.index));
  presence_.vanish(stream_.store(), stream_.moment({}));
  stream_.clean_if_left(!first_writer_.is_here());
}

}  // namespace locum::detail
