#pragma once

#include <string>
#include <string_view>

#include "core/checkpoint_options.hpp"
#include "core/session.hpp"
#include "core/value/deadline.hpp"
#include "core/value/result.hpp"
#include "mpi/group.hpp"

namespace locum {

class BackgroundCheckpoints;
class CheckpointFiles;

/// What writing and reading a checkpoint need of a runtime. Both are collective over the group.
struct CheckpointJob {
  mpi::CommunicatorGroup& group;
  Session& session;
  CheckpointFiles& files;
  std::string_view store;
  std::string path;  ///< as the program gave it
  std::string file;  ///< the same, resolved in that call (resolved_path())
  Deadline until;
  const BackgroundCheckpoints* others = nullptr;  ///< that are being written by this runtime
};

/// See Runtime::checkpoint(). Throws Error, the same one on all ranks.
[[nodiscard]] CheckpointReport write_checkpoint(const CheckpointJob& job, const CheckpointOptions& options);
/// See Runtime::restore(). Throws Error, the same one on all ranks.
[[nodiscard]] CheckpointReport read_checkpoint(const CheckpointJob& job, const RestoreOptions& options);
/// See Runtime::restore_latest(): the path is a pattern. Throws Error, the same one on all ranks.
[[nodiscard]] CheckpointReport read_latest_checkpoint(const CheckpointJob& job,
                                                      const RestoreOptions& options);

}  // namespace locum
