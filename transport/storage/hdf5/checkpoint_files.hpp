#pragma once

#include <memory>

#include "core/ports/checkpoint_files.hpp"

namespace locum::storage {

/// Makes the port for checkpoints in HDF5 files.
[[nodiscard]] std::shared_ptr<CheckpointFiles> open_checkpoint_files();

}  // namespace locum::storage
