#include "jobs/gray_scott/solver.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

namespace {

using gray_scott::Block;
using gray_scott::Extents;
using gray_scott::Parameters;
using gray_scott::Solver;
using gray_scott::Species;

constexpr std::size_t cells_a_side = 18;

std::size_t at(const Extents& extents, std::size_t z, std::size_t y, std::size_t x) {
  return (z * extents[1] + y) * extents[2] + x;
}

std::vector<double> interior(const Solver& solver, Species species) {
  std::vector<double> values(solver.block().cells());
  solver.write_interior(species, values);
  return values;
}

// A number that identifies species and place in the periodic box.
double label(Species species, long z, long y, long x) {
  constexpr long n = cells_a_side;
  const auto wrap = [](long i) { return (i + n) % n; };
  return static_cast<double>(((wrap(z) * n + wrap(y)) * n + wrap(x)) * 2 + (species == Species::v ? 1 : 0));
}

TEST(Solver, FillsGhostsFromTheNeighbours) {
  Solver solver(MPI_COMM_WORLD, cells_a_side, {});
  const Extents ghosted = solver.ghosted_extents();
  const Block& block = solver.block();
  const auto place = [&](std::size_t axis, std::size_t i) {
    return static_cast<long>(block.origin[axis]) + static_cast<long>(i) - 1;
  };
  const auto ghosts_of = [&](std::size_t z, std::size_t y, std::size_t x) {
    return (z == 0 || z + 1 == ghosted[0] ? 1 : 0) + (y == 0 || y + 1 == ghosted[1] ? 1 : 0) +
           (x == 0 || x + 1 == ghosted[2] ? 1 : 0);
  };
  for (const Species species : {Species::u, Species::v}) {
    const auto field = solver.field(species);
    for (std::size_t z = 0; z < ghosted[0]; ++z) {
      for (std::size_t y = 0; y < ghosted[1]; ++y) {
        for (std::size_t x = 0; x < ghosted[2]; ++x) {
          const bool inside = ghosts_of(z, y, x) == 0;
          field[at(ghosted, z, y, x)] = inside ? label(species, place(0, z), place(1, y), place(2, x)) : -1.0;
        }
      }
    }
  }
  solver.exchange_ghosts();
  std::size_t faces = 0;
  for (const Species species : {Species::u, Species::v}) {
    const auto field = solver.field(species);
    for (std::size_t z = 0; z < ghosted[0]; ++z) {
      for (std::size_t y = 0; y < ghosted[1]; ++y) {
        for (std::size_t x = 0; x < ghosted[2]; ++x) {
          if (ghosts_of(z, y, x) <= 1) {
            ASSERT_EQ(field[at(ghosted, z, y, x)], label(species, place(0, z), place(1, y), place(2, x)))
                << "z " << z << " y " << y << " x " << x;
            faces += ghosts_of(z, y, x) == 1 ? 1 : 0;
          }
        }
      }
    }
  }
  const auto& e = block.extents;
  EXPECT_EQ(faces, 2 * 2 * (e[0] * e[1] + e[1] * e[2] + e[0] * e[2]));
}

TEST(Solver, GivesTheSameBitsOnAnyNumberOfRanks) {
  Solver together(MPI_COMM_WORLD, cells_a_side, {});
  Solver alone(MPI_COMM_SELF, cells_a_side, {});
  for (int i = 0; i < 25; ++i) {
    together.step();
    alone.step();
  }
  const Block& block = together.block();
  const Extents whole{cells_a_side, cells_a_side, cells_a_side};
  for (const Species species : {Species::u, Species::v}) {
    const auto mine = interior(together, species);
    const auto all = interior(alone, species);
    std::size_t cell = 0;
    for (std::size_t z = 0; z < block.extents[0]; ++z) {
      for (std::size_t y = 0; y < block.extents[1]; ++y) {
        const double* row = &all[at(whole, block.origin[0] + z, block.origin[1] + y, block.origin[2])];
        ASSERT_EQ(std::memcmp(&mine[cell], row, block.extents[2] * sizeof(double)), 0)
            << "z " << z << " y " << y;
        cell += block.extents[2];
      }
    }
  }
}

TEST(Solver, DiffusionAloneKeepsTheMassAndEvensOut) {
  const Parameters diffusion_only{.feed = 0.0, .kill = 0.0, .reaction = 0.0, .noise = 0.0};
  Solver solver(MPI_COMM_WORLD, 32, diffusion_only);
  const double mass_u = solver.total_mass(Species::u);
  const double mass_v = solver.total_mass(Species::v);
  ASSERT_GT(mass_v, 0.0);
  const auto largest_v = [&] {
    const auto values = interior(solver, Species::v);
    double largest = *std::max_element(values.begin(), values.end());
    MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    return largest;
  };
  const double peak = largest_v();
  for (int i = 0; i < 100; ++i) {
    solver.step();
  }
  EXPECT_NEAR(solver.total_mass(Species::u), mass_u, 1e-12 * mass_u);
  EXPECT_NEAR(solver.total_mass(Species::v), mass_v, 1e-12 * mass_v);
  EXPECT_LT(largest_v(), 0.5 * peak);
}

// A wave of one period across the box is an eigenvector of the seven-point stencil: each step must shrink it
// by a known factor.
TEST(Solver, DiffusesAWaveAtTheRateOfTheStencil) {
  const Parameters diffusion_only{.feed = 0.0, .kill = 0.0, .reaction = 0.0, .noise = 0.0};
  Solver solver(MPI_COMM_WORLD, cells_a_side, diffusion_only);
  const double wave_number = 2.0 * std::acos(-1.0) / static_cast<double>(cells_a_side);
  const Extents ghosted = solver.ghosted_extents();
  const auto wave = [&](std::size_t axis, std::size_t i) {
    return std::cos(wave_number * (static_cast<double>(solver.block().origin[axis] + i) - 1.0));
  };
  const auto for_each_cell = [&](auto visit) {
    for (std::size_t z = 1; z + 1 < ghosted[0]; ++z) {
      for (std::size_t y = 1; y + 1 < ghosted[1]; ++y) {
        for (std::size_t x = 1; x + 1 < ghosted[2]; ++x) {
          visit(at(ghosted, z, y, x), wave(0, z) * wave(1, y) * wave(2, x));
        }
      }
    }
  };
  auto field = solver.field(Species::u);
  for_each_cell([&](std::size_t cell, double value) { field[cell] = value; });
  solver.exchange_ghosts();
  constexpr int steps = 20;
  for (int i = 0; i < steps; ++i) {
    solver.step();
  }
  const double factor =
      1.0 + diffusion_only.time_step * diffusion_only.diffusion_u * 6.0 * (std::cos(wave_number) - 1.0);
  field = solver.field(Species::u);
  for_each_cell([&](std::size_t cell, double value) {
    ASSERT_NEAR(field[cell], value * std::pow(factor, steps), 1e-12);
  });
}

TEST(Solver, KeepsTheEmptyStateAndGrowsFromSeeds) {
  Solver solver(MPI_COMM_WORLD, 32, {.noise = 0.0});
  const auto u = solver.field(Species::u);
  const auto v = solver.field(Species::v);
  std::fill(u.begin(), u.end(), 1.0);
  std::fill(v.begin(), v.end(), 0.0);
  solver.step();
  EXPECT_DOUBLE_EQ(solver.total_mass(Species::u), 32.0 * 32.0 * 32.0);
  EXPECT_EQ(solver.total_mass(Species::v), 0.0);

  solver.reset();
  EXPECT_EQ(solver.steps_done(), 0U);
  const double seeded = solver.total_mass(Species::v);
  for (int i = 0; i < 300; ++i) {
    solver.step();
  }
  EXPECT_EQ(solver.steps_done(), 300U);
  EXPECT_GT(solver.total_mass(Species::v), 2.0 * seeded);
  for (const double value : interior(solver, Species::v)) {
    ASSERT_GE(value, 0.0);
    ASSERT_LE(value, 1.0);
  }
}

TEST(Solver, NoiseDependsOnTheSeedAndResetRepeatsTheRun) {
  Solver first(MPI_COMM_WORLD, cells_a_side, {.seed = 1});
  Solver second(MPI_COMM_WORLD, cells_a_side, {.seed = 2});
  for (int i = 0; i < 3; ++i) {
    first.step();
    second.step();
  }
  const auto run = interior(first, Species::u);
  EXPECT_NE(run, interior(second, Species::u));
  first.reset();
  for (int i = 0; i < 3; ++i) {
    first.step();
  }
  EXPECT_EQ(run, interior(first, Species::u));
}

}  // namespace
