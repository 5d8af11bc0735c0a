#include "jobs/drawing/color.hpp"

#include <cmath>

namespace jobs {

Color mix(Color under, Color over, double share) {
  const auto channel = [share](std::uint8_t a, std::uint8_t b) {
    return static_cast<std::uint8_t>(std::lround(a + (b - a) * share));
  };
  return {channel(under.red, over.red), channel(under.green, over.green), channel(under.blue, over.blue)};
}

}  // namespace jobs
