#pragma once

#include <locum/ports/backend.hpp>

namespace locum::backends {

/// Records as datasets of one HDF5 file, which other programs read: `hdf5:///scratch/results.h5`. One session
/// at a time opens it, or with `?read_only=1` any number to read. They outlive the process that stored them,
/// and are no safer than HDF5's files are: a process killed within a change may leave a damaged file. What is
/// stored is on the disk; with `?sync=0` it survives the process, not the machine. `?damaged=1`: reads a file
/// whose writer was killed within a change. `?lock=0`: on a file system without locks.
inline constexpr BackendTraits hdf5{
    .scheme = "hdf5", .longest_name = 1024, .loads_ends = true, .shared_by = SharedBy::process};

}  // namespace locum::backends
