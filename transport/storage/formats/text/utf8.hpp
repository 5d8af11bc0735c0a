#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <locum/result.hpp>

namespace locum::storage {

// UTF-8 as RFC 3629 defines it: neither overlong forms nor surrogates, nor beyond U+10FFFF.

/// Returns the length of the longest prefix that is valid UTF-8: the size of the text if all of it is.
[[nodiscard]] std::size_t valid_utf8_bytes(std::string_view text) noexcept;
[[nodiscard]] inline bool is_utf8(std::string_view text) noexcept {
  return valid_utf8_bytes(text) == text.size();
}
/// Appends a code point. REQUIRES: it is at most U+10FFFF, and no surrogate.
void append_utf8(std::string& text, char32_t point);

/// Returns the UTF-8 of a text in ISO 8859-1, in which each byte is a code point.
[[nodiscard]] std::string utf8_of_latin1(std::string_view bytes);
/// Inverts utf8_of_latin1(). `type_mismatch` names the first character that ISO 8859-1 lacks, by its offset.
/// REQUIRES: is_utf8(text).
[[nodiscard]] Result<std::string> latin1_of_utf8(std::string_view text);

}  // namespace locum::storage
