#pragma once

#include <cstdint>
#include <memory>

#include "core/ports/checkpoint_files.hpp"
#include "core/session.hpp"

namespace locum {

/// Lets a session of that many ranks write steps to files and read them, as parts of other files: of Zarr,
/// and of HDF5 if this library was built with it.
void use_files(Session& session, std::uint32_t ranks);
/// Returns the files of checkpoints; null if this library was built without HDF5.
[[nodiscard]] std::shared_ptr<CheckpointFiles> open_checkpoint_files();

}  // namespace locum
