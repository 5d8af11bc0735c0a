#pragma once

#include <cstdint>

#include <locum/key.hpp>

namespace locum {

/// Set in the serial of a promise's key, and of no other key.
inline constexpr std::uint64_t promised_bit = std::uint64_t{1} << 63U;

/// Set in the serial of the key of a promise that leads to a restored object, or to part of a file, beside
/// promised_bit, and of no other key: such a promise has no maker, and any rank may bind its name.
inline constexpr std::uint64_t restored_bit = std::uint64_t{1} << 62U;

[[nodiscard]] constexpr bool is_promised(const Key& key) noexcept {
  return (key.serial & promised_bit) != 0;
}
/// The key of the promise that has this placeholder.
[[nodiscard]] constexpr Key promised_by(const Key& placeholder) noexcept {
  return {placeholder.store, placeholder.creator, placeholder.serial | promised_bit};
}
[[nodiscard]] constexpr Key placeholder_of(const Key& promised) noexcept {
  return {promised.store, promised.creator, promised.serial & ~promised_bit};
}

}  // namespace locum
