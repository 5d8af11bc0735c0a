#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace shallow_water {

/// A float: a mark on the water, which the flow carries along.
struct Float {
  static constexpr std::string_view locum_type_name = "shallow_water.float";

  double x_m = 0.0;
  double y_m = 0.0;
  std::int64_t group = 0;  ///< 0 or 1: in which half of the pool it was at first, left or right

  bool operator==(const Float&) const = default;
};

/// The place of one of `count` floats at the start, in a square pool: evenly spread without a pattern, the
/// same on every rank.
Float first_place(std::size_t index, std::size_t count, double side_m);

}  // namespace shallow_water
