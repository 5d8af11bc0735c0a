#include "jobs/steps_viewer/picture_of_field.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace steps_viewer;

const jobs::ColorMap colors;

Field counted(std::size_t rows, std::size_t columns) {
  Field field{rows, columns, {}};
  for (std::size_t at = 0; at < rows * columns; ++at) {
    field.numbers.push_back(static_cast<double>(at));
  }
  return field;
}

TEST(Field, HasTheTwoDimensionsThatAreNoIndex) {
  const auto elements = std::make_shared<int[]>(6);
  elements[5] = 7;
  const Values values({2, 1, 3}, Values::Array<int>(elements));
  const Field field = field_of(values, {{0, 2, 1}, {4, 1, 1, true}, {0, 3, 1}});
  EXPECT_EQ(field.rows, 2U);
  EXPECT_EQ(field.columns, 3U);
  EXPECT_EQ(field.at(1, 2), 7.0);
  EXPECT_THROW((void)field_of(values, {{0, 2, 1}, {4, 1, 1}, {0, 3, 1}}), std::invalid_argument);
}

TEST(Field, ShrinksToMeans) {
  const Field small = shrunk(counted(3, 4), 2);
  EXPECT_EQ(small.rows, 2U);
  EXPECT_EQ(small.columns, 2U);
  EXPECT_EQ(small.numbers, (std::vector<double>{2.5, 4.5, 8.5, 10.5}));
  EXPECT_EQ(shrunk(counted(3, 4), 1).numbers, counted(3, 4).numbers);
}

TEST(ColorRange, SpansTheFiniteNumbersOrWhatIsGiven) {
  Field field = counted(2, 2);
  field.numbers[0] = std::numeric_limits<double>::quiet_NaN();
  field.numbers[3] = std::numeric_limits<double>::infinity();
  const ColorRange range = range_of(field, {}, {});
  EXPECT_EQ(range.minimum, 1);
  EXPECT_EQ(range.maximum, 2);
  EXPECT_EQ(range_of(field, -1.0, {}).minimum, -1);
  EXPECT_EQ(range_of(field, {}, 9.0).maximum, 9);
  EXPECT_EQ((ColorRange{3, 3}.place(3)), 0.5);
  EXPECT_EQ(color_of(field.numbers[0], range, colors), no_number);
  EXPECT_EQ(color_of(1, range, colors), colors(0.0));
  EXPECT_EQ(color_of(2, range, colors), colors(1.0));
}

TEST(PictureOfField, HasASquareForEachNumber) {
  const Field field = counted(4, 8);
  const ColorRange range = range_of(field, {}, {});
  const jobs::Picture picture = draw(field, range, {"T[:,:]", "step 1", "heat"}, colors);
  const std::vector<jobs::Color> pixels = picture.pixels();
  constexpr int side = 512 / 8;
  constexpr int margin = 16;
  for (int row = 0; row < 4; ++row) {
    for (int column = 0; column < 8; ++column) {
      for (const int inset : {0, side - 1}) {
        const int at = (margin + row * side + inset) * picture.width() + margin + column * side + inset;
        EXPECT_EQ(pixels[static_cast<std::size_t>(at)], colors((8 * row + column) / 31.0))
            << row << ' ' << column;
      }
    }
  }
}

TEST(PictureOfField, OfALargeFieldIsNoLargerThanAScreen) {
  const Field field = counted(10, 5000);
  const jobs::Picture picture = draw(field, range_of(field, {}, {}), {"T", "step 1", "heat"}, colors);
  EXPECT_LT(picture.width(), 1300);
}

TEST(PictureInLetters, HasTwoRowsInALine) {
  const Field field{3, 2, {0, 1, 2, 3, 4, 5}};
  const std::string text = draw_in_letters(field, {0, 5}, colors, {.columns = 2, .lines = 24});
  const auto code = [](int kind, double place) {
    const jobs::Color color = colors(place);
    return "\033[" + std::to_string(kind) + ";2;" + std::to_string(color.red) + ';' +
           std::to_string(color.green) + ';' + std::to_string(color.blue) + 'm';
  };
  const std::string first =
      code(38, 0.0) + code(48, 0.4) + "▀" + code(38, 0.2) + code(48, 0.6) + "▀\033[0m\n";
  const std::string second = code(38, 0.8) + "\033[49m▀" + code(38, 1.0) + "\033[49m▀\033[0m\n";
  EXPECT_EQ(text.substr(0, first.size() + second.size()), first + second);
  EXPECT_EQ(text.substr(first.size() + second.size(), 2), "0 ");
  EXPECT_EQ(text.substr(text.size() - 3), " 5\n");
}

TEST(PictureInLetters, FitsTheTerminal) {
  const Field field = counted(96, 96);
  const std::string text =
      draw_in_letters(field, range_of(field, {}, {}), colors, {.columns = 40, .lines = 24});
  EXPECT_LE(std::ranges::count(text, '\n'), 22);
  std::size_t letters = 0;
  const std::string line = text.substr(0, text.find('\n'));
  for (auto at = line.find("▀"); at != std::string::npos; at = line.find("▀", at + 1)) {
    ++letters;
  }
  EXPECT_EQ(letters, 32U) << "each of three numbers a side";
}

}  // namespace
