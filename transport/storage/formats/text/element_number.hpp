#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace locum::storage {

/// An element of an array of numbers or truth values.
struct ElementNumber {
  enum class Kind : std::uint8_t { truth, with_sign, without_sign, real };
  Kind kind = Kind::truth;
  bool truth = false;
  std::int64_t with_sign = 0;
  std::uint64_t without_sign = 0;
  double real = 0;
};

/// How such elements are stored.
struct ElementNumberType {
  ElementNumber::Kind kind;
  std::uint32_t bytes;
};

/// Returns nothing unless the name is `bool`, `i8` … `u64`, `f32` or `f64`.
[[nodiscard]] std::optional<ElementNumberType> element_number_type(std::string_view name) noexcept;
[[nodiscard]] ElementNumber element_number_at(const std::byte* at, ElementNumberType type) noexcept;
/// Appends `true`, `false` or an integer. REQUIRES: it is not real.
void append_element_number(std::string& text, const ElementNumber& number);

}  // namespace locum::storage
