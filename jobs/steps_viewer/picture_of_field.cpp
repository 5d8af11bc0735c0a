#include "jobs/steps_viewer/picture_of_field.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <vector>

namespace steps_viewer {
namespace {

using jobs::Color;
using jobs::ink;
using jobs::paper;
using jobs::Picture;

constexpr Color faint{104, 110, 120};

constexpr int margin = 16;
constexpr int wanted_side = 512;  ///< of the field, about
constexpr int largest_side = 1024;
constexpr int smallest_height = 160;
constexpr int bar_width = 18;
constexpr int scale_width = 84;
constexpr int caption_height = 60;
constexpr int smallest_width = 480;
constexpr int ticks = 4;
constexpr double large_letters = 18;
constexpr double small_letters = 12;
constexpr int scale_digits = 4;

std::size_t divided_up(std::size_t number, std::size_t by) {
  return (number + by - 1) / by;
}

void draw_bar(Picture& picture, int left, int height, const ColorRange& range, const jobs::ColorMap& colors) {
  for (int y = 0; y < height; ++y) {
    picture.fill(left, margin + y, bar_width, 1, colors(1.0 - (y + 0.5) / height));
  }
  for (int tick = 0; tick <= ticks; ++tick) {
    const int y = height - height * tick / ticks;
    picture.fill(left + bar_width, margin + std::min(y, height - 1), 5, 1, ink);
    const double number = std::lerp(range.minimum, range.maximum, static_cast<double>(tick) / ticks);
    picture.text(
        left + bar_width + 9, margin + std::clamp(y + 4, 9, height),
        to_text(std::abs(number) < 1e-12 * (range.maximum - range.minimum) ? 0.0 : number, scale_digits), ink,
        small_letters);
  }
}

std::string color_code(int kind, Color color) {
  char code[32];
  std::snprintf(code, sizeof code, "\033[%d;2;%d;%d;%dm", kind, color.red, color.green, color.blue);
  return code;
}

/// One letter: the upper half in one colour, the lower half in another, or left as it is.
std::string letter(Color upper, std::optional<Color> lower) {
  constexpr int foreground = 38;
  constexpr int background = 48;
  return color_code(foreground, upper) + (lower ? color_code(background, *lower) : "\033[49m") + "▀";
}

constexpr const char* plain = "\033[0m";

}  // namespace

Color color_of(double number, const ColorRange& range, const jobs::ColorMap& colors) {
  return std::isfinite(number) ? colors(range.place(number)) : no_number;
}

Picture draw(const Field& field, const ColorRange& range, const Caption& caption,
             const jobs::ColorMap& colors) {
  const Field shown = shrunk(field, divided_up(std::max(field.rows, field.columns), largest_side));
  const auto cell = std::max(1, wanted_side / static_cast<int>(std::max(shown.rows, shown.columns)));
  const int width = cell * static_cast<int>(shown.columns);
  const int height = cell * static_cast<int>(shown.rows);
  const int bar_left = margin + width + margin;
  const int bar_height = std::max(height, smallest_height);
  Picture picture(std::max(bar_left + bar_width + scale_width, smallest_width),
                  margin + bar_height + caption_height, paper);
  std::vector<Color> pixels;
  pixels.reserve(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double number = shown.at(static_cast<std::size_t>(y / cell), static_cast<std::size_t>(x / cell));
      pixels.push_back(color_of(number, range, colors));
    }
  }
  picture.draw(margin, margin, width, pixels);
  draw_bar(picture, bar_left, bar_height, range, colors);
  const int first_line = margin + bar_height + 26;
  picture.text(margin, first_line, caption.left, ink, large_letters);
  picture.text(picture.width() - margin, first_line, caption.right, ink, large_letters,
               Picture::Align::right);
  picture.text(margin, first_line + 21, caption.small, faint, small_letters);
  return picture;
}

std::string draw_in_letters(const Field& field, const ColorRange& range, const jobs::ColorMap& colors,
                            TerminalSize size) {
  constexpr std::size_t other_lines = 3;  // the title, the colour bar, and the one that the shell writes
  const std::size_t most_rows = 2 * (size.lines > other_lines ? size.lines - other_lines : 1);
  const Field shown =
      shrunk(field, std::max(divided_up(field.columns, std::max<std::size_t>(size.columns, 1)),
                             divided_up(field.rows, most_rows)));
  const std::size_t cell =
      std::max<std::size_t>(std::min(size.columns / shown.columns, most_rows / shown.rows), 1);
  const std::size_t rows = cell * shown.rows;
  const std::size_t columns = cell * shown.columns;
  const auto color_at = [&](std::size_t row, std::size_t column) {
    return color_of(shown.at(row / cell, column / cell), range, colors);
  };
  std::string text;
  for (std::size_t row = 0; row < rows; row += 2) {
    for (std::size_t column = 0; column < columns; ++column) {
      text += letter(color_at(row, column),
                     row + 1 < rows ? std::optional(color_at(row + 1, column)) : std::nullopt);
    }
    text += std::string(plain) + '\n';
  }
  const std::string least = to_text(range.minimum, scale_digits);
  const std::string most = to_text(range.maximum, scale_digits);
  constexpr std::size_t bar_letters = 32;
  text += least + ' ';
  for (std::size_t at = 0; at < bar_letters; ++at) {
    const Color color = colors((static_cast<double>(at) + 0.5) / bar_letters);
    text += letter(color, color);
  }
  return text + plain + ' ' + most + '\n';
}

}  // namespace steps_viewer
