#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace locum {

namespace detail {

/// Folds the 128-bit product of two words: each bit of either reaches all bits of the result.
[[nodiscard]] inline std::uint64_t fold_multiply(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

/// Returns the `left` bytes at `at`, the last of `all`, with zeros behind them. Not by a memcpy of `left`
/// bytes: to read a word of which only a part was just written takes longer than the rest of the hash.
[[nodiscard]] inline std::uint64_t last_word(const char* at, std::size_t left, std::size_t all) noexcept {
  std::uint64_t word = 0;
  if (std::endian::native != std::endian::little) {
    std::memcpy(&word, at, left);
  } else if (all >= sizeof word) {  // with some that were read before
    std::memcpy(&word, at + left - sizeof word, sizeof word);
    word >>= 8 * (sizeof word - left);
  } else {
    while (left-- > 0) {
      word = word << 8U | static_cast<unsigned char>(at[left]);
    }
  }
  return word;
}

}  // namespace detail

/// Returns a 64-bit hash of any bytes, read eight at a time; the same on every rank of a job. Not resistant
/// to chosen collisions: names are always compared after equal hashes.
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
    state = detail::fold_multiply(state ^ detail::last_word(at, left, bytes.size()), k0) + k1;
  }
  return detail::fold_multiply(state ^ k1, k0);
}

/// Returns the hash of text known at compile time (FNV-1a, 64 bits); identifies types.
[[nodiscard]] constexpr std::uint64_t text_hash(std::string_view text) noexcept {
  std::uint64_t state = 0xCBF29CE484222325U;
  for (const char c : text) {
    state = (state ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  }
  return state;
}

}  // namespace locum
