#pragma once

#include <cstdint>

#include <locum/extents.hpp>
#include <locum/hyperslab.hpp>

namespace locum {

/// What one rank wrote of a variable of a step: an element of InputStep::blocks().
struct StepBlock {
  int writer = 0;          ///< index of the rank that wrote it, among those of the writer
  Coordinates start = {};  ///< in the global array; zeros of local arrays
  Extents count = {};      ///< rank 0 of a value that is no array
  std::uint64_t size_bytes = 0;
  bool is_here = false;  ///< on this node: read in place
};

}  // namespace locum
