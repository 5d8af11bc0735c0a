#pragma once

#include <memory>

#include "core/ports/backend.hpp"
#include "core/url.hpp"

namespace locum::storage {

/// Records in the memory of this process, in one map: the shortest backend that does everything that it must,
/// to be read by whoever writes another one. `simple:`
[[nodiscard]] Result<std::shared_ptr<Backend>> open_simple(const Url& url);

}  // namespace locum::storage
