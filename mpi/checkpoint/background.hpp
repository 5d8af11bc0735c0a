#pragma once

#include <chrono>
#include <memory>
#include <string_view>

#include "core/async_result.hpp"
#include "core/checkpoint_options.hpp"
#include "core/value/deadline.hpp"
#include "mpi/checkpoint/protocol.hpp"

namespace locum {

/// The checkpoints that a runtime writes in the background, on one rank. begin() makes their files, by calls
/// of MPI and HDF5; a thread for each one then fills them on the ranks that write, without such calls. The
/// ranks tell each other by promises: each writer how its part ended, rank 0 how the checkpoint did. So a
/// rank that dies is noticed as the maker of any promise is, and the results end by themselves on all ranks.
/// Used by the thread that makes the collective calls.
class BackgroundCheckpoints {
 public:
  /// \param patience how long after a checkpoint's deadline a rank waits to be told how it ended
  [[nodiscard]] static std::unique_ptr<BackgroundCheckpoints> make(std::chrono::milliseconds patience);
  BackgroundCheckpoints() = default;
  BackgroundCheckpoints(const BackgroundCheckpoints&) = delete;
  BackgroundCheckpoints& operator=(const BackgroundCheckpoints&) = delete;
  /// Stops what is still written, and leaves behind what does not stop soon. REQUIRES: the session is closed.
  virtual ~BackgroundCheckpoints() = default;

  /// Collective. See Runtime::checkpoint_async(). Throws Error, the same one on all ranks.
  [[nodiscard]] virtual AsyncResult<CheckpointReport> begin(const CheckpointJob& job,
                                                            const CheckpointOptions& options) = 0;
  /// On rank 0: whether a checkpoint of that file is being written, by its resolved path. If ranks may know
  /// that it has ended, this waits until nothing more is done for it.
  [[nodiscard]] virtual bool writes(std::string_view path) const noexcept = 0;
  /// This rank has done all, and knows what was written, for the checkpoints of which it may know that they
  /// have ended. Waits for a thread that has been told so and goes on.
  virtual void settle() const noexcept = 0;
  /// Waits until all have ended, on all ranks; from that moment on stops those that have not, and waits a
  /// second at most until they have.
  virtual void finish(Deadline::Clock::time_point until) noexcept = 0;
};

}  // namespace locum
