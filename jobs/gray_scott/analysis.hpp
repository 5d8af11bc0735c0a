#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "jobs/gray_scott/decomposition.hpp"

namespace gray_scott {

/// What a simulation rank published: its block without ghosts, row-major. Points into somebody else's memory.
struct BlockFields {
  Block block;
  std::span<const double> u;
  std::span<const double> v;
};

/// Where analysis looks: V is counted in bins over [0, histogram_top), and the isosurface is that of V =
/// threshold.
struct AnalysisRange {
  double histogram_top = 0.5;
  double threshold = 0.2;
};

/// What one frame told.
struct Findings {
  static constexpr std::size_t bin_count = 64;

  double mass_u = 0.0;
  double mass_v = 0.0;
  double min_v = 0.0;
  double max_v = 0.0;
  double mean_v = 0.0;
  std::array<std::uint64_t, bin_count>
      histogram_v{};  ///< cells by V; the first and last bin take what lies beyond
  std::uint64_t isosurface_cells = 0;
};

/// Reads every block once for the sums, minimum, maximum and histogram, and V once more for the isosurface.
/// REQUIRES: blocks fill a cube of `grid` cells a side, each cell once, in any order.
Findings analyse(std::span<const BlockFields> blocks, std::size_t grid, const AnalysisRange& range);

/// How many cells the surface V = threshold crosses. A cell has a grid point at each of its eight corners; it
/// is crossed if some lie above the threshold and some do not. There are grid^3 cells, since the box is
/// periodic: a cell whose corners lie in several blocks, or across the border of the box, is counted once
/// like any other. Takes two planes of one byte a point; the blocks are not copied together.
std::uint64_t count_isosurface_cells(std::span<const BlockFields> blocks, std::size_t grid, double threshold);

/// V at z = grid / 2, put together from the blocks: grid x grid values, y then x.
std::vector<double> assemble_mid_plane(std::span<const BlockFields> blocks, std::size_t grid);

}  // namespace gray_scott
