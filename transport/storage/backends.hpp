#pragma once

#include <memory>
#include <string_view>

#include "core/ports/backend.hpp"
#include "core/result.hpp"

namespace locum::storage {

/// The backend of a URL, with its wrappers; errors as of locum::open(). It has no stores: records are stored
/// and loaded by their names.
[[nodiscard]] Result<std::shared_ptr<Backend>> open_backend(std::string_view url);

}  // namespace locum::storage
