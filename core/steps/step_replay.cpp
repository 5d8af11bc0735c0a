#include "core/steps/step_replay.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "core/detail/file_parts.hpp"
#include "core/detail/session_state.hpp"

namespace locum::detail {

namespace {

// Between two looks whether a file that is being written has a further step.
constexpr std::chrono::milliseconds between_looks{50};
// Most steps that a reader may hold at a time. A step takes memory only as far as it is used.
constexpr std::uint32_t most_held = 16;

// The ranks of the reader, as a writer.
StepSide writer_of(StepSide side) {
  side.number |= std::uint64_t{1} << 63U;
  return side;
}

}  // namespace

StepReplay::StepReplay(const StepSide& side, std::string_view stream, std::string path)
    : reader_(side),
      path_(std::move(path)),
      stream_(std::string(stream) + "@file/" + std::to_string(side.number)) {}

// The ranks of a reader need not leave it at the same time, and the one with index 0 waits for nobody long.
StepReplay::~StepReplay() {
  if (output_) {
    try {
      (void)output_->close(std::chrono::seconds(1));
    } catch (...) {  // no memory: what is left goes with the runtime
    }
  }
}

Result<void> StepReplay::show_next(Moment until) {
  if (shown_ > read_) {
    return {};
  }
  const auto step = await(until);
  if (!step) {
    return step.error();
  }
  if (!output_) {
    auto opened = StepOutput::open(writer_of(reader_), stream_, {.queue_steps = most_held}, until);
    if (!opened) {
      return opened.error();
    }
    output_ = std::move(*opened);
  }
  if (auto room = output_->begin(until); !room) {
    return room;
  }
  const auto part = share_of(*step, until);
  auto ended = part ? output_->end(*part, until) : Result<void>(part.error());
  shown_ += ended ? 1 : 0;
  return ended;
}

// The state is of interest only where there is no step, and of the first one. It is looked at before the
// steps: one that was shown before it ended is seen.
Result<StepRecord> StepReplay::await(Moment until) {
  StepFiles* const files = reader_.session.state()->files().steps();
  if (files == nullptr) {
    return Error(
        Errc::unsupported,
        "this library was built without HDF5: build it with LOCUM_WITH_HDF5=ON to read steps of files");
  }
  CompletionCounter& clock = *reader_.session.state()->completions();
  for (;;) {
    if (shown_ > 0) {
      if (const auto step = files->read(path_, shown_); !step || *step) {
        return step ? Result<StepRecord>(**step) : step.error();
      }
    }
    const auto state = files->state(path_);
    if (!state) {
      return state.error();
    }
    const auto step = files->read(path_, shown_);
    if (!step) {
      return step.error();
    }
    if (*step) {
      return **step;
    }
    if (*state == StepFiles::State::ended) {
      return Error(Errc::end_of_stream, "the file has no more steps: its writer has closed it");
    }
    if (*state == StepFiles::State::abandoned) {
      return Error(Errc::peer_lost,
                   "the job that wrote this file ended before it had closed it; all steps that "
                   "were whole have been read");
    }
    if (clock.now() >= until) {
      return Error(Errc::timeout, "the next step is not in the file yet; wait longer");
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
    const auto part = files.steps()->find(path_, shown_, block);
    const auto handle = part ? files.add(stream.session(), stream.store().number(), *part, until)
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
