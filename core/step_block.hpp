#pragma once

#include <cstdint>

#include <locum/extents.hpp>
#include <locum/hyperslab.hpp>

namespace locum {

/// One rank's block of a variable of a step: an element of InputStep::blocks().
struct StepBlock {
  int writer = 0;          ///< index of the rank that wrote it, among those of the writer
  Coordinates start = {};  ///< position in the global array; zeros for local arrays
  Extents count = {};      ///< rank 0 for a value that is no array
  std::uint64_t size_bytes = 0;
  bool is_here = false;  ///< whether the block is on this node, and so read in place
};

}  // namespace locum
