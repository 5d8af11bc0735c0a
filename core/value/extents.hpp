#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace locum {

/// Interpretation of the bytes of an object.
enum class Layout : std::uint8_t {
  bytes = 0,    ///< raw bytes, interpreted by the caller
  flat = 1,     ///< one trivially copyable value
  array = 2,    ///< trivially copyable elements, row-major
  encoded = 3,  ///< written by the serialiser; must be decoded
};

/// The largest number of dimensions of an array object.
inline constexpr std::size_t max_rank = 8;

/// Extents of an array object, slowest dimension first, row-major. At most `max_rank` dimensions: size() is
/// their number, and extents[0] the slowest.
struct Extents {
  // Extents are part of every put, mostly empty: unused dimensions are neither zeroed nor copied.
  constexpr Extents() noexcept {
    if (std::is_constant_evaluated()) {
      values = {};
    }
  }
  constexpr Extents(const Extents& other) noexcept : Extents() { *this = other; }
  constexpr Extents& operator=(const Extents& other) noexcept {
    rank = other.rank;
    if (rank == 1) {
      values[0] = other.values[0];
    } else if (rank > 1 && !std::is_constant_evaluated()) {
      std::memmove(values.data(), other.values.data(), other.used() * sizeof(std::uint64_t));
    } else if (rank > 1) {
      values = other.values;
    }
    return *this;
  }
  /// Makes extents from integers of any types: `{nx, 3}`. The functions that take extents reject invalid
  /// ones.
  template <std::integral... I>
    requires(sizeof...(I) >= 1 && sizeof...(I) <= max_rank)
  constexpr Extents(I... extents)
      : values{static_cast<std::uint64_t>(extents)...}, rank(static_cast<std::uint8_t>(sizeof...(I))) {}

  std::array<std::uint64_t, max_rank> values;  ///< only the first `rank` are set
  std::uint8_t rank = 0;

  [[nodiscard]] constexpr std::span<const std::uint64_t> span() const noexcept {
    return {values.data(), used()};
  }
  /// Returns the number of dimensions; not of elements.
  [[nodiscard]] constexpr std::size_t size() const noexcept { return rank; }
  /// REQUIRES: dimension < size().
  [[nodiscard]] constexpr std::uint64_t operator[](std::size_t dimension) const noexcept {
    return values[dimension];
  }
  /// Returns whether an array with these extents has `elements` elements; false without dimensions.
  [[nodiscard]] constexpr bool has(std::uint64_t elements) const noexcept {
    if (rank == 0) {
      return false;
    }
    std::uint64_t left = elements;  // divided by each extent, since a product could overflow
    for (const std::uint64_t extent : span()) {
      if (extent == 0) {
        return elements == 0;
      }
      if (left % extent != 0) {
        return false;
      }
      left /= extent;
    }
    return left == 1;
  }
  friend constexpr bool operator==(const Extents& a, const Extents& b) noexcept {
    for (std::size_t at = 0; at < a.used(); ++at) {
      if (at == b.used() || a.values[at] != b.values[at]) {
        return false;
      }
    }
    return a.used() == b.used();
  }

 private:
  [[nodiscard]] constexpr std::size_t used() const noexcept { return rank < max_rank ? rank : max_rank; }
};

}  // namespace locum
