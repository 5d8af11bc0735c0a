#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/step_options.hpp"
#include "core/step_side.hpp"
#include "core/steps/presence.hpp"
#include "core/steps/step_record.hpp"
#include "core/steps/stream.hpp"

namespace locum::detail {

/// A rank's part of a StepReader, which joins the stream with its first step. One thread at a time.
class StepInput {
 public:
  using Moment = Stream::Moment;

  StepInput(StepSide side, std::string_view stream, const StepReaderOptions& options)
      : side_(std::move(side)), name_(stream), options_(options) {}
  StepInput(const StepInput&) = delete;
  StepInput& operator=(const StepInput&) = delete;
  ~StepInput();

  struct Found {
    std::uint64_t number = 0;
    View<StepRecord> record;
    /// Sealed, it says that this rank has released the step. Made beforehand, so that it needs no memory
    /// then.
    Writer<std::uint8_t> released;
  };
  /// The next step; see StepReader::next().
  [[nodiscard]] Result<Found> next(Deadline deadline);
  /// The newest step, at least the next one; releases those before it.
  [[nodiscard]] Result<Found> latest(Deadline deadline);

  [[nodiscard]] const StepSide& side() const noexcept { return side_; }
  /// REQUIRES: there was a step.
  [[nodiscard]] const Stream& stream() const noexcept { return *stream_; }

 private:
  [[nodiscard]] Moment moment(Deadline deadline) const;
  [[nodiscard]] Result<void> join(Moment until);
  [[nodiscard]] Result<void> find_stream(Moment until);
  [[nodiscard]] Result<void> join_first(Moment until);
  [[nodiscard]] Result<void> join_others(Moment until);
  [[nodiscard]] Result<std::uint64_t> first_step(Moment until) const;
  [[nodiscard]] Result<std::uint64_t> published(Moment until) const;
  [[nodiscard]] Result<View<StepRecord>> await(std::uint64_t number, Moment until);
  [[nodiscard]] Result<std::uint64_t> choose(Moment until);
  [[nodiscard]] Result<std::uint64_t> find_turn(Moment until);
  [[nodiscard]] Result<void> check_writer();
  [[nodiscard]] Result<void> check_writer_of(std::uint64_t number);
  [[nodiscard]] Result<void> check_first_reader();
  void complete(std::uint64_t number) const;
  [[nodiscard]] Result<Found> judged(std::uint64_t number, Result<View<StepRecord>> step, Moment until);
  void leave() noexcept;

  const StepSide side_;
  const std::string name_;
  const StepReaderOptions options_;
  std::optional<Stream> stream_;
  Presence presence_;
  Handle handle_{};  ///< of that
  PresenceWatch writer_;
  std::optional<PresenceWatch> first_reader_;  ///< of the ranks with another index
  bool has_joined_ = false;
  std::uint64_t next_ = 0;
  std::uint64_t next_part_ = 0;  ///< of which the next step is made, unless some were dropped
  std::optional<Error> over_;
};

}  // namespace locum::detail
