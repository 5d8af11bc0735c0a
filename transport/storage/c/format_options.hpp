#pragma once

#include <string_view>

#include "core/record.hpp"
#include "core/value/result.hpp"

namespace locum::c {

/// Reads the options of a format: `name=value&name=value`, where `%` and two hexadecimal digits are a byte. A
/// value is a bool (`true`, `false`), an integer, a real, or else a text; an option without `=` is true. A
/// value in brackets is a list: `[64,64]`, `['a','b']`, where an item in quotes is a text, whatever it looks
/// like, and `[]` has none. One in braces is members: `{x:f64,'y':1}`, whose names are texts.
/// `invalid_argument` names the option that is wrong.
[[nodiscard]] Result<Record> format_options_in(std::string_view text);

}  // namespace locum::c
