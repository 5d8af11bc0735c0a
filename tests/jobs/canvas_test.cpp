#include "jobs/gray_scott/canvas.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace {

using gray_scott::Canvas;
using gray_scott::Color;

constexpr Color white{255, 255, 255};
constexpr Color black{0, 0, 0};

TEST(Canvas, CutsOffWhatLiesOutside) {
  Canvas canvas(4, 3, white);
  canvas.fill(-2, -2, 3, 3, black);
  canvas.fill(3, 2, 10, 10, black);
  canvas.set(4, 0, black);
  canvas.set(0, 3, black);
  EXPECT_EQ(canvas.at(0, 0), black);
  EXPECT_EQ(canvas.at(3, 2), black);
  EXPECT_EQ(std::count(canvas.pixels().begin(), canvas.pixels().end(), black), 2);
}

TEST(Canvas, DrawsPicturesLarger) {
  Canvas small(2, 1, white);
  small.set(1, 0, black);
  Canvas canvas(6, 3, white);
  canvas.draw(0, 0, small, 3);
  EXPECT_EQ(canvas.at(2, 2), white);
  EXPECT_EQ(canvas.at(3, 0), black);
  EXPECT_EQ(canvas.at(5, 2), black);
}

TEST(Canvas, WritesEveryPrintableCharacterDifferently) {
  std::vector<std::vector<Color>> seen;
  for (char character = ' '; character <= '~'; ++character) {
    Canvas canvas(8, 10, white);
    EXPECT_EQ(canvas.text(1, 0, std::string(1, character), black), 7);
    EXPECT_EQ(std::count(seen.begin(), seen.end(), canvas.pixels()), 0) << character;
    seen.push_back(canvas.pixels());
  }
  Canvas question(8, 10, white);
  question.text(1, 0, "?", black);
  Canvas unknown(8, 10, white);
  unknown.text(1, 0, "\xc3", black);
  EXPECT_EQ(unknown.pixels(), question.pixels());
}

TEST(Canvas, MixesByShare) {
  EXPECT_EQ(gray_scott::mix(black, white, 0.0), black);
  EXPECT_EQ(gray_scott::mix(black, white, 1.0), white);
  EXPECT_EQ(gray_scott::mix(black, {100, 200, 50}, 0.5), (Color{50, 100, 25}));
}

}  // namespace
