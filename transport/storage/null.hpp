#pragma once

#include <memory>

#include "core/ports/backend.hpp"
#include "core/url.hpp"

namespace locum::storage {

inline constexpr BackendTraits null_traits{
    .scheme = "null", .is_atomic = false, .is_durable = false, .shared_by = SharedBy::process};

/// Keeps nothing: what is stored is gone. For measuring a program without its store. `null:`
[[nodiscard]] Result<std::shared_ptr<Backend>> open_null(const Url& url);

}  // namespace locum::storage
