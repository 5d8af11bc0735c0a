#pragma once

#include <cstdint>
#include <memory>

#include "core/ports/checkpoint_files.hpp"
#include "core/session.hpp"

namespace locum {

/// Lets a session of that many ranks read and write HDF5 files, if this library was built with HDF5.
void use_hdf5(Session& session, std::uint32_t ranks);
/// Returns the files of checkpoints; null if this library was built without HDF5.
[[nodiscard]] std::shared_ptr<CheckpointFiles> open_checkpoint_files();

}  // namespace locum
