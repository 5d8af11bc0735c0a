#include "transport/storage/c/format_options.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <utility>

#include "core/value/error.hpp"

namespace locum::c {

namespace {

Error wrong_options(std::string_view option, const std::string& why) {
  return Error(Errc::invalid_argument, "the option '" + std::string(option) + "' of a format " + why +
                                           "; write name=value&name=value");
}

Error wrong_list(std::string_view option, const std::string& why) {
  return Error(Errc::invalid_argument, "the option '" + std::string(option) + "' of a format " + why +
                                           "; write name=[64,64] or name=['a','b'], and %5B for a [ that "
                                           "begins no list");
}

Result<std::string> unescaped(std::string_view text, std::string_view option) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      plain += text[at];
      continue;
    }
    std::uint8_t byte = 0;
    const std::string_view digits = text.substr(at + 1, 2);
    const char* const end = digits.data() + digits.size();
    if (digits.size() != 2 || std::from_chars(digits.data(), end, byte, 16).ptr != end) {
      return wrong_options(option, "has a % without two hexadecimal digits; a % itself is %25");
    }
    plain += static_cast<char>(byte);
    at += 2;
  }
  return plain;
}

template <class T>
bool reads(const std::string& text, Record& into) {
  T number{};
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) {
    return false;
  }
  into = number;
  return true;
}

/// Returns the value that a text looks like.
Record option_value(std::string text) {
  if (text == "true" || text == "false") {
    return text == "true";
  }
  Record number;
  const bool is_number = text.find_first_of("0123456789") <= 2 &&  // not inf, nan
                         (reads<std::int64_t>(text, number) || reads<std::uint64_t>(text, number) ||
                          reads<double>(text, number));
  return is_number ? number : Record(std::move(text));
}

constexpr std::string_view blanks = " \t";

/// Removes blanks at both ends.
std::string_view without_blanks(std::string_view text) noexcept {
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

/// Returns the value that an item of a list looks like: a text if it is in quotes.
Result<Record> item_value(std::string_view item, std::string_view option) {
  if (item.empty()) {
    return wrong_list(option, "has a list with an item of no characters; an empty text is ''");
  }
  const bool is_quoted = item.front() == '\'' || item.front() == '"';
  if (is_quoted) {
    item = item.substr(1, item.size() - 2);
  } else if (item.find_first_of("[]'\"") != std::string_view::npos) {
    return wrong_list(option,
                      "has a list with a bracket or a quote in an item, which belongs in quotes; lists "
                      "do not nest");
  }
  auto plain = unescaped(item, option);
  if (!plain) {
    return plain.error();
  }
  return is_quoted ? Record(*std::move(plain)) : option_value(*std::move(plain));
}

/// Returns the length of the item that a text begins with, up to the comma that ends it, or to the end of the
/// text; npos if it begins with a quote, and the text does not go on as an item in quotes does.
std::size_t length_of_item(std::string_view text) noexcept {
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos || (text[first] != '\'' && text[first] != '"')) {
    return std::min(text.find(','), text.size());
  }
  const std::size_t quote = text.find(text[first], first + 1);
  if (quote == std::string_view::npos) {
    return quote;
  }
  const std::size_t next = std::min(text.find_first_not_of(blanks, quote + 1), text.size());
  return next == text.size() || text[next] == ',' ? next : std::string_view::npos;
}

/// Reads a list: `[1,2]`, `['a', 'b']`.
Result<Record> list_value(std::string_view text, std::string_view option) {
  if (text.size() < 2 || text.back() != ']') {
    return wrong_list(option, "begins a list that does not end with a ]");
  }
  text = text.substr(1, text.size() - 2);
  Record::List values;
  bool has_more = !without_blanks(text).empty();
  while (has_more) {
    const std::size_t length = length_of_item(text);
    if (length == std::string_view::npos) {
      return wrong_list(option, "has a list with a quote that is not the first or the last of an item");
    }
    auto value = item_value(without_blanks(text.substr(0, length)), option);
    if (!value) {
      return value.error();
    }
    values.push_back(*std::move(value));
    has_more = length < text.size();
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return Record::list(std::move(values));
}

/// Reads what follows the `=` of an option.
Result<Record> value_given(std::string_view text, std::string_view option) {
  text = without_blanks(text).starts_with('[') ? without_blanks(text) : text;
  if (text.starts_with('[')) {
    return list_value(text, option);
  }
  auto plain = unescaped(text, option);
  return plain ? Result<Record>(option_value(*std::move(plain))) : plain.error();
}

}  // namespace

Result<Record> format_options_in(std::string_view text) {
  Record options;
  while (!text.empty()) {
    const std::string_view option = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(option.size() + 1, text.size()));
    const std::size_t equal = option.find('=');
    auto name = unescaped(option.substr(0, equal), option);
    auto value = equal == std::string_view::npos ? Result<Record>(Record(true))
                                                 : value_given(option.substr(equal + 1), option);
    if (!name || !value) {
      return name ? value.error() : name.error();
    }
    if (name->empty()) {
      return wrong_options(option, "has no name");
    }
    if (options.members().find(*name) != nullptr) {
      return wrong_options(option, "is given twice");
    }
    options.set(*name, *std::move(value));
  }
  return options;
}

}  // namespace locum::c
