#pragma once

#include <locum/ports/backend.hpp>

namespace locum::backends {

/// Records in one file, to which they are appended: `pack:///scratch/run17.pack`. One session at a time
/// writes it. With `?read=1` any number of others read it, and see what is appended. A record is on the disk
/// when it is stored; with `?sync=0` the system writes it when it likes: it survives the process, not the
/// machine. Replaced and removed records are left out of a new file in its place, when they are more than
/// half of it; `?compact=1` does so when it is opened. `?repair=1`: also without records that are damaged.
/// `?lock=0`: on a file system without locks. `?files=collection`: the path is a folder, with a file for each
/// collection of each store.
inline constexpr BackendTraits pack{.scheme = "pack",
                                    .longest_name = 60'000,
                                    .loads_ends = true,
                                    .in_place = true,
                                    .shared_by = SharedBy::process};

}  // namespace locum::backends
