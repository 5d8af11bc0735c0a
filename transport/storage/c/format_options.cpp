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

}  // namespace

Result<Record> format_options_in(std::string_view text) {
  Record options;
  while (!text.empty()) {
    const std::string_view option = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(option.size() + 1, text.size()));
    const std::size_t equal = option.find('=');
    auto name = unescaped(option.substr(0, equal), option);
    auto value = equal == std::string_view::npos ? Result<std::string>("true")
                                                 : unescaped(option.substr(equal + 1), option);
    if (!name || !value) {
      return name ? value.error() : name.error();
    }
    if (name->empty()) {
      return wrong_options(option, "has no name");
    }
    if (options.members().find(*name) != nullptr) {
      return wrong_options(option, "is given twice");
    }
    options.set(*name, option_value(*std::move(value)));
  }
  return options;
}

}  // namespace locum::c
