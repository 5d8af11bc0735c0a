#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "core/step_options.hpp"
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
  /// Waits until a step may be written, which then has to be ended, discarded or abandoned.
  [[nodiscard]] Result<void> begin(Deadline deadline);
  /// This rank's part of the step is complete. Evicts its blocks if it certainly was not published.
  [[nodiscard]] Result<void> end(StepRecord part, Deadline deadline);
  /// The step is not to be: this rank begins it again, or closes the stream before it.
  void discard() noexcept {
    is_writing_ = false;
    refused_by_.reset();
  }
  /// The step could not be ended. The next begin() or close() returns the error; where this rank does not end
  /// the step in a later try, the stream has failed before it.
  void refuse(const Error& error);
  /// The next begin() or close() returns the error, which the program may not have seen.
  void note(const Error& error) {
    if (!noted_) {
      noted_ = error;
    }
  }
  /// The error, about this variable of the stream.
  [[nodiscard]] Error about(std::string_view variable, const Error& error) const;
  /// An `out_of_memory` of what was to be written, with what keeps the stream's steps in memory.
  [[nodiscard]] Error without_memory(const Error& error) const;
  /// The step was forgotten, left by an exception, or cannot be read: the stream has failed before it.
  void abandon(StreamFailure::Cause cause, Errc code = {}) noexcept;
  /// The node has no memory for what is to be written. The end of a wait for some, which is not long: what
  /// readers release meanwhile is free. None if no step of the stream is left that might be released, or
  /// `until` has come.
  [[nodiscard]] std::optional<Moment> await_memory(Moment until);
  /// See StepWriter::close().
  [[nodiscard]] Result<void> close(Deadline deadline);
  /// The same for a rank that does not care how the stream ends: it waits for no other writer.
  void leave(Deadline deadline) noexcept;
  /// See StepWriter::abandon().
  void abandon() noexcept;

 private:
  StepOutput(StepSide side, Stream stream, const StepWriterOptions& options, Presence presence);

  /// In a process forked from the rank: true, and the stream stays the parent's, whatever is called here.
  [[nodiscard]] bool leaves_to_parent() noexcept;
  /// A line on stderr (see RuntimeOptions::log), if there is an error.
  void warn(const std::optional<Error>& error) const noexcept;
  [[nodiscard]] Result<void> to_file(StepRecord& part, Moment until) const;
  [[nodiscard]] Result<void> end_stream(Moment until);
  /// The first writer's part of that: how the stream has ended.
  [[nodiscard]] Result<void> end_queue(Moment until);
  /// The others': waits until the first one has told.
  [[nodiscard]] Result<void> await_end(Moment until);
  /// This rank takes no part any more.
  void depart();
  [[nodiscard]] Result<void> await_room(Moment until);
  /// Where the node has no memory for that, waits until `patience` for steps to be released.
  [[nodiscard]] Result<void> put_part(const StepRecord& part, Moment until, Moment patience);
  /// Whether the rank that gathers the steps still does.
  [[nodiscard]] Result<void> check_gathering();
  /// Whether a step may be written now, as all ranks of the writer are told; `queue_full`.
  [[nodiscard]] Result<void> may_begin(Moment until);
  [[nodiscard]] int rank() const noexcept { return stream_.session().options().rank; }
  /// Tells the other writers and the readers that this rank fails the stream, before its next step.
  void fail(const StreamFailure& failure);

  const StepSide side_;
  Stream stream_;
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
  bool is_writing_ = false;
  const int exceptions_;             ///< that were being handled when the stream was opened
  std::optional<Error> noted_;       ///< of a call whose result may be ignored
  std::optional<Error> refused_by_;  ///< why the step that this rank has to write next could not be ended
  StreamFailure failure_;            ///< by which this rank has failed the stream
};

}  // namespace locum::detail
