#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/async/completion.hpp"
#include "core/base/background_thread.hpp"
#include "core/steps/presence.hpp"
#include "core/steps/step_files.hpp"
#include "core/steps/step_queue.hpp"
#include "core/steps/stream.hpp"

namespace locum::detail {

/// The thread of the writer with index 0 that makes steps of the parts of several writers, and says for which
/// numbers there is room.
class StepGathering {
 public:
  using Moment = Stream::Moment;

  /// REQUIRES: the queue outlives this, and nobody else uses it until stop() has returned. Throws Error
  /// `system` where there cannot be another thread.
  /// `index`: of the file that the steps are written to; null: to none.
  StepGathering(const Stream& stream, StepQueue& queue, const StepWriterOptions& options,
                std::shared_ptr<StepIndex> index);
  StepGathering(const StepGathering&) = delete;
  StepGathering& operator=(const StepGathering&) = delete;
  ~StepGathering();

  /// The error of a stream that has failed. Its records may be gone then: readers remove them that have seen
  /// how it has ended.
  [[nodiscard]] Result<void> check() const;
  /// Waits until the other writers have closed, too, or the stream has failed, or that moment has come;
  /// returns how the stream has ended.
  [[nodiscard]] StepRecord stop(Moment until);
  /// After that: why the stream has failed, as all its ranks are told.
  [[nodiscard]] const StreamFailure& failure() const noexcept { return failure_; }
  /// After that: the same with what only this rank knows of it; none if the stream has not failed, or there
  /// was no memory to say it.
  [[nodiscard]] const std::optional<Error>& error() const noexcept { return error_; }

 private:
  void work();
  [[nodiscard]] Result<void> await_writers();
  /// Puts a record, in time for who waits for it.
  template <class T>
  [[nodiscard]] Result<void> tell(const std::string& record, const T& value);
  [[nodiscard]] Result<void> grant_room();
  [[nodiscard]] Result<StepRecord> gather(std::uint64_t number);
  [[nodiscard]] Result<void> may_wait();
  [[nodiscard]] Result<void> may_wait_for_readers();
  [[nodiscard]] Result<void> may_wait_for(std::size_t writer);
  /// The error of a stream that fails for this reason.
  [[nodiscard]] Error failed_by(const StreamFailure& failure);
  /// Which writer keeps this from going on.
  [[nodiscard]] StreamFailure who_is_late() const;
  /// The first writer that has said nothing of the step that is gathered; the number of writers if all have.
  [[nodiscard]] std::size_t first_missing() const;
  /// The rank of that writer.
  [[nodiscard]] int rank_of(std::size_t writer) const noexcept;
  /// Evicts what tells of the step that was published.
  void evict_records() const;
  /// A variable of the step that has two types; none if there is none.
  [[nodiscard]] std::optional<StreamFailure> two_types(const StepRecord& step) const;
  /// Tells all others that the stream has failed.
  void fail(const Error& error);
  [[nodiscard]] Result<void> run();

  const Stream stream_;
  StepQueue& queue_;
  const StepWriterOptions options_;
  const std::shared_ptr<StepIndex> index_;
  std::vector<PresenceWatch> writers_;  ///< that with index 1 first
  std::uint64_t granted_ = 0;
  std::uint64_t gathered_ = 0;
  StepRecord last_;
  StreamFailure failure_;
  std::optional<Error> error_;
  Moment freed_at_{};  ///< when released steps were looked for last, while this waited for a writer
  std::atomic<std::int64_t> stop_at_{INT64_MAX};  ///< in ticks of the clock
  Completion<bool> ended_;                        ///< set once the thread has done all
  BackgroundThread thread_;
};

}  // namespace locum::detail
