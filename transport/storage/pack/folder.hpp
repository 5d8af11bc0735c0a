#pragma once

#include <memory>
#include <string>

#include "core/ports/backend.hpp"
#include "transport/storage/pack/writer_options.hpp"

namespace locum::storage {

/// So many packs of a folder are open at once, beside those that threads are just using.
inline constexpr std::size_t most_open_packs = 64;

/// A folder with a pack for each collection (see pack_path_of()), which this session alone writes; makes it.
/// With `compacts` or `repairs` it does so with all packs now.
[[nodiscard]] Result<std::shared_ptr<Backend>> open_pack_folder(const std::string& path,
                                                                const PackWriterOptions& options);
/// One that another session may be writing: changes nothing. `not_found` if it is not there.
[[nodiscard]] Result<std::shared_ptr<Backend>> open_pack_folder_reader(const std::string& path);

}  // namespace locum::storage
