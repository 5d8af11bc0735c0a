#pragma once

#include <string>

#include "jobs/drawing/color_map.hpp"
#include "jobs/drawing/picture.hpp"
#include "jobs/steps_viewer/field.hpp"

namespace steps_viewer {

/// What is written below a picture.
struct Caption {
  std::string left;   ///< what is shown
  std::string right;  ///< of which step
  std::string small;  ///< the line below
};

/// Infinite numbers, and what is no number.
inline constexpr jobs::Color no_number{150, 153, 158};

/// The colour of a number.
jobs::Color color_of(double number, const ColorRange& range, const jobs::ColorMap& colors);

/// A square for each number, or from 1024 rows or columns on one pixel for the mean of several; a colour bar
/// with its scale to the right.
jobs::Picture draw(const Field& field, const ColorRange& range, const Caption& caption,
                   const jobs::ColorMap& colors);

/// How large a picture in letters may be.
struct TerminalSize {
  std::size_t columns = 80;
  std::size_t lines = 24;
};

/// The field in letters: two numbers, or means of several, one above the other in each, by 24-bit colours
/// (ISO 8613-6), with the colour bar below.
std::string draw_in_letters(const Field& field, const ColorRange& range, const jobs::ColorMap& colors,
                            TerminalSize size = {});

}  // namespace steps_viewer
