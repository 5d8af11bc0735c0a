#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace locum {

/// CRC-32C of any bytes, by the processor's own instruction where it has one. `before`: the sum of the bytes
/// that come before these.
[[nodiscard]] std::uint32_t checksum(std::span<const std::byte> bytes, std::uint32_t before = 0) noexcept;
/// What an error says of bytes that have another sum than when they were sealed.
[[nodiscard]] std::string wrong_checksum(std::uint32_t found, std::uint32_t sealed);

}  // namespace locum
