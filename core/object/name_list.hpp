#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "core/value/result.hpp"

namespace locum {

/// Names as bytes, for sending: each preceded by its length in 4 bytes.
[[nodiscard]] std::vector<std::byte> pack_names(const std::vector<std::string>& names);

/// Appends the names in bytes from another rank; `corrupt` if they are malformed.
[[nodiscard]] Result<void> unpack_names(std::span<const std::byte> bytes, std::vector<std::string>& names);

}  // namespace locum
