#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/checkpoint_options.hpp"
#include "core/ports/checkpoint_files.hpp"
#include "mpi/checkpoint/protocol.hpp"

namespace locum {

/// What a rank has of a checkpoint that is being written: its objects are pinned, its files are made, with
/// place for all bytes, and the lock of its path is held. All MPI and HDF5 calls are made by the constructor,
/// so that another thread may do the rest. Files that have their names when it is destroyed stay: the next
/// checkpoint of that path removes them if they are of none.
class CheckpointWriting {
 public:
  /// Collective. Throws Error, the same one on all ranks.
  CheckpointWriting(const CheckpointJob& job, const CheckpointOptions& options);
  CheckpointWriting(const CheckpointWriting&) = delete;
  CheckpointWriting& operator=(const CheckpointWriting&) = delete;

  /// Whether this rank has anything to write: one of each node has, rank 0 among them.
  [[nodiscard]] bool writes() const noexcept { return writes_; }
  /// Writes the objects of this node, unpins them, and gives their file its name. `pause` is called before
  /// each write of 2 MiB at most; what it throws ends the writing.
  void write(const std::function<void()>& pause = {});
  /// Removes what write() has left. REQUIRES: it is known that nobody will publish the checkpoint.
  void give_up() noexcept;
  /// On rank 0, when all have written: the checkpoint is there, and replaces an older one.
  void publish();
  /// Once it is complete: the next incremental one may share its files. Without memory for that, it does not.
  void remember() noexcept;
  /// The checkpoint, once it is complete.
  [[nodiscard]] const CheckpointReport& report() const noexcept { return report_; }
  /// For errors: which checkpoint of which store.
  [[nodiscard]] const std::string& step() const noexcept { return step_; }

 private:
  const std::string step_;
  const bool writes_;
  std::unique_ptr<CheckpointWrites> checkpoint_;  ///< on rank 0
  std::unique_ptr<PartWriting> part_;             ///< of this rank's node, if this rank writes it
  CheckpointReport report_;
};

}  // namespace locum
