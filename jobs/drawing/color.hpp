#pragma once

#include <cstdint>

namespace jobs {

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

}  // namespace jobs
