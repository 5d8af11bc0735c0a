#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace locum {

// How errors name extents and indices: slowest dimension first, from 0 on. The module of Fortran finds these
// forms in a text, and gives them in its own order (core/fortran/own_order.cpp).

/// Returns "2 x 3"; "none" without dimensions. `extents` has a size(), and a number for each index.
template <class Numbers>
[[nodiscard]] std::string extents_text(const Numbers& extents, std::string_view between = " x ") {
  std::string text;
  for (std::size_t at = 0; at < extents.size(); ++at) {
    text.append(at == 0 ? "" : between).append(std::to_string(extents[at]));
  }
  return text.empty() ? "none" : text;
}

/// Returns "[1, 2] (counted from 0)".
template <class Numbers>
[[nodiscard]] std::string indices_text(const Numbers& indices) {
  return "[" + extents_text(indices, ", ") + "] (counted from 0)";
}

/// Returns "2 x 3 elements from [1, 2] (counted from 0) on", and where they are not adjacent ", 1 x 2 apart".
/// `box` has a start, a count and a stride.
template <class Box>
[[nodiscard]] std::string box_text(const Box& box) {
  bool is_adjacent = true;
  for (std::size_t at = 0; at < box.stride.size(); ++at) {
    is_adjacent = is_adjacent && box.stride[at] == 1;
  }
  const std::string text = extents_text(box.count) + " elements from " + indices_text(box.start) + " on";
  return is_adjacent ? text : text + ", " + extents_text(box.stride) + " apart";
}

}  // namespace locum
