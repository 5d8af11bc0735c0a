#include "jobs/shallow_water/pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <tuple>

namespace {

using shallow_water::Account;
using shallow_water::Float;
using shallow_water::Pool;

constexpr std::size_t cells = 24;
constexpr std::size_t floats = 200;
constexpr int steps = 120;

void advance(Pool& pool) {
  for (int step = 0; step < steps; ++step) {
    pool.step();
  }
}

TEST(Pool, GivesTheSameBitsOnAnyNumberOfRanks) {
  Pool together(MPI_COMM_WORLD, cells, floats);
  Pool alone(MPI_COMM_SELF, cells, floats);
  advance(together);
  advance(alone);
  for (std::size_t row = 0; row < together.rows(); ++row) {
    const double* const expected = alone.depths() + (together.first_row() + row) * alone.pitch();
    ASSERT_EQ(std::memcmp(together.depths() + row * together.pitch(), expected, cells * sizeof(double)), 0)
        << "row " << together.first_row() + row;
  }
  for (const Float& one : together.floats()) {
    EXPECT_NE(std::ranges::find(alone.floats(), one), alone.floats().end()) << one.x_m << ' ' << one.y_m;
  }
}

TEST(Pool, KeepsItsWaterAndItsFloats) {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  Pool pool(MPI_COMM_WORLD, cells, floats);
  const Account before = pool.account();
  advance(pool);
  const Account after = pool.account();
  const double row_m = Pool::side_m / cells;
  for (const Float& one : pool.floats()) {
    EXPECT_GE(one.y_m, row_m * static_cast<double>(pool.first_row()) * (1 - 1e-12));
    EXPECT_LE(one.y_m, row_m * static_cast<double>(pool.first_row() + pool.rows()) * (1 + 1e-12));
  }
  if (rank == 0) {
    EXPECT_EQ(before.floats, floats);
    EXPECT_EQ(after.floats, floats);
    EXPECT_NEAR(after.mean_depth_m(), before.mean_depth_m(), 1e-12);
    EXPECT_LT(after.highest_m, before.highest_m - 0.1) << "the hills have flown apart";
    EXPECT_GT(after.lowest_m, 0.5);
  }
}

TEST(Pool, CarriesFloatsClockwiseRoundItsMiddle) {
  Pool pool(MPI_COMM_SELF, cells, floats);
  const auto turns = [&](const Float& now, const Float& before) {
    constexpr double middle = Pool::side_m / 2;
    return (before.x_m - middle) * (now.y_m - before.y_m) - (before.y_m - middle) * (now.x_m - before.x_m);
  };
  const std::vector<Float> before = pool.floats();
  advance(pool);
  double all = 0.0;
  for (std::size_t at = 0; at < floats; ++at) {
    all += turns(pool.floats()[at], before[at]);
  }
  EXPECT_LT(all, 0.0);
}

TEST(Pool, NeedsARowForEachRank) {
  int ranks = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  EXPECT_THROW(Pool(MPI_COMM_WORLD, static_cast<std::size_t>(ranks) - 1, 0), std::invalid_argument);
}

}  // namespace
