#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace locum {

/// Names as bytes, for sending: each with its length before it, 4 bytes.
[[nodiscard]] std::vector<std::byte> pack_names(const std::vector<std::string>& names);

/// Appends the names behind bytes that another rank sent; `corrupt` if they are none.
[[nodiscard]] Result<void> unpack_names(std::span<const std::byte> bytes, std::vector<std::string>& names);

}  // namespace locum
