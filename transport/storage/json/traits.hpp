#pragma once

#include <locum/ports/backend.hpp>

namespace locum::backends {

/// Records as JSON that people read and edit: `json:///scratch/notes` is a folder with a file
/// COLLECTION/NAME.json for each object, `json:///scratch/notes.json` one file with all of them. Any number
/// of processes may use either at once. A value that was edited by hand is a new one, of the type that the
/// file names; a plain one, `3.5`, is an object, too.
///
/// Its options: `sync=0` does not wait for the disk; `create=0` does not make the folder.
inline constexpr BackendTraits json{
    .scheme = "json", .longest_name = 195, .name_bytes = NameBytes::file_name};

}  // namespace locum::backends
