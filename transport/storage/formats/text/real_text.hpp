#pragma once

#include <string>
#include <string_view>

namespace locum::storage {

/// Returns the real number that is nearest to a decimal one; infinity for one beyond the range. REQUIRES: the
/// text is an optional minus, digits with at most one point '.', and an optional exponent, and no more.
[[nodiscard]] double nearest_double(std::string_view number) noexcept;
[[nodiscard]] float nearest_float(std::string_view number) noexcept;

/// Appends the shortest decimal number to which this one is nearest, with a point or an exponent: `1.0`,
/// `0.1`, `1e+22`. REQUIRES: it is finite.
void append_real(std::string& text, double number);

}  // namespace locum::storage
