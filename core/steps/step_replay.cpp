#include "core/steps/step_replay.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/async/completion_counter.hpp"
#include "core/detail/session_state.hpp"
#include "core/lazy/file_parts.hpp"
#include "core/steps/presence.hpp"
#include "core/value/errors.hpp"

namespace locum::detail {

namespace {

// Between two looks whether a file that is being written has a further step.
constexpr std::chrono::milliseconds between_looks{50};
// Most steps that a reader may hold at a time. A step takes memory only as far as it is used.
constexpr std::uint32_t most_queued_steps = 16;

// The ranks of the reader, as a writer.
StepSide writer_of(StepSide side) {
  side.number |= std::uint64_t{1} << 63U;
  return side;
}

}  // namespace

StepReplay::StepReplay(const StepSide& side, std::string_view stream, const StepReaderOptions& options)
    : reader_(side),
      options_(options),
      stream_(std::string(stream).append(of_file) + std::to_string(side.number)) {}

// The ranks of a reader need not leave it at the same time, and the one with index 0 waits for nobody long.
StepReplay::~StepReplay() {
  if (output_) {
    output_->leave(std::chrono::seconds(1));
  }
}

Result<StepFiles*> StepReplay::files() const {
  StepFiles* const files = reader_.session.state()->files().steps();
  return files != nullptr ? Result<StepFiles*>(files) : no_hdf5("read steps of files");
}

Result<void> StepReplay::open(Moment until) {
  if (!output_) {
    auto opened = StepOutput::open(writer_of(reader_), stream_, {.queue_steps = most_queued_steps}, until);
    if (!opened) {
      return opened.error();
    }
    output_ = std::move(*opened);
  }
  return {};
}

Result<std::uint64_t> StepReplay::count() const {
  const auto storage = files();
  return storage ? (*storage)->count(options_.file) : Result<std::uint64_t>(storage.error());
}

// With which step of the file this rank would begin.
Result<std::uint64_t> StepReplay::first_of_file() const {
  auto count = this->count();
  if (!count || options_.start_at == StartAt::next) {
    return count;
  }
  return std::max<std::uint64_t>(*count, 1) - 1;
}

// What there is in the file changes while it is written: the first rank looks for all, and tells the others
// by a record of the stream. That the file cannot be read all ranks see.
Result<void> StepReplay::find_first(Moment until) {
  if (next_) {
    return {};
  }
  if (options_.start_at == StartAt::oldest) {
    next_ = options_.first_step;
    return {};
  }
  const auto seen = first_of_file();
  if (!seen) {
    return seen.error();
  }
  if (auto opened = open(until); !opened) {
    return opened;
  }
  const Stream& stream = output_->stream();
  const std::string name = stream.from(writer_of(reader_).number);
  if (reader_.index == 0) {
    if (auto told = stream.put(name, *seen, until); !told) {
      return told;
    }
  }
  PresenceWatch first_rank(stream.session(), stream.record().writer);
  const auto first = stream.wait<std::uint64_t>(name, until, [&]() -> Result<void> {
    const auto state = reader_.index == 0 ? PresenceWatch::State::here : first_rank.state();
    return state == PresenceWatch::State::here
               ? Result<void>()
               : StreamFailure::of_first_reader(state == PresenceWatch::State::left, first_rank.rank())
                     .error(stream.title());
  });
  if (!first) {
    return first.error();
  }
  next_ = **first;
  return {};
}

Result<void> StepReplay::skip_to_newest(Moment until) {
  if (is_unread_) {
    return {};
  }
  if (auto found = find_first(until); !found) {
    return found;
  }
  const auto count = this->count();
  if (!count) {
    return count.error();
  }
  if (*count > *next_) {
    *next_ += (*count - 1 - *next_) / options_.every * options_.every;
  }
  return {};
}

Result<void> StepReplay::show_next(Moment until) {
  if (is_unread_) {
    return {};
  }
  if (auto found = find_first(until); !found) {
    return found;
  }
  const auto step = await(until);
  if (!step) {
    return step.error();
  }
  if (auto opened = open(until); !opened) {
    return opened;
  }
  if (auto room = output_->begin(until); !room) {
    return room;
  }
  const auto part = share_of(*step, until);
  if (!part) {  // which a rank that is alone may try again, and others have to be told
    reader_.count == 1 ? output_->discard()
                       : output_->abandon(StreamFailure::Cause::unreadable, part.error().code());
    return part.error();
  }
  auto ended = output_->end(*part, until);
  if (ended) {
    number_ = *next_;
    next_ = number_ + std::min(options_.every, ~std::uint64_t{0} - number_);
    has_shown_ = true;
    is_unread_ = true;
  }
  return ended;
}

// The state is of interest only where there is no step, and of the first one. It is looked at before the
// steps: one that was shown before it ended is seen.
Result<StepRecord> StepReplay::await(Moment until) {
  const auto storage = files();
  if (!storage) {
    return storage.error();
  }
  StepFiles& files = **storage;
  CompletionCounter& clock = *reader_.session.state()->completions();
  for (;;) {
    if (has_shown_) {
      if (const auto step = files.read(options_.file, *next_); !step || *step) {
        return step ? Result<StepRecord>(**step) : step.error();
      }
    }
    const auto state = files.state(options_.file);
    if (!state) {
      return state.error();
    }
    const auto step = files.read(options_.file, *next_);
    if (!step) {
      return step.error();
    }
    if (*step) {
      return **step;
    }
    if (*state == StepFiles::State::ended) {
      return Error(Errc::end_of_stream, "the file has no more steps: its writer has closed it");
    }
    if (*state == StepFiles::State::failed) {
      return files.failure(options_.file);
    }
    if (*state == StepFiles::State::abandoned) {
      return Error(Errc::peer_lost,
                   "the writer of this file was lost, or left it, before it had closed the stream; all steps "
                   "that were whole have been read");
    }
    if (clock.now() >= until) {
      return deadline_passed("the next step was not written to the file");
    }
    // Which serves other ranks meanwhile, where only a thread that waits does.
    clock.await(clock.count(), std::min<Moment>(until, clock.now() + between_looks));
  }
}

Result<StepRecord> StepReplay::share_of(const StepRecord& step, Moment until) {
  const Stream& stream = output_->stream();
  StepRecord share;
  share.variables = step.variables;
  for (std::size_t at = reader_.index; at < step.blocks.size(); at += reader_.count) {
    BlockRecord block = step.blocks[at];
    FileParts& files = stream.session().files();
    const auto part = files.steps()->find(options_.file, *next_, block);
    const auto handle = part ? files.add(stream.session(), stream.store().number(), *part, until, stream_)
                             : Result<Handle>(part.error());
    if (!handle) {
      return handle.error();
    }
    block.key = handle->key;
    block.node = stream.session().options().node;
    share.blocks.push_back(block);
  }
  return share;
}

}  // namespace locum::detail
