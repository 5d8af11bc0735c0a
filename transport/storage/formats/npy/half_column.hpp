#pragma once

#include <cstdint>
#include <memory>

#include "transport/storage/formats/npy/npy_column.hpp"

namespace locum::storage {

/// Returns the bits of the `float` with the value of a floating-point number of 16 bits (IEEE 754 binary16).
/// Exact; payloads of NaN keep their bits.
[[nodiscard]] constexpr std::uint32_t float_bits_of_half(std::uint16_t half) noexcept {
  const std::uint32_t sign = (half & 0x8000U) << 16U;
  const std::uint32_t exponent = (half >> 10U) & 0x1FU;
  std::uint32_t fraction = half & 0x3FFU;
  if (exponent == 0x1F) {
    return sign | 0x7F800000U | fraction << 13U;
  }
  if (exponent != 0) {
    return sign | (exponent + 112U) << 23U | fraction << 13U;
  }
  if (fraction == 0) {
    return sign;
  }
  // A subnormal one is a normal float: its leading bit becomes the implicit one.
  std::uint32_t power = 113;
  for (; (fraction & 0x400U) == 0; --power) {
    fraction <<= 1U;
  }
  return sign | power << 23U | (fraction & 0x3FFU) << 13U;
}

/// Returns a column of floating-point numbers of 16 bits, which become an array of `f32`.
[[nodiscard]] Result<std::unique_ptr<NpyColumn>> make_half_column(const NpyType& type, const NpyShape& shape,
                                                                  const MakeArray& make);

}  // namespace locum::storage
