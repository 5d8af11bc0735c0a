#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace steps_viewer {

/// A type by its canonical name, `f64`, `f64[]`, `f32[3][]` or `map<char[],i32>`, taken to pieces.
struct ElementName {
  std::string element;               ///< `f64`; the whole name if it is not an array
  std::vector<std::uint64_t> inner;  ///< extents of one element that is an array: 3 of `f32[3][]`
  bool is_array = false;

  static ElementName parse(std::string_view type);
  /// Whether Values can hold it: a number, `bool`, `byte` or `char`, or a short vector of reals.
  bool can_be_shown() const;
};

}  // namespace steps_viewer
