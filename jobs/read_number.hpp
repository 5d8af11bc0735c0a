#pragma once

#include <charconv>
#include <string_view>
#include <system_error>

namespace jobs {

/// Reads a number in [least, most] of a command line; false, and nothing read, if the text is anything else.
template <class Number>
[[nodiscard]] bool read_number(std::string_view text, Number least, Number most, Number& number) {
  Number read{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), read);
  // Said so, it also refuses what is not a number.
  if (error != std::errc{} || end != text.data() + text.size() || !(read >= least && read <= most)) {
    return false;
  }
  number = read;
  return true;
}

}  // namespace jobs
