#include "jobs/gray_scott/decomposition.hpp"

#include <string>

namespace gray_scott {

Decomposition::Decomposition(std::size_t grid, int ranks) : grid_(grid) {
  MPI_Dims_create(ranks, 3, ranks_per_side_.data());
  for (const int side : ranks_per_side_) {
    if (static_cast<std::size_t>(side) > grid) {
      throw UnsuitableGrid("a grid of " + std::to_string(grid) + " cells a side cannot be cut for " +
                           std::to_string(ranks) + " ranks: take a larger grid or fewer ranks");
    }
  }
}

Block Decomposition::block(int rank) const {
  const std::array<int, 3> position{rank / (ranks_per_side_[1] * ranks_per_side_[2]),
                                    rank / ranks_per_side_[2] % ranks_per_side_[1],
                                    rank % ranks_per_side_[2]};
  Block block;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const auto sides = static_cast<std::size_t>(ranks_per_side_[axis]);
    const auto index = static_cast<std::size_t>(position[axis]);
    block.origin[axis] = grid_ * index / sides;
    block.extents[axis] = grid_ * (index + 1) / sides - block.origin[axis];
  }
  return block;
}

}  // namespace gray_scott
