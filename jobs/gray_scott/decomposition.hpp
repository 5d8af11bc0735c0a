#pragma once

#include <mpi.h>

#include <array>
#include <cstddef>
#include <stdexcept>

namespace gray_scott {

/// Three numbers in the order of the memory: z, y, x; x is contiguous.
using Extents = std::array<std::size_t, 3>;

/// A box of the global grid: its first cell and its size.
struct Block {
  Extents origin{};
  Extents extents{};

  std::size_t cells() const { return extents[0] * extents[1] * extents[2]; }
};

/// A grid that cannot be cut for so many ranks.
class UnsuitableGrid : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// Says which rank has which box of a cubic grid with periodic borders.
///
/// A plain value that any rank can compute from the same three numbers, in or outside of the
/// communicator that simulates, so that nobody has to be told where a block belongs. Ranks are laid out
/// row-major, as MPI_Cart_create does without reordering. Blocks differ by at most one cell a side.
class Decomposition {
 public:
  /// REQUIRES: MPI is initialised. Throws UnsuitableGrid where a rank would get no cell.
  Decomposition(std::size_t grid, int ranks);

  std::size_t grid() const { return grid_; }
  int ranks() const { return ranks_per_side_[0] * ranks_per_side_[1] * ranks_per_side_[2]; }
  const std::array<int, 3>& ranks_per_side() const { return ranks_per_side_; }

  /// The box of one rank. REQUIRES: 0 <= rank < ranks().
  Block block(int rank) const;

 private:
  std::size_t grid_;
  std::array<int, 3> ranks_per_side_{};
};

}  // namespace gray_scott
