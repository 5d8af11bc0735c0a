#pragma once

#include <string>
#include <string_view>

#include "core/value/error.hpp"
#include "transport/storage/files/area.hpp"

namespace locum::storage {

/// Returns the error of a folder that has no shards, `not_found`, which names some of what is there instead.
/// \param looked_for the names that shards have: `*.shard` \param advice what the program is to do
[[nodiscard]] Error no_shards(FileArea& area, const std::string& folder, std::string_view looked_for,
                              std::string_view advice);

}  // namespace locum::storage
