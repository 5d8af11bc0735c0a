#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace locum {

/// CRC-32C of any bytes, by the processor's instruction if it has one. `before`: the checksum of the
/// preceding bytes.
[[nodiscard]] std::uint32_t checksum(std::span<const std::byte> bytes, std::uint32_t before = 0) noexcept;
/// The text of the error for bytes whose checksum changed since they were sealed.
[[nodiscard]] std::string wrong_checksum(std::uint32_t found, std::uint32_t sealed);

}  // namespace locum
