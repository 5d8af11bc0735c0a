#pragma once

#include <concepts>
#include <cstdint>

#include <locum/result.hpp>

namespace locum {

/// A number of elements, constructible from any integer type.
struct ElementCount {
  std::uint64_t value;

  template <std::integral I>
  constexpr ElementCount(I number) noexcept : value(static_cast<std::uint64_t>(number)) {}
};

/// Consecutive elements of an array, row-major: `get<double[]>(key, {.part = {.offset = 100, .count = 10}})`.
struct Part {
  static constexpr std::uint64_t none = ~std::uint64_t{0};

  ElementCount offset = 0;
  ElementCount count = none;  ///< may be 0, also at the end

  /// Returns whether a part is given; if not, the whole array is meant.
  [[nodiscard]] constexpr bool is_given() const noexcept { return offset.value != 0 || count.value != none; }
};

/// \cond library
/// Some bytes of an object's payload.
struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

/// Returns the bytes of these elements. `invalid_argument` for more than any object can hold.
[[nodiscard]] Result<ByteRange> range_of(const Part& part, std::uint64_t element_bytes);
/// Returns `invalid_argument` unless the range, which may be empty, lies within `size_bytes`.
[[nodiscard]] Result<void> check_range(const ByteRange& range, std::uint64_t size_bytes);
/// \endcond

}  // namespace locum
