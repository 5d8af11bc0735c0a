#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>

namespace scaling {

/// What objects contain, so that a reader can tell whether it has got the bytes that it asked for: the word
/// at each place is a function of the place and of the object's stamp.
class Payload {
 public:
  static constexpr std::size_t word_bytes = sizeof(std::uint64_t);

  /// The stamp of an object: who made it, its number, and in which repetition.
  [[nodiscard]] static std::uint64_t stamp(int rank, std::uint64_t number, std::uint64_t repetition) {
    return (static_cast<std::uint64_t>(rank) << 44U) ^ (number << 24U) ^ (repetition & 0xFFFFFFU);
  }
  [[nodiscard]] static std::uint64_t word(std::uint64_t stamp, std::size_t place) {
    return (stamp + place) * 0x9E3779B97F4A7C15U;
  }

  static void fill(std::span<std::byte> bytes, std::uint64_t stamp) {
    for (std::size_t place = 0; place < bytes.size() / word_bytes; ++place) {
      set(bytes, place, word(stamp, place));
    }
  }
  /// Sets only the first and the last word: enough for check() without `all`, and quick for large objects.
  static void restamp(std::span<std::byte> bytes, std::uint64_t stamp) {
    const std::size_t last = bytes.size() / word_bytes - 1;
    set(bytes, 0, word(stamp, 0));
    set(bytes, last, word(stamp, last));
  }
  /// Throws if the bytes are not `size` bytes with that stamp. Looks at the first and the last word, or at
  /// all of them.
  static void check(std::span<const std::byte> bytes, std::size_t size, std::uint64_t stamp, bool all) {
    if (bytes.size() != size) {
      throw std::runtime_error("an object has " + std::to_string(bytes.size()) + " bytes in the place of " +
                               std::to_string(size));
    }
    const std::size_t words = size / word_bytes;
    for (std::size_t place = 0; place < words; place += all ? 1 : words > 1 ? words - 1 : 1) {
      if (get(bytes, place) != word(stamp, place)) {
        throw std::runtime_error("wrong bytes at " + std::to_string(place * word_bytes) +
                                 " of an object of " + std::to_string(size) + " bytes");
      }
    }
  }

  static void set(std::span<std::byte> bytes, std::size_t place, std::uint64_t word) {
    std::memcpy(bytes.data() + place * word_bytes, &word, word_bytes);
  }
  [[nodiscard]] static std::uint64_t get(std::span<const std::byte> bytes, std::size_t place) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + place * word_bytes, word_bytes);
    return word;
  }
};

}  // namespace scaling
