#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "core/step_options.hpp"
#include "core/step_side.hpp"
#include "core/steps/presence.hpp"
#include "core/steps/step_files.hpp"
#include "core/steps/step_record.hpp"
#include "core/steps/stream.hpp"

namespace locum::detail {

class StepGathering;
class StepQueue;

/// A rank's part of a StepWriter. The writer with index 0 publishes the steps: by itself if it is alone, else
/// in a thread that gathers the parts of all. One thread at a time.
class StepOutput {
 public:
  using Moment = Stream::Moment;

  /// `deadline`: of the wait for the rank with index 0; after `timeout` it may be tried again.
  [[nodiscard]] static Result<std::shared_ptr<StepOutput>> open(const StepSide& side, std::string_view stream,
                                                                const StepWriterOptions& options,
                                                                Deadline deadline = {});
  StepOutput(const StepOutput&) = delete;
  StepOutput& operator=(const StepOutput&) = delete;
  ~StepOutput();

  [[nodiscard]] const Stream& stream() const noexcept { return stream_; }
  [[nodiscard]] const StepSide& side() const noexcept { return side_; }
  /// The number of the step that this rank writes next.
  [[nodiscard]] std::uint64_t next() const noexcept { return next_; }
  /// Waits until a step may be written.
  [[nodiscard]] Result<void> begin(Deadline deadline);
  /// This rank's part of the step is complete. Evicts its blocks if it certainly was not published.
  [[nodiscard]] Result<void> end(StepRecord part, Deadline deadline);
  /// See StepWriter::close().
  [[nodiscard]] Result<void> close(Deadline deadline);
  /// An error of a call whose result may be ignored: the next begin() or close() returns it.
  void note(const Error& error) { noted_ = error; }

 private:
  StepOutput(StepSide side, Stream stream, const StepWriterOptions& options, Presence presence);

  [[nodiscard]] Result<void> to_file(StepRecord& part, Moment until) const;
  [[nodiscard]] Result<void> end_stream(Deadline deadline);
  [[nodiscard]] Result<void> check_first_writer();
  /// Whether a step may be written now, as all ranks of the writer are told.
  [[nodiscard]] Result<bool> may_begin(Moment until);
  /// The stream has failed: a rank was lost, or the first one could not publish a step.
  [[nodiscard]] static Error failed(int lost_rank, Errc code);

  const StepSide side_;
  const Stream stream_;
  const StepWriterOptions options_;
  Presence presence_;
  StepFiles* files_ = nullptr;                ///< null: to no file
  std::shared_ptr<StepIndex> index_;          ///< of the writer with index 0
  std::uint64_t written_ = 0;                 ///< steps in the file, of a writer that is alone
  std::unique_ptr<StepQueue> queue_;          ///< of the writer with index 0
  std::unique_ptr<StepGathering> gathering_;  ///< which uses the queue; null if it is alone
  PresenceWatch first_writer_;                ///< of the others
  std::uint64_t next_ = 0;
  std::uint64_t refused_ = 0;  ///< how often begin() was, of that step
  bool open_ = true;
  std::optional<Error> noted_;
};

}  // namespace locum::detail
