#pragma once

#include <cstddef>
#include <span>

#include "core/value/result.hpp"

namespace locum::storage {

/// Returns the number of plain bytes that a chunk of Blosc 1 becomes. `corrupt` if its header or its blocks
/// cannot be: the library checks that it reads and writes within bounds, but not that blocks lie side by
/// side. Many of them in one place would be decompressed one by one, in time that is quadratic in the size of
/// the chunk.
[[nodiscard]] Result<std::size_t> checked_blosc_bytes(std::span<const std::byte> coded);

}  // namespace locum::storage
