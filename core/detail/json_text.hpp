#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <locum/error.hpp>

namespace locum::detail {

/// Returns the bytes as a text to be parsed. Throws `corrupt` if it is too long for a parser, or nests deeper
/// than `max_nesting`. It need not be JSON.
[[nodiscard]] std::string_view checked_json(std::span<const std::byte> bytes);
/// Returns the error of a text that cannot be read as the type. `what`, `id`: text and number of the
/// exception of nlohmann's library.
[[nodiscard]] Error unreadable_json(std::string what, int id);

/// Returns the size of an encoded text. Throws `value_too_large` if checked_json() would refuse it.
[[nodiscard]] std::uint64_t size_of_json(std::string_view text);
/// Returns the error of a value that JSON cannot represent. `place`: position in the value, if known.
[[nodiscard]] Error unwritable_json(const std::string& why, const std::string& place);

}  // namespace locum::detail
