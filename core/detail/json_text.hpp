#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <locum/error.hpp>

namespace locum::detail {

/// The bytes as a text to be parsed. Throws `corrupt` if it is longer than a parser should be given, or nests
/// deeper than `max_nesting`. It need not be JSON.
[[nodiscard]] std::string_view checked_json(std::span<const std::byte> bytes);
/// The error of a text that does not read as the type. `what`: of the exception of nlohmann's library; `id`:
/// its number.
[[nodiscard]] Error unreadable_json(std::string what, int id);

/// The size of a text that was made. Throws `value_too_large` if checked_json() would refuse it.
[[nodiscard]] std::uint64_t size_of_json(std::string_view text);
/// The error of a value that JSON cannot say. `place`: where in the value it is, if that is known.
[[nodiscard]] Error unwritable_json(const std::string& why, const std::string& place);

}  // namespace locum::detail
