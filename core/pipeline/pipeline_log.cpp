#include "core/pipeline/pipeline_log.hpp"

#include <algorithm>
#include <new>

namespace locum::detail::stages {

void PipelineLog::note_failure(std::uint64_t element, const Error& error) {
  const MutexLock lock(mutex_);
  ++failed_;
  const auto at =
      std::upper_bound(failures_.begin(), failures_.end(), element,
                       [](std::uint64_t number, const ElementFailure& one) { return number < one.element; });
  if (at == failures_.end() && failures_.size() == PipelineReport::most_failures) {
    return;
  }
  failures_.insert(at, ElementFailure{element, error});
  if (failures_.size() > PipelineReport::most_failures) {
    failures_.pop_back();
  }
}

PipelineReport PipelineLog::report() const {
  PipelineReport report;
  report.retried = retried_;
  report.cancelled = cancelled_;
  const MutexLock lock(mutex_);
  report.failed = failed_;
  report.failures = failures_;
  return report;
}

Error error_of_exception() {
  constexpr auto text =
      "a function or the source of the pipeline threw an exception; catch it there, or return a Result";
  try {
    throw;
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return no_memory_left();
  } catch (const std::exception& error) {
    return Error(Errc::system, text, error.what());
  } catch (...) {
    return Error(Errc::system, text, "of a type that is not derived from that of the standard library");
  }
}

Error failed_element(std::uint64_t element, const Error& cause) {
  Error error(cause.code(), "element " + std::to_string(element) + " of the pipeline failed: " + cause.text(),
              cause.detail());
  return cause.key().empty() ? error : error.about(cause.key(), cause.rank());
}

Error cannot_rewind() {
  return Error(
      Errc::unsupported,
      "the source of this pipeline can be read once; make a new pipeline, or add a cache to read again "
      "what the first pass has read");
}

Error no_element_in_time() {
  return Error(Errc::timeout,
               "the pipeline had no element before the deadline, and continues; ask again, or set a "
               "longer timeout");
}

Error pipeline_cancelled() {
  return Error(Errc::cancelled, "this pipeline was cancelled; make a new one to go on from its position");
}

Error begun_before_fork() {
  return Error(Errc::closed,
               "this pipeline was begun before the process forked, and its threads are in the parent; make "
               "pipelines after the fork");
}

Error no_position_behind(std::string_view stage) {
  return Error(Errc::unsupported, "elements behind " + std::string(stage) +
                                      " are not in the order of the source, which has no position for them; "
                                      "save the position of a pipeline without that stage");
}

Error position_inside_element(std::uint64_t element) {
  return Error(Errc::unsupported, "element " + std::to_string(element) +
                                      " of the source has been consumed in part; ask for the position behind "
                                      "the last of the elements that are made of it");
}

Error element_taken() {
  return Error(Errc::unsupported,
               "a function that takes its element by a non-const reference, or moves it in, cannot be called "
               "again after a failure; let it take a const reference, or set no retries");
}

Error cache_full(std::uint64_t most_bytes) {
  return Error(Errc::queue_full, "the elements of this pipeline need more than the " +
                                     std::to_string(most_bytes) +
                                     " bytes of its cache; give it more, or cache before the stages that "
                                     "enlarge elements");
}

Error consumer_lags(std::size_t consumer, std::size_t most_elements) {
  return Error(Errc::queue_full, "consumer " + std::to_string(consumer) + " of the tee is " +
                                     std::to_string(most_elements) +
                                     " elements behind, which is the bound; read that one, or give the tee a "
                                     "larger bound");
}

void refuse_late_stage() {
  throw Error(
      Errc::invalid_argument,
      "a stage is added to a pipeline that has given elements already, of which it would know nothing; "
      "add all stages first");
}

void require_positive(std::uint64_t number, std::string_view argument) {
  if (number == 0) {
    throw Error(Errc::invalid_argument,
                std::string(argument) + " of a pipeline is at least 1, and was given 0; leave the stage out");
  }
}

void require_rank(std::uint64_t rank, std::uint64_t size) {
  if (rank >= size) {
    throw Error(Errc::invalid_argument, "rank " + std::to_string(rank) + " of " + std::to_string(size) +
                                            " ranks cannot split a pipeline; "
                                            "give a rank from 0, less than their number");
  }
}

}  // namespace locum::detail::stages
