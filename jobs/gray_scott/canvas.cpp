#include "jobs/gray_scott/canvas.hpp"

#include <algorithm>
#include <cmath>

#include "jobs/gray_scott/font.hpp"

namespace gray_scott {

Color mix(Color under, Color over, double share) {
  const auto channel = [share](std::uint8_t a, std::uint8_t b) {
    return static_cast<std::uint8_t>(std::lround(a + (b - a) * share));
  };
  return {channel(under.red, over.red), channel(under.green, over.green), channel(under.blue, over.blue)};
}

Canvas::Canvas(int width, int height, Color background)
    : width_(width),
      height_(height),
      pixels_(static_cast<std::size_t>(width) * static_cast<std::size_t>(height), background) {}

void Canvas::set(int x, int y, Color color) {
  if (x >= 0 && x < width_ && y >= 0 && y < height_) {
    pixels_[index(x, y)] = color;
  }
}

void Canvas::fill(int x, int y, int width, int height, Color color) {
  for (int row = std::max(y, 0); row < std::min(y + height, height_); ++row) {
    for (int column = std::max(x, 0); column < std::min(x + width, width_); ++column) {
      pixels_[index(column, row)] = color;
    }
  }
}

void Canvas::draw(int x, int y, const Canvas& picture, int scale) {
  for (int row = 0; row < picture.height(); ++row) {
    for (int column = 0; column < picture.width(); ++column) {
      fill(x + column * scale, y + row * scale, scale, scale, picture.at(column, row));
    }
  }
}

int Canvas::text(int x, int y, std::string_view line, Color color, int scale) {
  for (const char character : line) {
    const auto& rows = font::glyph(character);
    for (int row = 0; row < font::height; ++row) {
      for (int column = 0; column < font::width; ++column) {
        if ((rows[static_cast<std::size_t>(row)] >> (font::width - 1 - column) & 1) != 0) {
          fill(x + column * scale, y + row * scale, scale, scale, color);
        }
      }
    }
    x += font::advance * scale;
  }
  return x;
}

}  // namespace gray_scott
