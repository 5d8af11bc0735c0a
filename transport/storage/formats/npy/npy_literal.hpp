#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/value/result.hpp"

namespace locum::storage {

/// A literal of Python, of the kinds that headers of `.npy` files consist of.
struct NpyLiteral {
  enum class Kind : std::uint8_t { text, integer, boolean, tuple, list, dict };

  Kind kind = Kind::text;
  bool boolean = false;
  std::uint64_t at = 0;  ///< byte of the file where it begins
  std::uint64_t integer = 0;
  std::string text;               ///< UTF-8
  std::vector<NpyLiteral> items;  ///< of a dict: each key, followed by its value
};

/// Reads one literal with white space around it; evaluates nothing. Takes texts in quotes with the escapes of
/// repr() (of Python 2 also `u'…'`), integers that are not negative (of Python 2 also `3L`), True and False,
/// tuples, lists and dicts, nested at most 32 levels. `corrupt` names the byte of the file.
/// \param begin byte of the file where `literal` begins
/// \param is_utf8 whether texts are UTF-8, else Latin-1
[[nodiscard]] Result<NpyLiteral> parse_npy_literal(std::string_view literal, std::uint64_t begin,
                                                   bool is_utf8);
/// Appends a text in the form of Python's repr(); characters beyond ASCII as they are.
/// REQUIRES: is_utf8(text).
void append_npy_literal(std::string& literal, std::string_view text);

}  // namespace locum::storage
