#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/steps/step_record.hpp"
#include "core/value/extents.hpp"
#include "core/value/hyperslab.hpp"
#include "core/value/result.hpp"

namespace locum::detail {

/// The elements of a box that lie in one block.
struct BoxPiece {
  const BlockRecord* block = nullptr;
  Hyperslab slab;  ///< within the block
  Extents place;   ///< of its first element, within the box
};

/// The pieces of a box (see Hyperslab) of a global array, by its blocks, which are ascending by start[0].
/// None of a
/// box of no elements. `invalid_argument` if the box is not one of this shape, or two blocks have one element
/// of it; `not_found` if no block has one of its elements. Both name an element. Looks at the blocks that
/// meet the box in the slowest dimension, and before these at those that begin before it.
[[nodiscard]] Result<std::vector<BoxPiece>> pieces_of(const Hyperslab& box,
                                                      std::span<const std::uint64_t> shape,
                                                      std::span<const BlockRecord> blocks);

}  // namespace locum::detail
