#pragma once

#include <mpi.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

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

/// The ranks that are known to be dead, now. Cheap, since who waits asks again and again; may be empty.
using LostRanks = std::function<std::vector<int>()>;

/// Drives nonblocking operations until they are complete (true), or the moment has come or a rank is lost
/// (false). Throws what MPI reports.
[[nodiscard]] bool finished_by(std::vector<MPI_Request>& requests, Moment moment, const LostRanks& lost);

/// The error `peer_lost`, naming the ranks, for a collective step that lost ranks cannot come to, if there
/// are any.
void throw_if_lost(std::string_view what, const LostRanks& lost);
/// The error `timeout` for a collective step that not all ranks came to.
[[noreturn]] void throw_timeout(std::string_view what);

/// Keeps memory until the process ends, because MPI may write to it until then.
void keep_for_good(std::shared_ptr<void> memory);

/// Waits for the operations and gives back the memory that they work on. One that did not complete keeps its
/// memory for good: a collective can be neither cancelled nor freed.
template <class Buffers>
[[nodiscard]] Buffers complete(std::unique_ptr<Buffers> buffers, std::vector<MPI_Request> requests,
                               Moment moment, std::string_view what, const LostRanks& lost) {
  const std::shared_ptr<Buffers> shared = std::move(buffers);
  bool finished = false;
  try {
    finished = finished_by(requests, moment, lost);
  } catch (...) {
    keep_for_good(shared);
    throw;
  }
  if (!finished) {
    keep_for_good(shared);
    throw_if_lost(what, lost);
    throw_timeout(what);
  }
  return std::move(*shared);
}

}  // namespace locum::mpi
