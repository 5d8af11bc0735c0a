#include "transport/storage/formats/text/element_number.hpp"

#include <array>
#include <charconv>
#include <cstring>
#include <utility>

namespace locum::storage {

namespace {

template <class T>
T element_as(const std::byte* at) noexcept {
  T element;
  std::memcpy(&element, at, sizeof element);
  return element;
}

template <class Number>
void element_append(std::string& text, Number number) {
  std::array<char, 24> digits;
  text.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

}  // namespace

std::optional<ElementNumberType> element_number_type(std::string_view name) noexcept {
  using Kind = ElementNumber::Kind;
  constexpr std::array<std::pair<std::string_view, ElementNumberType>, 11> types{{
      {"bool", {Kind::truth, 1}},
      {"i8", {Kind::with_sign, 1}},
      {"i16", {Kind::with_sign, 2}},
      {"i32", {Kind::with_sign, 4}},
      {"i64", {Kind::with_sign, 8}},
      {"u8", {Kind::without_sign, 1}},
      {"u16", {Kind::without_sign, 2}},
      {"u32", {Kind::without_sign, 4}},
      {"u64", {Kind::without_sign, 8}},
      {"f32", {Kind::real, 4}},
      {"f64", {Kind::real, 8}},
  }};
  for (const auto& [known, type] : types) {
    if (known == name) {
      return type;
    }
  }
  return {};
}

ElementNumber element_number_at(const std::byte* at, ElementNumberType type) noexcept {
  ElementNumber number{.kind = type.kind};
  switch (type.kind) {
    case ElementNumber::Kind::truth:
      number.truth = *at != std::byte{0};
      break;
    case ElementNumber::Kind::with_sign:
      number.with_sign = type.bytes == 1   ? element_as<std::int8_t>(at)
                         : type.bytes == 2 ? element_as<std::int16_t>(at)
                         : type.bytes == 4 ? element_as<std::int32_t>(at)
                                           : element_as<std::int64_t>(at);
      break;
    case ElementNumber::Kind::without_sign:
      number.without_sign = type.bytes == 1   ? element_as<std::uint8_t>(at)
                            : type.bytes == 2 ? element_as<std::uint16_t>(at)
                            : type.bytes == 4 ? element_as<std::uint32_t>(at)
                                              : element_as<std::uint64_t>(at);
      break;
    case ElementNumber::Kind::real:
      number.real = type.bytes == 4 ? double{element_as<float>(at)} : element_as<double>(at);
      break;
  }
  return number;
}

void append_element_number(std::string& text, const ElementNumber& number) {
  switch (number.kind) {
    case ElementNumber::Kind::truth:
      text += number.truth ? "true" : "false";
      break;
    case ElementNumber::Kind::with_sign:
      element_append(text, number.with_sign);
      break;
    case ElementNumber::Kind::without_sign:
    case ElementNumber::Kind::real:
      element_append(text, number.without_sign);
      break;
  }
}

}  // namespace locum::storage
