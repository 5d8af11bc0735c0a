#pragma once

#include <cstddef>
#include <string>

#include "core/value/result.hpp"
#include "transport/storage/files/area.hpp"
#include "transport/storage/zarr/zarr_place.hpp"

namespace locum::storage {

/// Returns whether a folder has files that an array in it would take for its chunks.
[[nodiscard]] Result<bool> has_chunks(const ZarrPlace& place);
/// Removes these files, of an array that nobody has finished, as far as that is possible.
void remove_chunks(const ZarrPlace& place) noexcept;
/// Removes a chunk, or a folder of chunks and those in it; nothing if there is none. \param depth of the
/// folder
[[nodiscard]] Result<void> remove_chunks_at(FileArea& area, const std::string& path, std::size_t depth = 0);

}  // namespace locum::storage
