#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "core/step_options.hpp"
#include "core/value/extents.hpp"
#include "core/value/hyperslab.hpp"

namespace locum::tests {

/// A box of an array without strides.
struct Cut {
  std::vector<std::uint64_t> start;
  std::vector<std::uint64_t> count;
};

[[nodiscard]] inline Extents extents_from(const std::vector<std::uint64_t>& values) {
  Extents extents;
  extents.rank = static_cast<std::uint8_t>(values.size());
  std::ranges::copy(values, extents.values.begin());
  return extents;
}

/// Cuts a box in two, along a random dimension, and these again, until there are at most that many parts.
template <class Random>
void cut(Random& random, const Cut& whole, std::size_t parts, std::vector<Cut>& cuts) {
  const std::size_t dimension = random() % whole.count.size();
  if (parts == 1 || whole.count[dimension] < 2) {
    cuts.push_back(whole);
    return;
  }
  const std::uint64_t at = 1 + random() % (whole.count[dimension] - 1);
  Cut lower = whole;
  lower.count[dimension] = at;
  Cut upper = whole;
  upper.count[dimension] -= at;
  upper.start[dimension] += at;
  cut(random, lower, parts / 2, cuts);
  cut(random, upper, parts - parts / 2, cuts);
}

/// Calls `visit` with the number of each element of the box, row-major, and its place in the array.
template <class Visit>
void for_each_place(const std::vector<std::uint64_t>& shape, const Hyperslab& box, Visit visit) {
  std::vector<std::uint64_t> index(shape.size());
  for (std::size_t number = 0;; ++number) {
    std::uint64_t place = 0;
    for (std::size_t at = 0; at < shape.size(); ++at) {
      const std::uint64_t stride = box.stride.size() == 0 ? 1 : box.stride[at];
      place = place * shape[at] + box.start[at] + index[at] * stride;
    }
    visit(number, place);
    std::size_t at = shape.size();
    while (at > 0 && ++index[at - 1] == box.count[at - 1]) {
      index[--at] = 0;
    }
    if (at == 0) {
      return;
    }
  }
}

template <class Random>
[[nodiscard]] Hyperslab random_box(Random& random, const std::vector<std::uint64_t>& shape) {
  std::vector<std::uint64_t> start(shape.size());
  std::vector<std::uint64_t> count(shape.size());
  std::vector<std::uint64_t> stride(shape.size());
  for (std::size_t at = 0; at < shape.size(); ++at) {
    start[at] = random() % shape[at];
    stride[at] = 1 + random() % 3;
    count[at] = 1 + random() % (1 + (shape[at] - 1 - start[at]) / stride[at]);
  }
  return {extents_from(start), extents_from(count), extents_from(stride)};
}

/// Options of a reader to which bytes move only when it reads them, so that they can be counted.
template <class Options = StepReaderOptions>
[[nodiscard]] Options without_fetching_ahead() {
  Options options;
  if constexpr (requires { options.ahead = 0; }) {
    options.ahead = 0;
  }
  return options;
}

}  // namespace locum::tests
