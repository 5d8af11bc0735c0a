#pragma once

#include <array>
#include <cstdint>

namespace gray_scott::font {

/// A small fixed-width font of our own, so that pictures need no font on the machine: seven rows above the
/// base line, two below.
constexpr int width = 5;
constexpr int height = 9;
constexpr int advance = 6;

/// One byte a row; bit 4 is the leftmost dot. What is not printable ASCII looks like '?'.
using Glyph = std::array<std::uint8_t, height>;
const Glyph& glyph(char character);

}  // namespace gray_scott::font
