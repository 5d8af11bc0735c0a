#include "jobs/gray_scott/analysis.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>
#include <utility>
#include <vector>

namespace {

using gray_scott::BlockFields;
using gray_scott::Decomposition;
using gray_scott::Findings;

using Field = std::function<double(std::size_t z, std::size_t y, std::size_t x)>;

// The blocks of a whole field, as published by many ranks.
class Blocks {
 public:
  Blocks(std::size_t grid, int ranks, const Field& u, const Field& v) {
    const Decomposition decomposition(grid, ranks);
    for (int rank = 0; rank < ranks; ++rank) {
      const auto block = decomposition.block(rank);
      std::vector<double> values_u;
      std::vector<double> values_v;
      for (std::size_t z = 0; z < block.extents[0]; ++z) {
        for (std::size_t y = 0; y < block.extents[1]; ++y) {
          for (std::size_t x = 0; x < block.extents[2]; ++x) {
            values_u.push_back(u(block.origin[0] + z, block.origin[1] + y, block.origin[2] + x));
            values_v.push_back(v(block.origin[0] + z, block.origin[1] + y, block.origin[2] + x));
          }
        }
      }
      values_.push_back(std::move(values_u));
      values_.push_back(std::move(values_v));
    }
    for (int rank = ranks - 1; rank >= 0; --rank) {  // the order must not matter
      const auto first = 2 * static_cast<std::size_t>(rank);
      fields_.push_back({decomposition.block(rank), values_[first], values_[first + 1]});
    }
  }

  const std::vector<BlockFields>& fields() const { return fields_; }

 private:
  std::vector<std::vector<double>> values_;
  std::vector<BlockFields> fields_;
};

double zero(std::size_t, std::size_t, std::size_t) {
  return 0.0;
}

// Corner by corner, on the whole field: slow and simple.
std::uint64_t crossed_by_hand(std::size_t grid, const Field& v, double threshold) {
  std::uint64_t crossed = 0;
  for (std::size_t z = 0; z < grid; ++z) {
    for (std::size_t y = 0; y < grid; ++y) {
      for (std::size_t x = 0; x < grid; ++x) {
        int above = 0;
        for (std::size_t corner = 0; corner < 8; ++corner) {
          above +=
              v((z + corner / 4) % grid, (y + corner / 2 % 2) % grid, (x + corner % 2) % grid) > threshold;
        }
        crossed += above != 0 && above != 8;
      }
    }
  }
  return crossed;
}

TEST(Analysis, CountsCrossedCellsAcrossBlockBorders) {
  constexpr std::size_t grid = 11;
  const Field rough = [](std::size_t z, std::size_t y, std::size_t x) {
    return std::sin(1.7 * static_cast<double>(z)) + std::sin(2.3 * static_cast<double>(y * x));
  };
  const auto expected = crossed_by_hand(grid, rough, 0.4);
  ASSERT_GT(expected, 0U);
  ASSERT_LT(expected, grid * grid * grid);
  for (const int ranks : {1, 2, 3, 4, 8, 12}) {
    const Blocks blocks(grid, ranks, zero, rough);
    EXPECT_EQ(gray_scott::count_isosurface_cells(blocks.fields(), grid, 0.4), expected) << ranks << " blocks";
  }
}

TEST(Analysis, CountsTheEightCellsAroundOnePointWhereverItLies) {
  constexpr std::size_t grid = 8;
  for (const std::size_t place : {0U, 3U, 4U, 7U}) {
    const Field point = [place](std::size_t z, std::size_t y, std::size_t x) {
      return z == place && y == place && x == place ? 1.0 : 0.0;
    };
    const Blocks blocks(grid, 8, zero, point);
    EXPECT_EQ(gray_scott::count_isosurface_cells(blocks.fields(), grid, 0.5), 8U) << place;
  }
  const Blocks flat(grid, 8, zero, zero);
  EXPECT_EQ(gray_scott::count_isosurface_cells(flat.fields(), grid, 0.5), 0U);
}

TEST(Analysis, PutsTheMidPlaneTogether) {
  constexpr std::size_t grid = 9;
  const Field place = [](std::size_t z, std::size_t y, std::size_t x) {
    return static_cast<double>(z * 10'000 + y * 100 + x);
  };
  const Blocks blocks(grid, 12, zero, place);
  const auto plane = gray_scott::assemble_mid_plane(blocks.fields(), grid);
  ASSERT_EQ(plane.size(), grid * grid);
  for (std::size_t y = 0; y < grid; ++y) {
    for (std::size_t x = 0; x < grid; ++x) {
      ASSERT_EQ(plane[y * grid + x], place(grid / 2, y, x));
    }
  }
}

TEST(Analysis, FindsSumsExtremaAndHistogram) {
  constexpr std::size_t grid = 8;
  // A quarter of the planes each at 0.1, 0.2, 0.3, and 7, which is beyond the last bin.
  const Field v = [](std::size_t z, std::size_t, std::size_t) {
    return std::vector<double>{0.1, 0.2, 0.3, 7.0}[z % 4];
  };
  const Field one = [](std::size_t, std::size_t, std::size_t) { return 1.0; };
  const Blocks blocks(grid, 6, one, v);
  const Findings findings =
      gray_scott::analyse(blocks.fields(), grid, {.histogram_top = 0.5, .threshold = 1.0});
  constexpr double cells = grid * grid * grid;
  EXPECT_EQ(findings.mass_u, cells);
  EXPECT_DOUBLE_EQ(findings.mass_v, cells * (0.1 + 0.2 + 0.3 + 7.0) / 4.0);
  EXPECT_DOUBLE_EQ(findings.mean_v, (0.1 + 0.2 + 0.3 + 7.0) / 4.0);
  EXPECT_EQ(findings.min_v, 0.1);
  EXPECT_EQ(findings.max_v, 7.0);
  EXPECT_EQ(findings.histogram_v[12], grid * grid * 2);  // 0.1 of 0.5 in 64 bins
  EXPECT_EQ(findings.histogram_v[25], grid * grid * 2);
  EXPECT_EQ(findings.histogram_v[38], grid * grid * 2);
  EXPECT_EQ(findings.histogram_v[63], grid * grid * 2);
  EXPECT_EQ(std::accumulate(findings.histogram_v.begin(), findings.histogram_v.end(), 0U),
            grid * grid * grid);
  EXPECT_EQ(findings.isosurface_cells, grid * grid * 4);  // below and above each of two planes
}

}  // namespace
