#include "jobs/drawing/color_map.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace {

using jobs::Color;
using jobs::ColorMap;

// Lightness L* of CIE 1976, not the measure that the map is built on.
double lightness(Color color) {
  const auto linear = [](std::uint8_t channel) {
    const double value = channel / 255.0;
    return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
  };
  const double luminance =
      0.2126 * linear(color.red) + 0.7152 * linear(color.green) + 0.0722 * linear(color.blue);
  return luminance > 0.008856 ? 116.0 * std::cbrt(luminance) - 16.0 : 903.3 * luminance;
}

TEST(ColorMap, GrowsLighterAllTheWay) {
  for (const ColorMap& map : {ColorMap(), ColorMap(jobs::Palette::water)}) {
    double before = lightness(map(0.0));
    EXPECT_LT(before, 10.0);
    for (int i = 1; i <= 32; ++i) {
      const double now = lightness(map(i / 32.0));
      EXPECT_GT(now, before + 1.0) << i;
      EXPECT_LT(now, before + 6.0) << i;
      before = now;
    }
    EXPECT_GT(before, 90.0);
  }
}

TEST(ColorMap, TakesTheNearerEndBeyondItsRange) {
  const ColorMap map;
  EXPECT_EQ(map(-1.0), map(0.0));
  EXPECT_EQ(map(2.0), map(1.0));
  EXPECT_EQ(map(std::numeric_limits<double>::infinity()), map(1.0));
}

}  // namespace
