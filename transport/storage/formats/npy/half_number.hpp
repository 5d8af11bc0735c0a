#pragma once

#include <bit>
#include <cstdint>
#include <optional>

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

/// Returns the bits of the floating-point number of 16 bits that is nearest to this one, the even one of two;
/// nothing for a finite number that is beyond the range. The payload of a NaN is shortened, and stays a NaN.
[[nodiscard]] constexpr std::optional<std::uint16_t> half_bits_of(double number) noexcept {
  const auto bits = std::bit_cast<std::uint64_t>(number);
  const auto sign = static_cast<std::uint16_t>(bits >> 48U & 0x8000U);
  const auto exponent = static_cast<std::int32_t>(bits >> 52U & 0x7FFU) - 1023;
  std::uint64_t fraction = bits & 0xFFFFFFFFFFFFFU;
  if (exponent == 1024) {
    const auto payload = static_cast<std::uint16_t>(fraction >> 42U);
    const std::uint16_t mark = fraction != 0 && payload == 0 ? 0x200U : 0U;
    return static_cast<std::uint16_t>(sign | 0x7C00U | payload | mark);
  }
  if (exponent > 15) {
    return std::nullopt;
  }
  if (exponent < -25) {
    return sign;
  }
  // A subnormal result has more of the fraction cut off, the leading bit of which becomes explicit.
  const std::uint32_t cut = exponent < -14 ? static_cast<std::uint32_t>(42 - 14 - exponent) : 42U;
  fraction |= std::uint64_t{1} << 52U;
  std::uint64_t rounded = fraction >> cut;
  const std::uint64_t rest = fraction & ((std::uint64_t{1} << cut) - 1);
  const std::uint64_t middle = std::uint64_t{1} << (cut - 1);
  rounded += rest > middle || (rest == middle && (rounded & 1U) != 0) ? 1 : 0;
  // The leading bit of a normal result adds the 1 that its exponent lacks; so does a carry into the exponent.
  const std::uint64_t biased = exponent < -14 ? 0 : static_cast<std::uint64_t>(exponent + 14);
  const std::uint64_t half = (biased << 10U) + rounded;
  return half >= 0x7C00U ? std::nullopt
                         : std::optional(static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(half)));
}

}  // namespace locum::storage
