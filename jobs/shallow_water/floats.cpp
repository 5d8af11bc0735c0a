#include "jobs/shallow_water/floats.hpp"

#include <cmath>

namespace shallow_water {

// An additive recurrence: multiples of the inverse golden ratio, modulo 1, are spread more evenly than random
// numbers.
Float first_place(std::size_t index, std::size_t count, double side_m) {
  constexpr double inverse_golden_ratio = 0.6180339887498949;
  const auto number = static_cast<double>(index);
  Float one;
  one.x_m = side_m * (number + 0.5) / static_cast<double>(count);
  const double turns = (number + 0.5) * inverse_golden_ratio;
  one.y_m = side_m * (turns - std::floor(turns));
  one.group = one.x_m < side_m / 2 ? 0 : 1;
  return one;
}

}  // namespace shallow_water
