#include "core/steps/step_output.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "core/async/completion_counter.hpp"
#include "core/lazy/file_parts.hpp"
#include "core/steps/step_delay.hpp"
#include "core/steps/step_gathering.hpp"
#include "core/steps/step_queue.hpp"
#include "core/value/errors.hpp"

namespace locum::detail {

namespace {

/// Where a step is refused there was no room when the first rank of the writer looked; looked again so often
/// while it has not.
constexpr std::chrono::milliseconds undecided{5};

Error stream_in_use(std::string_view stream) {
  return Error(Errc::key_exists,
               "another writer of this stream is open; close it first, or give the stream another name")
      .about(stream);
}

/// Announces a stream, in place of one whose writer is gone, and removes what nobody reads of that one.
Result<void> announce(const Store& store, SessionState& session, const StreamRecord& record,
                      std::string_view stream, Deadline deadline) {
  const std::string name = Stream::name(stream);
  const auto made = store.put(name, record, {.codec = {}, .deadline = deadline});
  if (made || made.error().code() != Errc::key_exists) {
    return made ? Result<void>() : Result<void>(made.error());
  }
  const auto generation = store.info(name, {.deadline = deadline});
  const auto old = store.get<StreamRecord>(name, {.codec = {}, .deadline = deadline});
  if (!old || !generation) {
    return stream_in_use(stream);
  }
  // Whether a writer is gone is known at once only where that of a promise is: on this node, or after a
  // reply.
  PresenceWatch writer(session, (*old)->writer);
  const auto gone = Proxy<std::uint8_t>(origin_of(session, (*old)->writer)).get(std::chrono::seconds(1));
  if (writer.is_here() && !gone && gone.error().code() == Errc::timeout) {
    return stream_in_use(stream);
  }
  const auto replaced = store.replace(
      name, record, {.codec = {}, .expected_generation = generation->generation, .deadline = deadline});
  if (!replaced) {
    return stream_in_use(stream);
  }
  Stream(store, session.shared_from_this(), **old, stream).clean_if_left(true);
  return {};
}

}  // namespace

// The first writer says where it is before it announces the stream; the others wait for that.
Result<std::shared_ptr<StepOutput>> StepOutput::open(const StepSide& side, std::string_view stream,
                                                     const StepWriterOptions& options, Deadline deadline) {
  if (stream.empty() || options.queue_steps == 0 || side.number == 0 || side.index >= side.count) {
    return Error(Errc::invalid_argument,
                 "a stream of steps needs a name, and room for one step or more (queue_steps)")
        .about(stream);
  }
  const auto store = Stream::open_store(side.session);
  if (!store) {
    return store.error();
  }
  auto& session = *side.session.state();
  const auto until = session.completions()->moment({});
  auto presence = Presence::make(*store);
  if (!presence) {
    return presence.error();
  }
  StreamRecord record{.number = side.number,
                      .writers = static_cast<std::uint32_t>(side.count),
                      .when_full = static_cast<std::uint32_t>(options.when_full),
                      .queue_steps = options.queue_steps,
                      .has_file = options.file.empty() ? 0U : 1U,
                      .writer = presence->handle()};
  StepFiles* const files = options.file.empty() ? nullptr : session.files().steps();
  if (files == nullptr && !options.file.empty()) {
    return no_hdf5("write steps to files");
  }
  std::shared_ptr<StepIndex> index;
  bool differs = false;
  const std::string first = Stream::first(stream, side.number);
  if (side.index == 0) {
    auto announced = announce(*store, session, record, stream, until);
    if (announced && files != nullptr) {
      auto made = files->create(options.file, side.count);
      if (made) {
        index = std::move(*made);
      } else {
        announced = made.error();
        (void)store->evict(Stream::name(stream));
      }
    }
    if (!announced) {
      if (side.count > 1) {
        (void)store->replace(first, StreamRecord{}, {.codec = {}, .deadline = until});
      }
      return announced.error();
    }
    if (side.count > 1) {
      // That of an attempt before may be there, which has failed.
      if (const auto made = store->replace(first, record, {.codec = {}, .deadline = until}); !made) {
        return made.error();
      }
    }
  } else {
    const auto known = store->wait<StreamRecord>(first, session.completions()->moment(deadline));
    if (!known) {
      return known.error().code() == Errc::timeout
                 ? StreamFailure{.cause = StreamFailure::Cause::not_opened, .other = 0}.error(stream)
                 : known.error().about(stream);
    }
    const StreamRecord own = std::exchange(record, **known);
    differs = own.when_full != record.when_full || own.queue_steps != record.queue_steps ||
              own.has_file != record.has_file;
    if (record.number == 0) {
      return Error(Errc::key_exists, "the first rank of this writer could not open the stream; see its error")
          .about(stream);
    }
  }
  auto output = std::shared_ptr<StepOutput>(new StepOutput(
      side, Stream(*store, side.session.state(), record, stream), options, std::move(*presence)));
  output->files_ = files;
  output->index_ = std::move(index);
  if (output->queue_ && side.count > 1) {
    output->gathering_ =
        std::make_unique<StepGathering>(output->stream_, *output->queue_, options, output->index_);
  }
  // Before this rank says that it takes part: the first writer grants no step then.
  if (differs) {
    output->fail({.cause = StreamFailure::Cause::other_options,
                  .rank = output->rank(),
                  .other = output->first_writer_.rank()});
    output->leave(std::chrono::seconds(0));
    return output->failure_.error(stream);
  }
  if (side.index != 0) {
    const auto handle = output->presence_.handle();
    const auto& joined = output->stream_;
    if (const auto made = joined.put(joined.writer(side.index), handle, until); !made) {
      output->leave(std::chrono::seconds(0));
      return made.error().about(stream);
    }
  }
  return output;
}

StepOutput::StepOutput(StepSide side, Stream stream, const StepWriterOptions& options, Presence presence)
    : side_(std::move(side)),
      stream_(std::move(stream)),
      options_(options),
      presence_(std::move(presence)),
      exceptions_(std::uncaught_exceptions()) {
  if (side_.index != 0) {
    first_writer_ = PresenceWatch(stream_.session(), stream_.record().writer);
    return;
  }
  queue_ = std::make_unique<StepQueue>(stream_, options_);
}

Result<void> StepOutput::check_gathering() {
  if (gathering_) {
    return gathering_->check();
  }
  if (first_writer_.is_here()) {
    return {};
  }
  const auto cause = first_writer_.has_broken() ? StreamFailure::Cause::untold : StreamFailure::Cause::lost;
  return StreamFailure{.cause = cause, .rank = first_writer_.rank(), .step = next_}.error(stream_.title());
}

// Any rank may decide: there is room once its record is there, and there is none while that says so. The next
// refusal is decided once all ranks have returned the last one: a rank that asks more often than others would
// else collect refusals for them.
Result<void> StepOutput::may_begin(Moment until) {
  const Store& store = stream_.store();
  const Moment began = stream_.now();
  const auto refuse = [&](const StreamFailure& why) {
    ++refused_;
    return Error(Errc::queue_full, why.error(stream_.title()).text());
  };
  StreamFailure late;
  for (bool again = false;; again = true) {
    if (again && stream_.now() >= until) {
      const StreamFailure keeps = StepDelay(stream_).of_room(options_, next_);
      const bool is_rank = keeps.cause == StreamFailure::Cause::step_missing || !late.has_failed();
      return (is_rank ? keeps : late).error(stream_.title());
    }
    late = {};
    const std::string name = stream_.refusals(next_);
    const auto info = store.info(name, {.deadline = until});
    const auto record = store.get<RefusalsRecord>(name, {.codec = {}, .deadline = until});
    const bool is_first = !record && record.error().code() == Errc::not_found;
    if (!record && !is_first) {
      if (record.error().code() == Errc::timeout) {
        continue;
      }
      return record.error();
    }
    RefusalsRecord decided = record ? **record : RefusalsRecord{};
    const bool is_refused = refused_ < decided.refused;
    const bool all_followed = is_first || decided.followed >= stream_.record().writers;
    if (decided.granted != 0 && !is_refused) {
      return {};
    }
    if (is_refused) {
      ++decided.followed;
    } else if (stream_.has(stream_.room(next_))) {
      decided.granted = 1;
    } else if (all_followed && stream_.has(stream_.full(next_))) {
      ++decided.refused;
      decided.followed = 1;
      decided.why = StepDelay(stream_).of_room(options_, next_);
    } else if (auto goes_on = check_gathering(); !goes_on) {
      return goes_on.error();
    } else {
      if (!all_followed) {
        late = {.cause = StreamFailure::Cause::not_asked, .step = next_};
      }
      const Moment now = stream_.now();
      const auto pause = std::clamp<Moment::duration>((now - began) / 4, undecided, Stream::look_interval);
      (void)stream_.wait_a_while<RoomRecord>(stream_.room(next_), std::min(until, now + pause));
      continue;
    }
    // A rank that has decided meanwhile makes this fail, and is followed.
    std::optional<Error> error;
    if (is_first) {
      const auto put = store.put(name, decided, {.codec = {}, .deadline = until});
      error = put ? std::nullopt : std::optional(put.error());
    } else if (info && info->generation != 0) {  // 0: not known yet
      const auto put = store.replace(
          name, decided, {.codec = {}, .expected_generation = info->generation, .deadline = until});
      error = put ? std::nullopt : std::optional(put.error());
    } else {
      continue;
    }
    if (!error && decided.refused > refused_) {
      return refuse(decided.why);
    }
    if (error && error->code() != Errc::key_exists && error->code() != Errc::stale &&
        error->code() != Errc::not_found && error->code() != Errc::peer_lost &&
        error->code() != Errc::timeout) {
      return *error;
    }
  }
}

Result<void> StepOutput::begin(Deadline deadline) {
  if (auto noted = std::exchange(noted_, {})) {
    return *noted;
  }
  if (!open_) {
    return Error(Errc::closed, "this stream of steps was closed").about(stream_.title());
  }
  if (failure_.has_failed()) {
    return failure_.error(stream_.title());
  }
  if (is_writing_) {
    return Error(Errc::invalid_argument, "step " + std::to_string(next_) +
                                             " is still being written; end or discard it before the next one "
                                             "begins")
        .about(stream_.title());
  }
  const Moment until = stream_.patience(deadline);
  stream_.ends_by(Stream::behind_of(until));
  const auto room = await_room(until);
  is_writing_ = room.has_value();
  return room ? room : Result<void>(stream_.about(room.error()));
}

Result<void> StepOutput::await_room(Moment until) {
  if (queue_ && !gathering_ && next_ == 0) {
    if (auto joined = queue_->await_readers(until); !joined) {
      return joined;
    }
  }
  if (auto goes_on = gathering_ ? gathering_->check() : Result<void>(); !goes_on) {
    return goes_on;
  }
  const bool may_fail = options_.when_full == WhenFull::fail;
  if (queue_ && !gathering_) {
    auto room = queue_->make_room(may_fail ? stream_.now() : until);
    const bool is_full = !room && may_fail && room.error().code() == Errc::timeout;
    return is_full ? Error(Errc::queue_full, room.error().text()) : room;
  }
  if (may_fail) {
    if (auto may = may_begin(until); !may) {
      return may;
    }
  }
  const auto room =
      stream_.wait<RoomRecord>(stream_.room(next_), until, [this] { return check_gathering(); });
  if (!room) {
    return room.error().code() != Errc::timeout
               ? room.error()
               : StepDelay(stream_).of_room(options_, next_).error(stream_.title());
  }
  return (*room)->failed == 0 ? Result<void>() : Result<void>(stream_.failed((*room)->lost_rank));
}

Result<void> StepOutput::to_file(StepRecord& part, Moment until) const {
  std::vector<ObjectView> objects;
  for (const BlockRecord& block : part.blocks) {
    auto object = stream_.session().connector().get(Address(block.key), until);
    if (!object) {
      return object.error();
    }
    objects.push_back(std::move(*object));
  }
  return files_->write_part(options_.file, index_ && !gathering_ ? written_ : next_, side_.index, part,
                            objects);
}

// A step that is in the file and could not be published is written again, under the same number.
Result<void> StepOutput::end(StepRecord part, Deadline deadline) {
  const Moment patience = stream_.patience(deadline);
  stream_.ends_by(Stream::behind_of(patience));
  const auto until = stream_.moment(deadline);
  Result<void> ended = open_ ? Result<void>() : Error(Errc::closed, "this stream of steps was closed");
  bool is_known = true;
  is_writing_ = false;
  if (ended && files_ != nullptr) {
    ended = to_file(part, until);
  }
  if (ended && queue_ && !gathering_) {
    const StepRecord step = merged({part});
    ended = index_ ? index_->show(written_, step) : Result<void>();
    if (ended) {
      ended = queue_->publish(step, until, [&]() -> Result<void> {
        return stream_.now() < patience ? Result<void>() : queue_->delay().error(stream_.title());
      });
      next_ = queue_->next();
      written_ += ended ? 1 : 0;
    }
  } else if (ended) {
    ended = put_part(part, until, patience);
    next_ += ended ? 1 : 0;
    refused_ = ended ? 0 : refused_;
    is_known = ended || (ended.error().code() != Errc::timeout && ended.error().code() != Errc::peer_lost);
  }
  if (!ended && is_known) {
    stream_.evict_blocks(part);
  }
  if (ended) {
    refused_by_.reset();
  }
  return ended ? ended : Result<void>(stream_.about(ended.error()));
}

Result<void> StepOutput::put_part(const StepRecord& part, Moment until, Moment patience) {
  const std::string name = stream_.part(next_, side_.index);
  auto made = stream_.put(name, part, until);
  while (!made && made.error().code() == Errc::out_of_memory) {
    const auto slice = await_memory(patience);
    if (!slice) {
      return without_memory(made.error());
    }
    const auto put =
        stream_.store().put(name, part, {.codec = {}, .when_full = WhenFull::wait, .deadline = *slice});
    const Errc code = put ? Errc::key_exists : put.error().code();
    made = code == Errc::key_exists ? Result<void>()
                                    : Result<void>(code == Errc::timeout ? made.error() : put.error());
  }
  return made;
}

Error StepOutput::about(std::string_view variable, const Error& error) const {
  return error.about(std::string(stream_.title()) + ": " + std::string(variable), rank());
}

Error StepOutput::without_memory(const Error& error) const {
  if (const StreamFailure failure = stream_.failed(); failure.has_failed()) {
    return failure.error(stream_.title());
  }
  const StreamFailure keeps = StepDelay(stream_).of_memory();
  if (stream_.record().may_drop() || !keeps.has_failed()) {
    return error;
  }
  return Error(error.code(), error.text() + "; meanwhile " + keeps.error(stream_.title()).text(),
               error.detail());
}

// Of several writers only the first one frees what readers have released, each Stream::look_interval while it
// waits for the others.
std::optional<StepOutput::Moment> StepOutput::await_memory(Moment until) {
  const Moment now = stream_.now();
  if (now >= until || options_.when_full == WhenFull::fail || stream_.has(stream_.failure())) {
    return std::nullopt;
  }
  if (queue_ && !gathering_) {
    const auto freed = queue_->free_memory(std::min(until, now + Stream::look_interval));
    if (freed ? !*freed : freed.error().code() != Errc::timeout) {
      return std::nullopt;
    }
  } else {
    const auto progress = stream_.progress(stream_.moment_of_record());
    const std::uint64_t published = progress ? progress->count : 0;
    const bool has_steps = next_ > published || (published > 0 && stream_.has(stream_.step(published - 1)));
    if (stream_.record().may_drop() || !has_steps) {
      return std::nullopt;
    }
  }
  return std::min(until, stream_.now() + Stream::look_interval);
}

}  // namespace locum::detail
