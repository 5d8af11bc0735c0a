#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <locum/detail/base/mutex.hpp>
#include <locum/error.hpp>

namespace locum {

/// How the functions of a pipeline's later stages react to an element for which they fail: they are called
/// again up to `retries` times; if all calls fail, the pipeline ends with the error, or with `skip` leaves
/// the element out and counts it in its report. A failure of the source always ends the pipeline.
struct ErrorPolicy {
  bool skip = false;
  std::uint32_t retries = 0;
};

/// An element for which a function failed.
struct ElementFailure {
  std::uint64_t element = 0;  ///< its number in the source, from 0
  Error error;
};

/// Counts of a pipeline.
struct PipelineReport {
  static constexpr std::size_t most_failures = 16;

  std::uint64_t succeeded = 0;  ///< elements that left the last stage
  std::uint64_t failed = 0;     ///< elements for which a function failed, skipped or not
  std::uint64_t retried = 0;    ///< calls that were repeated
  /// Elements that async_map() and prefetch() had begun or held when the pipeline ended early.
  std::uint64_t cancelled = 0;
  std::vector<ElementFailure> failures;  ///< of the lowest numbers, at most `most_failures`, ascending
  std::optional<Error> error;            ///< with which the pipeline ended
};

namespace detail::stages {

/// What the stages of one pipeline have in common. Any thread.
class PipelineLog {
 public:
  void cancel() noexcept { is_cancelled_ = true; }
  [[nodiscard]] bool is_cancelled() const noexcept { return is_cancelled_; }

  void note_retry() noexcept { ++retried_; }
  void note_cancelled(std::uint64_t elements) noexcept { cancelled_ += elements; }
  void note_failure(std::uint64_t element, const Error& error);
  /// Returns all but `succeeded` and `error`, which the end of the pipeline knows.
  [[nodiscard]] PipelineReport report() const;

 private:
  std::atomic<bool> is_cancelled_{false};
  std::atomic<std::uint64_t> retried_{0};
  std::atomic<std::uint64_t> cancelled_{0};
  mutable Mutex mutex_;
  std::uint64_t failed_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::vector<ElementFailure> failures_ LOCUM_GUARDED_BY(mutex_);
};

/// Returns the exception that is being handled as an error. REQUIRES: called in a handler.
[[nodiscard]] Error error_of_exception();
/// Returns a copy whose text names the element.
[[nodiscard]] Error failed_element(std::uint64_t element, const Error& cause);
/// Returns `unsupported`: no second pass over this source.
[[nodiscard]] Error cannot_rewind();
/// Returns `timeout`: no element came in time.
[[nodiscard]] Error no_element_in_time();
/// Returns `cancelled`.
[[nodiscard]] Error pipeline_cancelled();
/// Returns `closed`: the pipeline was begun before a fork.
[[nodiscard]] Error begun_before_fork();
/// Returns `unsupported`: this stage leaves no position.
[[nodiscard]] Error no_position_behind(std::string_view stage);
/// Returns `unsupported`: part of an element of the source was consumed.
[[nodiscard]] Error position_inside_element(std::uint64_t element);
/// Returns `unsupported`: a function that takes its element away cannot be called again.
[[nodiscard]] Error element_taken();
/// Returns `queue_full`: a cache holds as much as it may.
[[nodiscard]] Error cache_full(std::uint64_t most_bytes);
/// Returns `queue_full`: another consumer of a tee is too far behind.
[[nodiscard]] Error consumer_lags(std::size_t consumer, std::size_t most_elements);
/// Throws `invalid_argument`: a stage is added to a pipeline that has given elements.
[[noreturn]] void refuse_late_stage();
/// Throws `invalid_argument` if `number` is 0. \param argument as in "batch(n)"
void require_positive(std::uint64_t number, std::string_view argument);
/// Throws `invalid_argument` unless 0 <= rank < size.
void require_rank(std::uint64_t rank, std::uint64_t size);

}  // namespace detail::stages
}  // namespace locum
