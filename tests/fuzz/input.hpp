#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>

namespace locum::tests {

/// Ends the process if something that was read does harm.
inline void demand(bool right, const char* what) {
  if (!right) {
    std::fprintf(stderr, "what was read does harm: %s\n", what);
    std::abort();
  }
}

inline std::uint64_t sum_of(std::string_view text) {
  std::uint64_t sum = 0;
  for (const char letter : text) {
    sum += static_cast<std::uint8_t>(letter);
  }
  return sum;
}
inline std::uint64_t sum_of(std::span<const std::byte> bytes) {
  return sum_of(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

/// Has a sanitizer look at the bytes of what is added up here.
inline volatile std::uint64_t all_sums = 0;

/// Takes an input apart. Behind its end there are zeros.
class Input {
 public:
  explicit Input(std::span<const std::byte> bytes) : bytes_(bytes) {}

  [[nodiscard]] std::uint8_t byte() { return static_cast<std::uint8_t>(number(1)); }
  [[nodiscard]] std::size_t below(std::size_t limit) {
    return static_cast<std::size_t>(number(2)) % std::max<std::size_t>(limit, 1);
  }
  /// One that is near a limit, small, or any.
  [[nodiscard]] std::uint64_t number() {
    const std::uint8_t choice = byte();
    constexpr std::array<std::uint64_t, 12> limits{
        0, 1, 8, 9, 16, 0xFFFF, 0xFFFFFFFF, 1ULL << 32U, 1ULL << 47U, 1ULL << 62U, 1ULL << 63U, ~0ULL};
    if (choice < 2 * limits.size()) {
      return limits[choice / 2] - choice % 2;
    }
    return number(choice < 128 ? 1 : choice < 192 ? 2 : 8);
  }
  [[nodiscard]] std::span<const std::byte> rest() const { return bytes_; }

 private:
  [[nodiscard]] std::uint64_t number(std::size_t bytes) {
    std::uint64_t value = 0;
    const std::size_t taken = std::min(bytes, bytes_.size());
    if (taken > 0) {
      std::memcpy(&value, bytes_.data(), taken);
    }
    bytes_ = bytes_.subspan(taken);
    return value;
  }

  std::span<const std::byte> bytes_;
};

}  // namespace locum::tests
