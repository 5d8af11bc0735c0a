#include "transport/storage/formats/text/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace locum::storage {

namespace {

std::uint8_t utf8_byte(std::string_view text, std::size_t at) noexcept {
  return static_cast<std::uint8_t>(text[at]);
}

/// Returns the length of the character at an index; 0 if there is no valid one. REQUIRES: at < text.size().
std::size_t utf8_character_bytes(std::string_view text, std::size_t at) noexcept {
  const std::uint8_t first = utf8_byte(text, at);
  const std::size_t length = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (length < 2) {
    return length;
  }
  if (first > 0xF4 || text.size() - at < length) {
    return 0;
  }
  for (std::size_t next = at + 1; next < at + length; ++next) {
    if ((utf8_byte(text, next) & 0xC0U) != 0x80U) {
      return 0;
    }
  }
  const std::uint8_t second = utf8_byte(text, at + 1);
  const bool is_overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool is_surrogate = first == 0xED && second > 0x9F;
  const bool is_too_large = first == 0xF4 && second > 0x8F;
  return is_overlong || is_surrogate || is_too_large ? 0 : length;
}

}  // namespace

std::size_t valid_utf8_bytes(std::string_view text) noexcept {
  constexpr std::uint64_t high_bits = 0x8080808080808080;
  std::size_t at = 0;
  while (at < text.size()) {
    if (std::uint64_t word = 0; text.size() - at >= sizeof word) {
      std::memcpy(&word, text.data() + at, sizeof word);
      if ((word & high_bits) == 0) {
        at += sizeof word;
        continue;
      }
    }
    const std::size_t length = utf8_character_bytes(text, at);
    if (length == 0) {
      return at;
    }
    at += length;
  }
  return at;
}

void append_utf8(std::string& text, char32_t point) {
  const auto append = [&text](std::uint32_t byte) { text += static_cast<char>(byte); };
  const auto code = static_cast<std::uint32_t>(point);
  if (code < 0x80) {
    return append(code);
  }
  if (code < 0x800) {
    append(0xC0U | code >> 6U);
  } else if (code < 0x10000) {
    append(0xE0U | code >> 12U);
    append(0x80U | (code >> 6U & 0x3FU));
  } else {
    append(0xF0U | code >> 18U);
    append(0x80U | (code >> 12U & 0x3FU));
    append(0x80U | (code >> 6U & 0x3FU));
  }
  append(0x80U | (code & 0x3FU));
}

std::string utf8_of_latin1(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    append_utf8(text, utf8_byte(bytes, at));
  }
  return text;
}

Result<std::string> latin1_of_utf8(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::uint8_t first = utf8_byte(text, at);
    if (first < 0x80) {
      bytes += text[at];
    } else if (first > 0xC3) {
      return Error(Errc::type_mismatch, "the character at byte " + std::to_string(at) +
                                            " of the text is none of ISO 8859-1; save it with the encoding "
                                            "utf-8");
    } else {
      bytes += static_cast<char>((first & 0x03U) << 6U | (utf8_byte(text, ++at) & 0x3FU));
    }
  }
  return bytes;
}

}  // namespace locum::storage
