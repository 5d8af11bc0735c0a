#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <locum/element_type.hpp>
#include <locum/extents.hpp>

namespace locum {

/// A variable of a step, as its writers described it.
struct Variable {
  std::string name;
  std::string type;  ///< canonical type of its objects: `f64[]`, `map<char[],i32>` …
  Extents shape;     ///< extents of a global array; rank 0 for local arrays and values
  std::size_t blocks = 0;
  std::uint64_t size_bytes = 0;  ///< sum over all blocks
  ElementType element = {};      ///< of numbers and flat classes, and of arrays of these; else no type
};

}  // namespace locum
