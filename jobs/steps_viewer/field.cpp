#include "jobs/steps_viewer/field.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace steps_viewer {

Field field_of(const Values& values, const Box& box) {
  std::vector<std::size_t> extents;
  for (const Range& range : box) {
    if (!range.is_index) {
      extents.push_back(range.count);
    }
  }
  if (extents.size() != 2) {
    throw std::invalid_argument("the slice has " + std::to_string(extents.size()) +
                                " dimensions, a picture has two; give a --slice such as 5,:,: or use print");
  }
  Field field{extents[0], extents[1], {}};
  field.numbers.reserve(values.size());
  for (std::size_t at = 0; at < values.size(); ++at) {
    field.numbers.push_back(values.number(at));
  }
  return field;
}

Field shrunk(const Field& field, std::size_t factor) {
  if (factor <= 1) {
    return field;
  }
  Field small{(field.rows + factor - 1) / factor, (field.columns + factor - 1) / factor, {}};
  small.numbers.reserve(small.rows * small.columns);
  for (std::size_t row = 0; row < small.rows; ++row) {
    for (std::size_t column = 0; column < small.columns; ++column) {
      const std::size_t last_row = std::min((row + 1) * factor, field.rows);
      const std::size_t last_column = std::min((column + 1) * factor, field.columns);
      double sum = 0.0;
      for (std::size_t y = row * factor; y < last_row; ++y) {
        for (std::size_t x = column * factor; x < last_column; ++x) {
          sum += field.at(y, x);
        }
      }
      const std::size_t count = (last_row - row * factor) * (last_column - column * factor);
      small.numbers.push_back(sum / static_cast<double>(count));
    }
  }
  return small;
}

double ColorRange::place(double number) const {
  return maximum > minimum ? (number - minimum) / (maximum - minimum) : 0.5;
}

ColorRange range_of(const Field& field, std::optional<double> minimum, std::optional<double> maximum) {
  std::optional<double> least;
  std::optional<double> most;
  for (const double number : field.numbers) {
    if (std::isfinite(number)) {
      least = std::min(least.value_or(number), number);
      most = std::max(most.value_or(number), number);
    }
  }
  return {minimum.value_or(least.value_or(0.0)), maximum.value_or(most.value_or(0.0))};
}

}  // namespace steps_viewer
