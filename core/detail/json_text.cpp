#include "core/detail/json_text.hpp"

#include <algorithm>
#include <utility>

#include "core/archive.hpp"

namespace locum::detail {

namespace {

// A value that is being parsed takes up to thirty times as much memory.
constexpr std::size_t longest_json = std::size_t{64} << 20U;

// What a person reads of a text that may be long: its beginning and its end.
std::string shortened(const std::string& text) {
  constexpr std::size_t most = 160;
  return text.size() <= 2 * most ? text : text.substr(0, most) + " ... " + text.substr(text.size() - most);
}

std::string place_in(std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(0, at);
  return "line " + std::to_string(1 + std::ranges::count(before, '\n')) + ", column " +
         std::to_string(at - (before.rfind('\n') + 1) + 1);
}

void check_nesting(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (in_string) {
      at += c == '\\' ? 1U : 0U;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > max_nesting) {
        throw Error(Errc::corrupt, "the text nests deeper than " + std::to_string(max_nesting) +
                                       " levels at " + place_in(text, at) + "; make it flatter");
      }
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
}

std::string too_long(std::size_t bytes) {
  return "a text of JSON may have " + std::to_string(longest_json) + " bytes, this one has " +
         std::to_string(bytes);
}

}  // namespace

std::string_view checked_json(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.size() > longest_json) {
    throw Error(Errc::corrupt, too_long(text.size()) + "; read it by get_bytes");
  }
  check_nesting(text);
  return text;
}

// "[json.exception.parse_error.101] parse error at line 2, column 7: ...". What a parser says quotes the
// text, which is not trusted.
Error unreadable_json(std::string what, int id) {
  if (const std::size_t end = what.find("] "); what.starts_with('[') && end != what.npos) {
    what.erase(0, end + 2);
  }
  constexpr int last_of_parser = 199;
  if (id <= last_of_parser) {
    std::ranges::replace_if(
        what, [](char c) { return c < ' ' || c > '~'; }, '?');
  }
  return Error(Errc::corrupt, "the text does not read as this type; correct it, or store the value again",
               shortened(what));
}

std::uint64_t size_of_json(std::string_view text) {
  if (text.size() > longest_json) {
    throw Error(Errc::value_too_large, too_long(text.size()) + "; store the value without this codec");
  }
  return text.size();
}

Error unwritable_json(const std::string& why, const std::string& place) {
  return Error(Errc::invalid_argument, why + (place.empty() ? "" : ", at " + shortened(place)) +
                                           "; change the value, or store it without this codec");
}

}  // namespace locum::detail
