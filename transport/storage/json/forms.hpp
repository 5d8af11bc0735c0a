#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/ports/backend.hpp"
#include "core/url.hpp"
#include "core/value/result.hpp"

namespace locum::storage {

/// Open the two forms of `json:`: a folder with a file for each object, and one file with all of them.
[[nodiscard]] Result<std::shared_ptr<Backend>> open_json_tree(const Url& url);
[[nodiscard]] Result<std::shared_ptr<Backend>> open_json_file(const Url& url);

/// Returns a loaded record that has a copy of these bytes.
[[nodiscard]] Result<LoadedRecord> loaded_copy(std::span<const std::byte> bytes, std::uint64_t revision);

}  // namespace locum::storage
