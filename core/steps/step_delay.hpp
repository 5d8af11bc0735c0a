#pragma once

#include <cstdint>

#include "core/step_options.hpp"
#include "core/steps/stream.hpp"
#include "core/steps/stream_failure.hpp"

namespace locum::detail {

/// Finds what a call that has waited in vain has waited for, out of the records of the stream, so that its
/// error names one cause and one rank. Called after the deadline: asks, and waits for no record. If the node
/// of the records does not answer in time (see Records::ends_by), that is the cause. Any thread.
class StepDelay {
 public:
  explicit StepDelay(const Stream& stream) : stream_(stream) {}

  /// Returns that fewer readers have joined than a writer waits for.
  [[nodiscard]] StreamFailure of_rendezvous(const StepWriterOptions& options) const;
  /// Returns why a writer of several may not begin the step of that number.
  [[nodiscard]] StreamFailure of_room(const StepWriterOptions& options, std::uint64_t number) const;
  /// Returns why a stream has not ended of which this writer has closed its part before the step `number`.
  [[nodiscard]] StreamFailure of_end(const StepWriterOptions& options, std::uint64_t number) const;
  /// Returns why a rank that reads does not find the step of that number, made of those parts.
  [[nodiscard]] StreamFailure of_step(const Handle& reader, std::uint64_t number, std::uint64_t part) const;
  /// Why a member of a group, which has read a stream to its end, is not told so: another one holds a step,
  /// which goes to this one if that dies. None if the stream has not ended, or nobody holds one.
  [[nodiscard]] StreamFailure of_group(std::uint64_t group, std::uint64_t side) const;

  /// A rank of the side that has begun the step, which has neither released it nor left; none if all have.
  [[nodiscard]] StreamFailure of_claim(const BegunRecord& claim, std::uint64_t step) const;

  /// Returns the reader that keeps the steps of the stream in memory; none if it has no steps.
  [[nodiscard]] StreamFailure of_memory() const;
  /// Returns the first writer that has not ended its part; the number of writers if all have.
  [[nodiscard]] std::uint64_t missing_part(std::uint64_t number) const;

 private:
  /// That, if all that was asked for it was answered.
  [[nodiscard]] StreamFailure answered(const StreamFailure& found) const;
  [[nodiscard]] StreamFailure find_room(const StepWriterOptions& options, std::uint64_t number) const;
  [[nodiscard]] StreamFailure find_end(const StepWriterOptions& options, std::uint64_t number) const;
  [[nodiscard]] StreamFailure find_step(const Handle& reader, std::uint64_t number, std::uint64_t part) const;
  [[nodiscard]] StreamFailure find_claim(std::uint64_t group, std::uint64_t side) const;
  [[nodiscard]] std::uint64_t readers() const;
  [[nodiscard]] int rank_of(std::uint64_t writer) const;
  [[nodiscard]] bool may_want(const SideRecord& side, std::uint64_t step) const;
  /// Returns a rank of that side that has not released the step; none if all have, or the side is unknown.
  [[nodiscard]] StreamFailure of_side(const Result<View<SideRecord>>& side, std::uint64_t step) const;
  /// Returns the reader that keeps the steps that exist.
  [[nodiscard]] StreamFailure of_readers() const;
  /// The number of the oldest step, and behind the newest one.
  struct Range {
    std::uint64_t first = 0;
    std::uint64_t end = 0;
  };
  [[nodiscard]] Range steps() const;

  const Stream& stream_;
};

}  // namespace locum::detail
