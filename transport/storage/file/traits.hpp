#pragma once

#include <locum/ports/backend.hpp>

namespace locum::backends {

/// Records in the files of a folder: `file:///scratch/run17`, `file:relative/folder`. Any number of processes
/// and hosts may use it at once, and other programs may read its files, add some, and change them.
///
/// Its options: `sync=0` does not wait for the disk: what was stored outlives the process, but not a loss of
/// power. `plain=1` stores the payload of named objects alone. `create=0` does not make the folder.
inline constexpr BackendTraits file{.scheme = "file",
                                    .longest_name = 200,
                                    .name_bytes = NameBytes::file_name,
                                    .loads_ends = true,
                                    .in_place = true};

}  // namespace locum::backends
