#include "jobs/gray_scott/decomposition.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace {

using gray_scott::Block;
using gray_scott::Decomposition;

TEST(Decomposition, GivesEachCellToOneRank) {
  for (const int ranks : {1, 2, 3, 4, 6, 8, 12}) {
    constexpr std::size_t grid = 13;
    const Decomposition decomposition(grid, ranks);
    ASSERT_EQ(decomposition.ranks(), ranks);
    std::vector<int> owners(grid * grid * grid, 0);
    for (int rank = 0; rank < ranks; ++rank) {
      const Block block = decomposition.block(rank);
      for (std::size_t z = 0; z < block.extents[0]; ++z) {
        for (std::size_t y = 0; y < block.extents[1]; ++y) {
          for (std::size_t x = 0; x < block.extents[2]; ++x) {
            ++owners.at(((block.origin[0] + z) * grid + block.origin[1] + y) * grid + block.origin[2] + x);
          }
        }
      }
    }
    EXPECT_EQ(owners, std::vector<int>(owners.size(), 1)) << ranks << " ranks";
  }
}

TEST(Decomposition, NumbersBlocksAsMpiDoes) {
  int ranks = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  constexpr std::size_t grid = 16;
  const Decomposition decomposition(grid, ranks);
  const std::array<int, 3> periodic{1, 1, 1};
  MPI_Comm cartesian = MPI_COMM_NULL;
  MPI_Cart_create(MPI_COMM_WORLD, 3, decomposition.ranks_per_side().data(), periodic.data(), 0, &cartesian);
  for (int rank = 0; rank < ranks; ++rank) {
    std::array<int, 3> coordinates{};
    MPI_Cart_coords(cartesian, rank, 3, coordinates.data());
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const auto side = static_cast<std::size_t>(decomposition.ranks_per_side()[axis]);
      EXPECT_EQ(decomposition.block(rank).origin[axis],
                grid * static_cast<std::size_t>(coordinates[axis]) / side);
    }
  }
  MPI_Comm_free(&cartesian);
}

TEST(Decomposition, RefusesRanksWithoutCells) {
  EXPECT_THROW(Decomposition(1, 8), gray_scott::UnsuitableGrid);
  EXPECT_NO_THROW(Decomposition(2, 8));
}

}  // namespace
