#pragma once

#include <mpi.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include "core/value/deadline.hpp"

namespace locum::mpi {

using Moment = Deadline::Clock::time_point;

/// Pauses of one polling wait, whose end only MPI knows: yields at first, then sleeps of up to a millisecond,
/// so that ranks that share a core get it. A sleep is a small share of the wait so far: a collective step has
/// several rounds, each of which goes on when a rank polls again. Owned by the wait; one thread.
class Backoff {
 public:
  void pause();

 private:
  const Deadline::Clock::time_point began_ = Deadline::Clock::now();
  std::mutex mutex_;
  std::condition_variable never_;
};

/// Returns the ranks known to be dead now. Must be cheap, since waits poll it; may be empty.
using LostRanks = std::function<std::vector<int>()>;
/// Called again and again while a wait lasts; may be empty.
using StillWaits = std::function<void()>;

/// Progresses nonblocking operations until they are complete (true), or the moment has come or a rank is lost
/// (false). Throws MPI's errors.
[[nodiscard]] bool finished_by(std::vector<MPI_Request>& requests, Moment moment, const LostRanks& lost,
                               const StillWaits& still_waits = {});

/// Throws `peer_lost`, naming the ranks, for a collective step that lost ranks cannot join, if any are lost.
void throw_if_lost(std::string_view what, const LostRanks& lost);
/// Throws `timeout` for a collective step that not all ranks have joined.
[[noreturn]] void throw_timeout(std::string_view what);

/// Keeps memory until the process ends, because MPI may write to it until then.
void keep_for_good(std::shared_ptr<void> memory);

/// Waits for the operations and returns their buffers. Buffers of incomplete operations are kept until the
/// process ends: a collective can be neither cancelled nor freed.
template <class Buffers>
[[nodiscard]] Buffers complete(std::unique_ptr<Buffers> buffers, std::vector<MPI_Request> requests,
                               Moment moment, std::string_view what, const LostRanks& lost,
                               const StillWaits& still_waits = {}) {
  const std::shared_ptr<Buffers> shared = std::move(buffers);
  bool finished = false;
  try {
    finished = finished_by(requests, moment, lost, still_waits);
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
