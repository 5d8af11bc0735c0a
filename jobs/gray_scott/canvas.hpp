#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace gray_scott {

struct Color {
  std::uint8_t red = 0;
  std::uint8_t green = 0;
  std::uint8_t blue = 0;

  bool operator==(const Color&) const = default;
};

inline constexpr Color paper{255, 255, 255};
inline constexpr Color ink{34, 38, 46};  ///< of text

/// `share` of `over` laid on `under`; share in [0, 1].
Color mix(Color under, Color over, double share);

/// A picture in memory, eight bits a channel, origin at the top left. What is drawn outside of it is cut off.
/// A plain value; one thread at a time.
class Canvas {
 public:
  Canvas(int width, int height, Color background);

  int width() const { return width_; }
  int height() const { return height_; }
  Color at(int x, int y) const { return pixels_[index(x, y)]; }
  void set(int x, int y, Color color);
  void fill(int x, int y, int width, int height, Color color);
  /// Copies `picture`, each of its pixels `scale` wide and high.
  void draw(int x, int y, const Canvas& picture, int scale = 1);
  /// Writes ASCII from the top left corner (x, y); other bytes are shown as '?'. Returns the x behind it.
  int text(int x, int y, std::string_view line, Color color, int scale = 1);
  /// Row-major, ready to be encoded.
  const std::vector<Color>& pixels() const { return pixels_; }

 private:
  std::size_t index(int x, int y) const {
    return static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) + static_cast<std::size_t>(x);
  }

  int width_;
  int height_;
  std::vector<Color> pixels_;
};

}  // namespace gray_scott
