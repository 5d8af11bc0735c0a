#pragma once

#include <mpi.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

#include "core/deadline.hpp"

namespace locum::mpi {

using Moment = Deadline::Clock::time_point;

/// The pauses of one wait in which nobody can wake us, because only MPI knows when it is over: yields at
/// first, then times that grow to a millisecond, so that ranks that share a core get it. Owned by the wait;
/// one thread.
class Backoff {
 public:
  void pause();

 private:
  std::mutex mutex_;
  std::condition_variable never_;
  unsigned pauses_ = 0;
};

/// Drives a nonblocking operation until it is complete (true) or the moment has come (false). Throws what MPI
/// reports.
[[nodiscard]] bool finished_by(MPI_Request& request, Moment moment);

/// The error `timeout` for a collective step that not all ranks came to.
[[noreturn]] void throw_timeout(std::string_view what);

/// The same, giving back the memory that the operation works on. An operation that did not complete keeps it
/// until the process ends: a collective can be neither cancelled nor freed, and MPI may still write there.
template <class Buffers>
[[nodiscard]] Buffers complete(std::unique_ptr<Buffers> buffers, MPI_Request request, Moment moment,
                               std::string_view what) {
  Buffers& lent = *buffers.release();
  if (!finished_by(request, moment)) {
    throw_timeout(what);
  }
  const std::unique_ptr<Buffers> back(&lent);
  return std::move(*back);
}

}  // namespace locum::mpi
