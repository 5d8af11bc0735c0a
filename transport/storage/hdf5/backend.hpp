#pragma once

#include <memory>

#include "core/ports/backend.hpp"
#include "core/url.hpp"

namespace locum::storage {

/// Records as datasets of one HDF5 file, which other programs read: `hdf5:///scratch/results.h5`. One session
/// at a time opens it, or with `?read_only=1` any number to read. What is stored is on the disk; with
/// `?sync=0` it survives the process, not the machine. `?damaged=1`: reads a file whose writer was killed
/// within a change. `?lock=0`: on a file system without locks.
[[nodiscard]] Result<std::shared_ptr<Backend>> open_hdf5(const Url& url);

}  // namespace locum::storage
