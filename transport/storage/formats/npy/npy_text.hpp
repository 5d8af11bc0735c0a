#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace locum::storage {

/// Returns whether a number is a character of Unicode that texts may hold: at most 10FFFF, no surrogate.
[[nodiscard]] constexpr bool is_code_point(char32_t number) noexcept {
  return number < 0xD800 || (number > 0xDFFF && number <= 0x10FFFF);
}
/// Removes the first character of a text of UTF-8 and returns it; nothing, and removes nothing, if the text
/// is empty or does not begin with one: the form must be the shortest.
[[nodiscard]] std::optional<char32_t> take_code_point(std::string_view& text) noexcept;
/// Returns a text between quotes for an error: shortened to 80 bytes, control characters as '?'.
[[nodiscard]] std::string quoted_name(std::string_view text);

}  // namespace locum::storage
