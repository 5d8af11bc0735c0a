#pragma once

#include <memory>

#include "core/ports/backend.hpp"
#include "core/url.hpp"
#include "core/value/result.hpp"

namespace locum::storage {

/// Opens the folder of a URL for records that people edit: their files can be written, and are copied when
/// they are loaded. Options: `sync`, `create`.
[[nodiscard]] Result<std::shared_ptr<Backend>> open_edited_files(const Url& url);

}  // namespace locum::storage
