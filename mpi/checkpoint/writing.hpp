#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/checkpoint_options.hpp"
#include "mpi/checkpoint/earlier.hpp"
#include "mpi/checkpoint/protocol.hpp"
#include "transport/storage/durable_file.hpp"
#include "transport/storage/hdf5/checkpoint_series.hpp"
#include "transport/storage/hdf5/master_file.hpp"
#include "transport/storage/hdf5/part_writer.hpp"

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
  void begin(const CheckpointOptions& options, EarlierCheckpoints& earlier);
  void make_master(const CheckpointJob& job);

  /// Removes the folder of the parts if it is empty in the end. Only on rank 0, which has made it, and makes
  /// it for the next one.
  struct PartsFolder {
    std::string path;
    ~PartsFolder();
  };

  const std::string step_;
  const std::string path_;
  const std::string store_name_;
  std::uint32_t store_ = 0;
  std::optional<storage::WritingLock> lock_;  ///< on rank 0
  storage::CheckpointFacts facts_;
  bool rolling_ = false;
  const std::uint64_t node_;
  std::shared_ptr<EarlierCheckpoints> earlier_;  ///< null: this one is not incremental
  std::uint64_t number_ = 0;                     ///< in earlier_
  bool xdmf_ = false;
  std::vector<storage::ExpiredCheckpoint> expired_;  ///< on rank 0
  std::uint64_t time_ns_ = 0;                        ///< on rank 0
  const std::string parts_folder_;
  PartsFolder made_folder_;
  const bool writes_;
  std::string part_path_;  ///< of this rank's node
  std::vector<storage::PartRow> rows_;
  std::optional<storage::PartWriter> part_;
  std::optional<storage::MasterWriter> master_;  ///< on rank 0
  CheckpointReport report_;
};

}  // namespace locum
