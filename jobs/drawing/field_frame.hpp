#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "jobs/drawing/color_map.hpp"
#include "jobs/drawing/picture.hpp"

namespace jobs {

/// A picture of a two-dimensional field: its values as colours on a square, beside it the colour bar with a
/// histogram, below it two lines of text at the left and two at the right. Refers to arrays of the caller.
struct FieldFrame {
  std::span<const double> values;  ///< rows x columns, row-major
  std::size_t rows = 0;
  std::size_t columns = 0;
  bool periodic = false;                          ///< whether values are interpolated across the borders
  double bottom = 0.0;                            ///< the value at the lower end of the colour bar
  double top = 1.0;                               ///< and at the upper end
  std::span<const std::uint64_t> histogram = {};  ///< how many cells have which value, from bottom to top
  std::optional<double> mark = {};                ///< a value that is marked in the histogram
  std::string title = {};
  std::string subtitle = {};
  std::string right_title = {};
  std::string right_subtitle = {};

  /// Side of the square, in pixels.
  static constexpr int plane_side = 512;
  /// Width of the border around the square, in pixels: the place of its upper left corner.
  static constexpr int margin = 16;
};

/// REQUIRES: rows * columns values, at least one; at least one bin.
Picture draw_field(const FieldFrame& frame, const ColorMap& colors);

}  // namespace jobs
