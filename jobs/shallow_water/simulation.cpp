// Simulates water in a pool and writes what it looks like, every few steps, into a stream. Who reads it, on
// how many ranks and in which parts, is none of its business: see analysis.cpp, the other program of the job.
#include <mpi.h>

#include <CLI/CLI.hpp>
#include <cstddef>
#include <cstdio>
#include <locum/locum.hpp>
#include <string>

#include "jobs/shallow_water/pool.hpp"
#include "jobs/shallow_water/program.hpp"
#include "jobs/table.hpp"

namespace {

using namespace shallow_water;

struct SimulationOptions {
  std::size_t cells = 256;
  std::size_t steps = 3000;
  std::size_t every = 150;
  std::size_t floats = 3000;
};

/// Collective over `group`.
int simulate(MPI_Comm group, const SimulationOptions& options) {
  int rank = 0;
  MPI_Comm_rank(group, &rank);
  Pool pool(group, options.cells, options.floats);
  double writing_s = 0.0;

  locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = memory_bytes});
  locum::StepWriter stream(runtime, stream_name, group, {.queue_steps = 2, .rendezvous_readers = 1});
  const double begin_s = MPI_Wtime();
  for (std::size_t done = 0; done < options.steps; ++done) {
    pool.step();
    if ((done + 1) % options.every != 0) {
      continue;
    }
    const Account account = pool.account();
    const double before_s = MPI_Wtime();
    auto step = stream.begin().value();
    const auto mine = locum::array(pool.depths(), {pool.rows(), pool.cells()}, {pool.pitch(), 1});
    step.put("depth", mine, {.shape = {pool.cells(), pool.cells()}, .start = {pool.first_row(), 0}});
    step.put("floats", pool.floats());
    if (rank == 0) {
      step.put("account", account);
    }
    step.end().value();
    writing_s += MPI_Wtime() - before_s;
  }
  const double all_s = MPI_Wtime() - begin_s;
  stream.close().value();
  if (rank == 0) {
    std::printf("simulation: %zu time steps in %s, of which %s for the stream\n", options.steps,
                jobs::format_seconds(all_s).c_str(), jobs::format_seconds(writing_s).c_str());
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  SimulationOptions options;
  CLI::App app(
      "Simulates water in a square pool, and marks that float on it. Writes both into a stream of steps, "
      "which\n"
      "shallow_water_analysis reads.\n",
      "mpirun -n 4 shallow_water_simulation");
  constexpr std::size_t most = 1'000'000'000;
  app.add_option("--cells", options.cells, "Cells along each side of the pool")
      ->check(CLI::Range(std::size_t{8}, std::size_t{2048}))
      ->capture_default_str();
  app.add_option("--steps", options.steps, "Time steps")
      ->check(CLI::Range(std::size_t{1}, most))
      ->capture_default_str();
  app.add_option("--every", options.every, "Time steps between two steps of the stream")
      ->check(CLI::Range(std::size_t{1}, most))
      ->capture_default_str();
  app.add_option("--floats", options.floats, "Marks that float on the water")
      ->check(CLI::Range(std::size_t{0}, std::size_t{1'000'000}))
      ->capture_default_str();
  app.callback([&options] {
    if (options.every > options.steps) {
      throw CLI::ValidationError("--every " + std::to_string(options.every) + " is more than --steps " +
                                 std::to_string(options.steps) + ": the stream would have no step");
    }
  });
  return run_program(argc, argv, app, Role::simulation,
                     [&](MPI_Comm group) { return simulate(group, options); });
}
