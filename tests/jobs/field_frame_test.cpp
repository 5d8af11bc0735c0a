#include "jobs/drawing/field_frame.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

namespace {

using jobs::Color;
using jobs::ColorMap;
using jobs::FieldFrame;
using jobs::Picture;

constexpr int side = FieldFrame::plane_side;
constexpr int margin = FieldFrame::margin;
constexpr std::array<double, 4> values{0.0, 1.0, 2.0, 3.0};  // two rows of two
constexpr std::array<std::uint64_t, 2> histogram{1, 3};

FieldFrame four_cells() {
  return {.values = values, .rows = 2, .columns = 2, .bottom = 0.0, .top = 3.0, .histogram = histogram};
}

Color pixel(const Picture& picture, int x, int y) {
  return picture.pixels()[static_cast<std::size_t>((margin + y) * picture.width() + margin + x)];
}

TEST(FieldFrame, DrawsEachCellInItsColor) {
  const ColorMap colors;
  const Picture picture = jobs::draw_field(four_cells(), colors);
  EXPECT_EQ(pixel(picture, 0, 0), colors(0.0));
  EXPECT_EQ(pixel(picture, side - 1, 0), colors(1.0 / 3));
  EXPECT_EQ(pixel(picture, 0, side - 1), colors(2.0 / 3));
  EXPECT_EQ(pixel(picture, side - 1, side - 1), colors(1.0));
}

TEST(FieldFrame, InterpolatesAcrossTheBordersOnlyIfTheyArePeriodic) {
  const ColorMap colors;
  FieldFrame frame = four_cells();
  EXPECT_EQ(pixel(jobs::draw_field(frame, colors), 0, 0), colors(0.0));
  frame.periodic = true;  // the corner is then half way between all four cells
  const Color corner = pixel(jobs::draw_field(frame, colors), 0, 0);
  const Color middle = colors(0.5);
  EXPECT_NEAR(corner.red, middle.red, 4);
  EXPECT_NEAR(corner.green, middle.green, 4);
  EXPECT_NEAR(corner.blue, middle.blue, 4);
}

TEST(FieldFrame, DrawsLongerBarsForMoreCells) {
  const ColorMap colors;
  const std::vector<Color> pixels = jobs::draw_field(four_cells(), colors).pixels();
  // The colours of the two bins occur in their bars and hardly elsewhere.
  EXPECT_GT(std::ranges::count(pixels, colors(0.75)), 3 * std::ranges::count(pixels, colors(0.25)) / 2);
  EXPECT_GT(std::ranges::count(pixels, colors(0.25)), 1000);
}

}  // namespace
