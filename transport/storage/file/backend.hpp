#pragma once

#include <memory>

#include "core/ports/backend.hpp"
#include "core/url.hpp"

namespace locum::storage {

/// Records in the files of a folder: `file:///scratch/run17`, `file:relative/folder`. Any number of processes
/// and hosts may use it at once, and other programs may read its files, add some, and change them.
///
/// Its options: `sync=0` does not wait for the disk: what was stored outlives the process, but not a loss of
/// power. `plain=1` stores the payload of named objects alone. `create=0` does not make the folder.
[[nodiscard]] Result<std::shared_ptr<Backend>> open_file(const Url& url);

}  // namespace locum::storage
