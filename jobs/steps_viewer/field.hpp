#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "jobs/steps_viewer/slice.hpp"
#include "jobs/steps_viewer/values.hpp"

namespace steps_viewer {

/// Numbers in rows and columns, row-major: what is drawn.
struct Field {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<double> numbers;

  double at(std::size_t row, std::size_t column) const { return numbers[row * columns + column]; }
};

/// The two dimensions of a box that are not an index. Throws std::invalid_argument unless there are two.
Field field_of(const Values& values, const Box& box);

/// The field with each `factor` x `factor` numbers replaced by their mean; those at the far edges by that of
/// fewer.
Field shrunk(const Field& field, std::size_t factor);

/// The range of numbers that the colours span.
struct ColorRange {
  double minimum = 0.0;
  double maximum = 1.0;

  /// Where a number lies in it: 0 at the minimum, 1 at the maximum; of a range without extent 0.5.
  double place(double number) const;
};
/// That of the finite numbers of a field, but for the bounds that are given.
ColorRange range_of(const Field& field, std::optional<double> minimum, std::optional<double> maximum);

}  // namespace steps_viewer
