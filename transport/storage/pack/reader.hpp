#pragma once

#include <memory>
#include <string>

#include "core/ports/backend.hpp"

namespace locum::storage {

/// A pack that another session may be writing: changes nothing. `not_found` if it is not there.
[[nodiscard]] Result<std::shared_ptr<Backend>> open_pack_reader(const std::string& path);

}  // namespace locum::storage
