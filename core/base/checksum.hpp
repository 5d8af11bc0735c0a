#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace locum {

namespace detail {

/// Row r: the effect of a byte followed by r zero bytes. Eight bytes are looked up in parallel ("slicing by
/// eight", Kounavis and Berry 2005).
inline constexpr std::array<std::array<std::uint32_t, 256>, 8> crc32c_tables = [] {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t state = byte;
    for (int bit = 0; bit < 8; ++bit) {
      state = (state >> 1U) ^ ((state & 1U) != 0 ? 0x82F63B78U : 0U);
    }
    tables[0][byte] = state;
  }
  for (std::size_t row = 1; row < tables.size(); ++row) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[row - 1][byte];
      tables[row][byte] = (before >> 8U) ^ tables[0][before & 0xFFU];
    }
  }
  return tables;
}();

}  // namespace detail

/// CRC-32C (Castagnoli polynomial): detects every change within 32 neighbouring bits. `before`: the checksum
/// of the preceding bytes. Portable and constexpr; see checksum().
[[nodiscard]] constexpr std::uint32_t crc32c(std::span<const std::byte> bytes,
                                             std::uint32_t before = 0) noexcept {
  const auto& tables = detail::crc32c_tables;
  const auto byte_at = [&](std::size_t at) { return static_cast<std::uint32_t>(bytes[at]); };
  const auto word_at = [&](std::size_t at) {
    return byte_at(at) | (byte_at(at + 1) << 8U) | (byte_at(at + 2) << 16U) | (byte_at(at + 3) << 24U);
  };
  std::uint32_t state = ~before;
  std::size_t at = 0;
  for (; bytes.size() - at >= 8; at += 8) {
    const std::uint32_t low = state ^ word_at(at);
    const std::uint32_t high = word_at(at + 4);
    state = tables[7][low & 0xFFU] ^ tables[6][(low >> 8U) & 0xFFU] ^ tables[5][(low >> 16U) & 0xFFU] ^
            tables[4][low >> 24U] ^ tables[3][high & 0xFFU] ^ tables[2][(high >> 8U) & 0xFFU] ^
            tables[1][(high >> 16U) & 0xFFU] ^ tables[0][high >> 24U];
  }
  for (; at < bytes.size(); ++at) {
    state = (state >> 8U) ^ tables[0][(state ^ byte_at(at)) & 0xFFU];
  }
  return ~state;
}

/// CRC-32C of any bytes, by the processor's instruction if it has one. `before`: the checksum of the
/// preceding bytes.
[[nodiscard]] std::uint32_t checksum(std::span<const std::byte> bytes, std::uint32_t before = 0) noexcept;
/// The text of the error for bytes whose checksum changed since they were sealed.
[[nodiscard]] std::string wrong_checksum(std::uint32_t found, std::uint32_t sealed);

}  // namespace locum
