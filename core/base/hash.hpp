#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace locum {

namespace detail {

/// Folds the 128-bit product of two words: each bit of either reaches all bits of the result.
[[nodiscard]] inline std::uint64_t fold_multiply(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

}  // namespace detail

/// 64-bit hash of any bytes, eight at a time; the same on every rank of a job. Not resistant to chosen
/// collisions: names are always compared after equal hashes.
[[nodiscard]] inline std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0) noexcept {
  constexpr std::uint64_t k0 = 0x9E3779B97F4A7C15U;  // 2^64 / golden ratio
  constexpr std::uint64_t k1 = 0xD6E8FEB86659FD93U;
  // The seed is multiplied in: if it were only xored, a change of the first word could cancel it.
  std::uint64_t state = detail::fold_multiply(bytes.size() + k1, seed ^ k0);
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    state = detail::fold_multiply(state ^ word, k0) + k1;
  }
  if (left > 0) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, left);
    state = detail::fold_multiply(state ^ word, k0) + k1;
  }
  return detail::fold_multiply(state ^ k1, k0);
}

/// The same for text known at compile time (FNV-1a, 64 bits); identifies types.
[[nodiscard]] constexpr std::uint64_t text_hash(std::string_view text) noexcept {
  std::uint64_t state = 0xCBF29CE484222325U;
  for (const char c : text) {
    state = (state ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  }
  return state;
}

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

}  // namespace locum
