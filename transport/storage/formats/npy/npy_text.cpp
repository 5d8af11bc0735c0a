#include "transport/storage/formats/npy/npy_text.hpp"

#include <cstddef>
#include <cstdint>

namespace locum::storage {

namespace {

constexpr std::uint32_t npy_byte_of(std::string_view text, std::size_t at) {
  return static_cast<std::uint8_t>(text[at]);
}

}  // namespace

std::optional<char32_t> take_code_point(std::string_view& text) noexcept {
  if (text.empty()) {
    return std::nullopt;
  }
  const std::uint32_t first = npy_byte_of(text, 0);
  const std::size_t length = first < 0x80             ? 1
                             : (first & 0xE0) == 0xC0 ? 2
                             : (first & 0xF0) == 0xE0 ? 3
                             : (first & 0xF8) == 0xF0 ? 4
                                                      : 0;
  if (length == 0 || length > text.size()) {
    return std::nullopt;
  }
  std::uint32_t number = length == 1 ? first : first & (0x7FU >> length);
  for (std::size_t at = 1; at < length; ++at) {
    const std::uint32_t next = npy_byte_of(text, at);
    if ((next & 0xC0) != 0x80) {
      return std::nullopt;
    }
    number = (number << 6U) | (next & 0x3FU);
  }
  const std::uint32_t least = length == 2 ? 0x80 : length == 3 ? 0x800 : length == 4 ? 0x10000 : 0;
  if (number < least || !is_code_point(number)) {
    return std::nullopt;
  }
  text.remove_prefix(length);
  return number;
}

std::string quoted_name(std::string_view text) {
  std::string quoted = "'";
  for (const char letter : text.substr(0, 80)) {
    quoted.push_back(static_cast<std::uint8_t>(letter) < 0x20 || letter == 0x7F ? '?' : letter);
  }
  return quoted.append(text.size() > 80 ? "…'" : "'");
}

}  // namespace locum::storage
