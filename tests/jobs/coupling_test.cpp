#include "jobs/gray_scott/coupling.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <exception>
#include <map>
#include <string>

#include "jobs/gray_scott/mpi_owner.hpp"

namespace {

using namespace gray_scott;

constexpr std::size_t grid = 12;
constexpr std::size_t frames = 7;

/// The job's ranks: the last `analysing` of them analyse.
struct Ranks {
  explicit Ranks(int analysing_in) : analysing(analysing_in) {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &all);
  }
  int simulating() const { return all - analysing; }
  bool simulates() const { return rank < simulating(); }

  int rank = 0;
  int all = 0;
  int analysing;
};

void simulate(Solver& solver, Coupling& coupling, int analysing, Publish how) {
  std::size_t reported = 0;
  const auto take = [&reported](const std::vector<FrameReport>& reports) {
    for (const FrameReport& report : reports) {
      ASSERT_EQ(report.frame, reported);
      ASSERT_EQ(report.mass_u, 100.0 + static_cast<double>(reported));
      ++reported;
    }
  };
  for (std::size_t frame = 0; frame < frames; ++frame) {
    solver.step();
    take(coupling.wait_for_room());
    // Published and not yet reported, this frame included.
    ASSERT_LE(frame + 1 - reported, Coupling::frames_in_flight(analysing)) << "frame " << frame;
    coupling.publish(solver, frame, how);
  }
  take(coupling.wait_for_all());
  EXPECT_EQ(reported, frames);
}

void expect_bits(std::span<const double> block_values, const Block& block, const std::vector<double>& whole) {
  ASSERT_EQ(block_values.size(), block.cells());
  const double* row = block_values.data();
  for (std::size_t z = 0; z < block.extents[0]; ++z) {
    for (std::size_t y = 0; y < block.extents[1]; ++y) {
      const std::size_t first = ((block.origin[0] + z) * grid + block.origin[1] + y) * grid + block.origin[2];
      ASSERT_EQ(std::memcmp(row, &whole[first], block.extents[2] * sizeof(double)), 0);
      row += block.extents[2];
    }
  }
}

/// Computes the whole grid itself and compares.
void analyse_all(Coupling& coupling, bool ahead) {
  Solver own(MPI_COMM_SELF, grid, {});
  std::vector<double> u(grid * grid * grid);
  std::vector<double> v(u.size());
  bool any = false;
  for (std::size_t frame = 0; frame < frames; ++frame) {
    own.step();
    if (!coupling.analyses(frame)) {
      continue;
    }
    any = true;
    own.write_interior(Species::u, u);
    own.write_interior(Species::v, v);
    coupling.expect(ahead);
    coupling.look_ahead();
    coupling.receive();
    for (const BlockFields& fields : coupling.resolve()) {
      expect_bits(fields.u, fields.block, u);
      expect_bits(fields.v, fields.block, v);
    }
    coupling.finish({.frame = frame, .mass_u = 100.0 + static_cast<double>(frame)});
  }
  if (any) {
    // The handles of the last frame are still known, but their objects are gone.
    EXPECT_THROW(coupling.resolve(), std::exception);
  }
}

class CouplingOf : public testing::TestWithParam<Publish> {};

TEST_P(CouplingOf, HandsTheBitsOverAndBoundsWhatIsInFlight) {
  if (Ranks(1).all < 2) {
    GTEST_SKIP() << "needs two ranks";
  }
  for (int analysing = 1; analysing <= 2 && analysing < Ranks(1).all; ++analysing) {
    const Ranks ranks(analysing);
    Communicator role;
    MPI_Comm_split(MPI_COMM_WORLD, ranks.simulates() ? 0 : 1, ranks.rank, role.out());
    Coupling coupling(MPI_COMM_WORLD, Decomposition(grid, ranks.simulating()), analysing);
    if (ranks.simulates()) {
      Solver solver(role.get(), grid, {});
      simulate(solver, coupling, analysing, GetParam());
    } else {
      analyse_all(coupling, analysing == 1);
    }

    // Only puts have copied: the readers read in place.
    std::map<std::string, PathTraffic> traffic;
    for (const PathTraffic& row : coupling.gather_traffic()) {
      traffic[row.path] = row;
    }
    if (ranks.rank == 0) {
      const std::string path = GetParam() == Publish::create ? "put shm_view" : "put shm_copy";
      ASSERT_EQ(traffic.size(), 2U);
      for (const std::string& taken : {path, std::string("get shm_view")}) {
        EXPECT_EQ(traffic[taken].operations, 2 * frames * static_cast<std::size_t>(ranks.simulating()))
            << taken;
        EXPECT_EQ(traffic[taken].bytes, 2 * frames * grid * grid * grid * sizeof(double)) << taken;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, CouplingOf, testing::Values(Publish::create, Publish::put),
                         [](const auto& parameter) { return std::string(name_of(parameter.param)); });

}  // namespace
