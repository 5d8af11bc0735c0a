#pragma once

#include <string>
#include <string_view>

#include "core/ports/backend.hpp"

namespace locum::storage {

/// How the packs of a folder are named: FOLDER/SPACE/COLLECTION.pack, with names as `file:` has them. What a
/// record is called is in its pack, too, as a whole.
inline constexpr std::string_view pack_suffix = ".pack";

/// The first level of a record's name, up to its `/`; empty: it is in no collection, as all names that begin
/// with `@` are, which the library gives.
[[nodiscard]] std::string_view collection_of(std::string_view name) noexcept;
/// The folder of a space.
[[nodiscard]] std::string pack_folder_name(std::string_view space);
/// The pack of a record, with the folder of its space.
[[nodiscard]] std::string pack_path_of(const RecordKey& key);
/// Whether a pack of that file name may have records whose names begin so. REQUIRES: `prefix` is in no
/// collection.
[[nodiscard]] bool may_have_names(std::string_view file_name, std::string_view prefix);

}  // namespace locum::storage
