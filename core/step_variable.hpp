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
  std::string type;  ///< of its objects, canonical: `f64[]`, `map<char[],i32>` …
  Extents shape;     ///< of a global array; rank 0 of local arrays and of values
  std::size_t blocks = 0;
  std::uint64_t size_bytes = 0;  ///< of all blocks
  ElementType element = {};      ///< of arrays of numbers and of flat classes; otherwise no type
};

}  // namespace locum
