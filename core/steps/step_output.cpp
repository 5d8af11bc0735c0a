#include "core/steps/step_output.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "core/detail/file_parts.hpp"
#include "core/steps/step_gathering.hpp"
#include "core/steps/step_queue.hpp"

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

/// Announces a stream, in place of one whose writer is gone.
Result<void> announce(const Store& store, SessionState& session, const StreamRecord& record,
                      std::string_view stream, Deadline deadline) {
  const auto made = store.put(Stream::name, record, {.codec = {}, .deadline = deadline});
  if (made || made.error().code() != Errc::key_exists) {
    return made ? Result<void>() : Result<void>(made.error());
  }
  const auto generation = store.info(Stream::name, {.deadline = deadline});
  const auto old = store.get<StreamRecord>(Stream::name, {.codec = {}, .deadline = deadline});
  if (!old || !generation) {
    return stream_in_use(stream);
  }
  // Whether a writer is gone is known at once only where that of a promise is: on this node, or after a
  // reply.
  PresenceWatch writer(session, (*old)->writer);
  const auto gone = session.proxy<std::uint8_t>((*old)->writer).get(std::chrono::seconds(1));
  if (writer.is_here() && !gone && gone.error().code() == Errc::timeout) {
    return stream_in_use(stream);
  }
  const auto replaced =
      store.replace(Stream::name, record,
                    {.codec = {}, .expected_generation = generation->generation, .deadline = deadline});
  return replaced ? Result<void>() : Result<void>(stream_in_use(stream));
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
  const auto store = side.session.open(Stream::store_of(stream));
  if (!store) {
    return store.error();
  }
  auto& session = *side.session.state();
  const auto until = session.completions()->moment({});
  auto presence = Presence::make(*store);
  if (!presence) {
    return presence.error();
  }
  StreamRecord record{side.number, static_cast<std::uint32_t>(side.count),
                      options.when_full == WhenFull::wait ? 0U : 1U, presence->handle()};
  StepFiles* const files = options.file.empty() ? nullptr : session.files().steps();
  if (files == nullptr && !options.file.empty()) {
    return Error(
        Errc::unsupported,
        "this library was built without HDF5: build it with LOCUM_WITH_HDF5=ON to write steps to files");
  }
  std::shared_ptr<StepIndex> index;
  const std::string first = "first/" + std::to_string(side.number);
  if (side.index == 0) {
    auto announced = announce(*store, session, record, stream, until);
    if (announced && files != nullptr) {
      auto made = files->create(options.file, side.count);
      if (made) {
        index = std::move(*made);
      } else {
        announced = made.error();
        (void)store->evict(Stream::name);
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
      return known.error();
    }
    record = **known;
    if (record.number == 0) {
      return Error(Errc::key_exists, "the first rank of this writer could not open the stream; see its error")
          .about(stream);
    }
  }
  auto output = std::shared_ptr<StepOutput>(
      new StepOutput(side, Stream(*store, side.session.state(), record), options, std::move(*presence)));
  output->files_ = files;
  output->index_ = std::move(index);
  if (output->queue_ && side.count > 1) {
    output->gathering_ = std::make_unique<StepGathering>(output->stream_, *output->queue_, side.number,
                                                         options, output->index_);
  }
  if (side.index != 0) {
    const auto handle = output->presence_.handle();
    const auto& joined = output->stream_;
    if (const auto made = joined.put(joined.member(side.number, side.index), handle, until); !made) {
      return made.error();
    }
  }
  return output;
}

StepOutput::StepOutput(StepSide side, Stream stream, const StepWriterOptions& options, Presence presence)
    : side_(std::move(side)), stream_(std::move(stream)), options_(options), presence_(std::move(presence)) {
  if (side_.index != 0) {
    first_writer_ = PresenceWatch(stream_.session(), stream_.record().writer);
    return;
  }
  queue_ = std::make_unique<StepQueue>(stream_, options_);
}

StepOutput::~StepOutput() {
  try {
    (void)close({});
  } catch (...) {  // no memory: readers learn of it by the presence
  }
}

Error StepOutput::failed(int lost_rank, Errc code) {
  if (lost_rank < 0) {
    return code == Errc::out_of_memory
               ? Error(
                     code,
                     "the first rank of this writer could not publish a step; give the nodes more memory, or "
                     "the stream fewer queue_steps")
               : Error(code,
                       "the first rank of this writer could not publish a step, or not show it in the file; "
                       "its close() says why");
  }
  return Error(Errc::peer_lost,
               "a rank that writes this stream was lost; the steps that all ranks have ended can still be "
               "read, further ones cannot be written")
      .at_rank(lost_rank);
}

Result<void> StepOutput::check_first_writer() {
  return first_writer_.is_here() ? Result<void>()
                                 : Result<void>(failed(first_writer_.rank(), Errc::peer_lost));
}

// Any rank may decide: there is room once its record is there, and there is none while that says so.
Result<bool> StepOutput::may_begin(Moment until) {
  const Store& store = stream_.store();
  for (;;) {
    const std::string name = stream_.refusals(next_);
    const auto info = store.info(name, {.deadline = until});
    const auto record = store.get<RefusalsRecord>(name, {.codec = {}, .deadline = until});
    const bool is_first = !record && record.error().code() == Errc::not_found;
    if (!record && !is_first) {
      return record.error();
    }
    RefusalsRecord decided = record ? **record : RefusalsRecord{};
    if (refused_ < decided.refused) {
      ++refused_;
      return false;
    }
    if (decided.granted != 0) {
      return true;
    }
    if (stream_.has(stream_.room(next_))) {
      decided.granted = 1;
    } else if (stream_.has(stream_.full(next_))) {
      ++decided.refused;
    } else if (auto goes_on = gathering_ ? Result<void>() : check_first_writer(); !goes_on) {
      return goes_on.error();
    } else if (stream_.now() >= until) {
      return Error(Errc::timeout,
                   "a rank of this writer has not ended the step before, or too few readers have joined");
    } else {
      (void)stream_.wait_a_while<RoomRecord>(stream_.room(next_), std::min(until, stream_.now() + undecided));
      continue;
    }
    // A rank that has decided meanwhile makes this fail, and is followed.
    if (is_first) {
      (void)store.put(name, decided, {.codec = {}, .deadline = until});
    } else if (info && info->generation != 0) {  // 0: not known yet
      (void)store.replace(name, decided,
                          {.codec = {}, .expected_generation = info->generation, .deadline = until});
    }
  }
}

Result<void> StepOutput::begin(Deadline deadline) {
  if (auto noted = std::exchange(noted_, {})) {
    return *noted;
  }
  if (!open_) {
    return Error(Errc::closed, "this stream of steps was closed");
  }
  const auto until = stream_.moment(deadline);
  if (queue_ && !gathering_ && next_ == 0) {
    if (auto joined = queue_->await_readers(until); !joined) {
      return joined;
    }
  }
  const bool may_fail = options_.when_full == WhenFull::fail;
  if (queue_ && !gathering_) {
    auto room = queue_->make_room(may_fail ? stream_.now() : until);
    const bool is_full = !room && may_fail && room.error().code() == Errc::timeout;
    return is_full ? Error(Errc::queue_full, room.error().text()) : room;
  }
  if (may_fail) {
    const auto may = may_begin(until);
    if (!may || !*may) {
      return may ? Error(Errc::queue_full,
                         "the stream is full; let readers release steps, or give the stream more queue_steps")
                 : may.error();
    }
  }
  const auto room = stream_.wait<RoomRecord>(
      stream_.room(next_), until, [this] { return gathering_ ? Result<void>() : check_first_writer(); });
  if (!room) {
    return room.error().code() != Errc::timeout
               ? room.error()
               : Error(
                     Errc::timeout,
                     "the stream has no room for a step, or a rank has not ended the one before, or too few "
                     "readers have joined; let readers release steps, or give the stream more queue_steps");
  }
  return (*room)->failed == 0 ? Result<void>()
                              : Result<void>(failed((*room)->lost_rank, static_cast<Errc>((*room)->code)));
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
  const auto until = stream_.moment(deadline);
  Result<void> ended = open_ ? Result<void>() : Error(Errc::closed, "this stream of steps was closed");
  bool is_known = true;
  if (ended && files_ != nullptr) {
    ended = to_file(part, until);
  }
  if (ended && queue_ && !gathering_) {
    const StepRecord step = merged({part});
    ended = index_ ? index_->show(written_, step) : Result<void>();
    if (ended) {
      ended = queue_->publish(step, until);
      next_ = queue_->next();
      written_ += ended ? 1 : 0;
    }
  } else if (ended) {
    ended = stream_.put(stream_.part(next_, side_.index), part, until);
    next_ += ended ? 1 : 0;
    refused_ = ended ? 0 : refused_;
    is_known = ended || (ended.error().code() != Errc::timeout && ended.error().code() != Errc::peer_lost);
  }
  if (!ended && is_known) {
    for (const BlockRecord& block : part.blocks) {
      (void)stream_.store().evict(block.key);
    }
  }
  return ended;
}

// An error that was noted is told last, by a stream that has ended all the same.
Result<void> StepOutput::close(Deadline deadline) {
  auto noted = std::exchange(noted_, {});
  auto ended = std::exchange(open_, false) ? end_stream(deadline) : Result<void>();
  return noted ? Result<void>(*noted) : ended;
}

Result<void> StepOutput::end_stream(Deadline deadline) {
  const auto until = stream_.moment(deadline);
  StepRecord last;
  last.state = StepRecord::State::ended;
  Result<void> ended;
  std::optional<Error> why;
  if (!queue_ || gathering_) {
    ended = stream_.put(stream_.part(next_, side_.index), last, until);
  }
  if (gathering_) {
    last = gathering_->stop(until);
    why = gathering_->error();
    gathering_.reset();  // which has the index, too, and by that the file's lock
  }
  if (queue_) {
    // Of a stream that has failed readers of the file learn by its writer's end.
    Result<void> closed;
    if (last.state != StepRecord::State::ended) {
      closed = why && last.lost_rank < 0 ? *why : failed(last.lost_rank, Errc::out_of_memory);
    } else if (index_) {
      closed = index_->end();
    }
    index_.reset();
    ended = queue_->end(last, until);
    ended = ended ? closed : ended;
  }
  if (queue_) {
    if (ended) {
      (void)stream_.store().evict(Stream::name);  // who comes now waits for the next stream of this name
    }
    presence_.leave(until);
    stream_.clean_if_left(false);
  } else {
    presence_.vanish(stream_.store(), until);
  }
  return ended;
}

}  // namespace locum::detail
