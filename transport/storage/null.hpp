#pragma once

#include <memory>

#include "core/ports/backend.hpp"
#include "core/url.hpp"

namespace locum::storage {

/// Keeps nothing: what is stored is gone. For measuring a program without its store. `null:`
[[nodiscard]] Result<std::shared_ptr<Backend>> open_null(const Url& url);

}  // namespace locum::storage
