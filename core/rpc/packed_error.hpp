#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/value/error.hpp"

namespace locum {

/// The longest packed error.
inline constexpr std::size_t most_packed_bytes = 64 * 1024;

/// An error as bytes, to be sent to other ranks: code, text, detail and key. Texts beyond 16 KiB are cut,
/// visibly.
[[nodiscard]] std::vector<std::byte> pack(const Error& error);

/// The error packed in bytes from rank `rank`. Malformed bytes become the error `corrupt`, at that rank.
[[nodiscard]] Error unpack(std::span<const std::byte> bytes, int rank);

}  // namespace locum
