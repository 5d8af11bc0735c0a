#include "jobs/drawing/color_map.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>

namespace jobs {
namespace {

/// Lightness and the two colour axes of OKLab.
struct Lab {
  double lightness, a, b;
};

/// Chroma and hue where the map bends; lightness follows from the place.
struct ControlPoint {
  double place, chroma, hue_degrees;
};
constexpr std::array<ControlPoint, 7> heat{{{0.00, 0.035, 275.0},
                                            {0.18, 0.130, 288.0},
                                            {0.36, 0.185, 325.0},
                                            {0.52, 0.195, 10.0},
                                            {0.68, 0.180, 42.0},
                                            {0.84, 0.160, 75.0},
                                            {1.00, 0.090, 105.0}}};
constexpr std::array<ControlPoint, 5> water{{{0.00, 0.045, 275.0},
                                             {0.30, 0.130, 262.0},
                                             {0.55, 0.135, 240.0},
                                             {0.80, 0.090, 205.0},
                                             {1.00, 0.020, 170.0}}};
constexpr double darkest = 0.13;
constexpr double lightest = 0.975;

Lab to_lab(double place, double chroma, double hue_degrees) {
  const double hue = hue_degrees * std::numbers::pi / 180.0;
  return {std::lerp(darkest, lightest, place), chroma * std::cos(hue), chroma * std::sin(hue)};
}

std::uint8_t encode_channel(double linear) {
  linear = std::clamp(linear, 0.0, 1.0);
  const double encoded = linear <= 0.0031308 ? 12.92 * linear : 1.055 * std::pow(linear, 1.0 / 2.4) - 0.055;
  return static_cast<std::uint8_t>(std::lround(255.0 * encoded));
}

/// The matrices of OKLab to linear sRGB, then the sRGB curve (IEC 61966-2-1).
Color to_srgb(const Lab& lab) {
  const double l = std::pow(lab.lightness + 0.3963377774 * lab.a + 0.2158037573 * lab.b, 3.0);
  const double m = std::pow(lab.lightness - 0.1055613458 * lab.a - 0.0638541728 * lab.b, 3.0);
  const double s = std::pow(lab.lightness - 0.0894841775 * lab.a - 1.2914855480 * lab.b, 3.0);
  return {encode_channel(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
          encode_channel(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
          encode_channel(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s)};
}

Lab lab_at(std::span<const ControlPoint> control_points, double place) {
  const auto above = std::find_if(control_points.begin() + 1, control_points.end() - 1,
                                  [place](const ControlPoint& point) { return point.place >= place; });
  const auto below = above - 1;
  const double share = (place - below->place) / (above->place - below->place);
  const Lab from = to_lab(below->place, below->chroma, below->hue_degrees);
  const Lab to = to_lab(above->place, above->chroma, above->hue_degrees);
  return {std::lerp(from.lightness, to.lightness, share), std::lerp(from.a, to.a, share),
          std::lerp(from.b, to.b, share)};
}

}  // namespace

ColorMap::ColorMap(Palette palette) {
  const std::span<const ControlPoint> points =
      palette == Palette::heat ? std::span<const ControlPoint>(heat) : std::span<const ControlPoint>(water);
  for (std::size_t i = 0; i < table_.size(); ++i) {
    table_[i] = to_srgb(lab_at(points, static_cast<double>(i) / static_cast<double>(table_.size() - 1)));
  }
}

Color ColorMap::operator()(double value) const {
  const double place = std::clamp(value, 0.0, 1.0) * static_cast<double>(table_.size() - 1);
  return table_[static_cast<std::size_t>(std::lround(place))];
}

}  // namespace jobs
