#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/step_options.hpp"
#include "core/step_side.hpp"
#include "core/steps/step_files.hpp"
#include "core/steps/step_output.hpp"

namespace locum::detail {

/// Shows the steps of a file to the ranks of one reader, as a stream that these ranks write themselves: each
/// announces a share of the blocks of a step. A block is read when it is first used, by whoever uses it (see
/// FileParts). One thread at a time.
class StepReplay {
 public:
  using Moment = StepOutput::Moment;

  /// Opens nothing yet.
  StepReplay(const StepSide& side, std::string_view stream, std::string path);
  StepReplay(const StepReplay&) = delete;
  StepReplay& operator=(const StepReplay&) = delete;
  ~StepReplay();

  /// The name of the stream.
  [[nodiscard]] const std::string& stream() const noexcept { return stream_; }
  /// The next step of the file is in the stream after this, unless one is that was not read yet; waits for
  /// it until then. `end_of_stream`; `peer_lost` if the writer of the file is gone, and did not close it.
  [[nodiscard]] Result<void> show_next(Moment until);
  /// The step that was shown last has been read.
  void was_read() noexcept { ++read_; }

 private:
  [[nodiscard]] Result<StepRecord> await(Moment until);
  [[nodiscard]] Result<StepRecord> share_of(const StepRecord& step, Moment until);

  const StepSide reader_;
  const std::string path_;
  const std::string stream_;
  std::shared_ptr<StepOutput> output_;
  std::uint64_t shown_ = 0;
  std::uint64_t read_ = 0;
};

}  // namespace locum::detail
