#include "core/base/checksum.hpp"

#include <cstdio>
#include <cstring>

namespace locum {

namespace {

#if defined(__x86_64__)

/// How each bit of a state is transformed.
using Matrix = std::array<std::uint32_t, 32>;

constexpr std::uint32_t applied(const Matrix& matrix, std::uint32_t state) noexcept {
  std::uint32_t sum = 0;
  for (std::size_t bit = 0; bit < 32; ++bit) {
    sum ^= ((state >> bit) & 1U) != 0 ? matrix[bit] : 0U;
  }
  return sum;
}

// The instruction takes three cycles and can start in each: three pieces are summed side by side, and
// combined by shifting each state past the length of the following pieces (Gopal et al. 2011).
constexpr std::size_t piece_bytes = 2048;

constexpr auto behind_a_piece = [] {
  Matrix matrix{};
  for (std::size_t bit = 0; bit < 32; ++bit) {
    const std::uint32_t state = 1U << bit;
    matrix[bit] = (state >> 8U) ^ detail::crc32c_tables[0][state & 0xFFU];
  }
  for (std::size_t bytes = 1; bytes < piece_bytes; bytes *= 2) {
    Matrix twice{};
    for (std::size_t bit = 0; bit < 32; ++bit) {
      twice[bit] = applied(matrix, matrix[bit]);
    }
    matrix = twice;
  }
  std::array<std::array<std::uint32_t, 256>, 4> tables{};
  for (std::uint32_t row = 0; row < 4; ++row) {
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      tables[row][byte] = applied(matrix, byte << (8 * row));
    }
  }
  return tables;
}();

std::uint32_t shifted(std::uint64_t state) noexcept {
  return behind_a_piece[0][state & 0xFFU] ^ behind_a_piece[1][(state >> 8U) & 0xFFU] ^
         behind_a_piece[2][(state >> 16U) & 0xFFU] ^ behind_a_piece[3][(state >> 24U) & 0xFFU];
}

std::uint64_t word_at(const std::byte* at) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

__attribute__((target("sse4.2"))) std::uint32_t by_instruction(std::span<const std::byte> bytes,
                                                               std::uint32_t before) noexcept {
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t state = ~before;
  for (; left >= 3 * piece_bytes; left -= 3 * piece_bytes, at += 3 * piece_bytes) {
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    for (const std::byte* word = at; word < at + piece_bytes; word += 8) {
      state = __builtin_ia32_crc32di(state, word_at(word));
      second = __builtin_ia32_crc32di(second, word_at(word + piece_bytes));
      third = __builtin_ia32_crc32di(third, word_at(word + 2 * piece_bytes));
    }
    state = shifted(shifted(state) ^ second) ^ third;
  }
  for (; left >= 8; left -= 8, at += 8) {
    state = __builtin_ia32_crc32di(state, word_at(at));
  }
  auto last = static_cast<std::uint32_t>(state);
  for (; left > 0; --left, ++at) {
    last = __builtin_ia32_crc32qi(last, std::to_integer<unsigned char>(*at));
  }
  return ~last;
}

#endif

}  // namespace

// The portable version uses tables of 8 KiB, which are no longer in the caches of a program that has just
// filled its memory.
std::uint32_t checksum(std::span<const std::byte> bytes, std::uint32_t before) noexcept {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) {
    return by_instruction(bytes, before);
  }
#endif
  return crc32c(bytes, before);
}

std::string wrong_checksum(std::uint32_t found, std::uint32_t sealed) {
  std::array<char, 200> text{};
  std::snprintf(
      text.data(), text.size(),
      "the object's bytes were overwritten after it was sealed: their checksum is %08x, and was %08x; "
      "look for a rank that writes through a wild pointer",
      found, sealed);
  return text.data();
}

}  // namespace locum
