#pragma once

#include <array>

#include "jobs/drawing/color.hpp"

namespace jobs {

enum class Palette {
  heat,   ///< from near-black blue by violet and orange to pale yellow
  water,  ///< from dark blue by azure to a white with a little green
};

/// Turns a number in [0, 1] into a colour whose lightness grows evenly, so that equal steps look equal, also
/// in grey and to colour-blind eyes.
///
/// Control points are in OKLCh (Bjoern Ottosson, "A perceptual color space for image processing", 2020), with
/// lightness a straight line; between them OKLab is interpolated. Immutable once made; any thread.
class ColorMap {
 public:
  explicit ColorMap(Palette palette = Palette::heat);

  /// Values outside of [0, 1] take the colour of the nearer end.
  Color operator()(double value) const;

 private:
  std::array<Color, 1024> table_;
};

}  // namespace jobs
