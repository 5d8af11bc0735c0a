// Melts a crystal by LAMMPS, and publishes its atoms every few time steps: each rank those that it has,
// without any exchange. Who reads them is none of its business: see analysis.py, the other program of the
// job.
#include <mpi.h>

#include <CLI/CLI.hpp>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <iostream>
#include <locum/locum.hpp>
#include <string>

#include "jobs/melt/lammps.hpp"

namespace {

struct Options {
  int cells = 10;
  int steps = 500;
  int every = 50;
};

/// A crystal of Lennard-Jones atoms, hot enough to melt. `compute rdf` is there to be compared with what the
/// analysis finds.
void set_up(melt::Lammps& lammps, const Options& options, std::size_t bins) {
  const std::string edge = std::to_string(options.cells);
  lammps.command("units lj");
  lammps.command("atom_style atomic");
  lammps.command("lattice fcc 0.8442");
  lammps.command("region all block 0 " + edge + " 0 " + edge + " 0 " + edge);
  lammps.command("create_box 1 all");
  lammps.command("create_atoms 1 box");
  lammps.command("mass 1 1.0");
  lammps.command("velocity all create 3.0 40507");
  lammps.command("pair_style lj/cut 2.5");
  lammps.command("pair_coeff 1 1 1.0 1.0 2.5");
  lammps.command("neigh_modify every 1 delay 0 check yes");
  lammps.command("compute rdf all rdf " + std::to_string(bins));
  lammps.command("fix move all nve");
}

/// Collective over `group`.
void simulate(MPI_Comm group, const Options& options) {
  using namespace locum::literals;
  constexpr std::size_t bins = 100;
  int rank = 0;
  MPI_Comm_rank(group, &rank);
  melt::Lammps lammps(group);
  set_up(lammps, options, bins);

  locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 256_MiB});
  locum::StepWriter stream(runtime, "melt", group);
  for (int done = 0; done <= options.steps; done += options.every) {
    lammps.command("run " + std::to_string(done == 0 ? 0 : options.every) + " post no");
    auto step = stream.begin().value();
    step.put("x", locum::array(lammps.positions(), {lammps.atoms(), 3}));  // as they are in LAMMPS
    step.put("id", lammps.ids());
    const auto rdf = lammps.rdf("rdf", bins);
    const double temperature = lammps.thermo("temp");
    const auto box = lammps.box();
    if (rank == 0) {
      step.put("rdf", locum::array(rdf.data(), {bins, 3}));
      step.put("box", locum::array(box.data(), {box.size()}));
      step.put("atoms", static_cast<std::int64_t>(lammps.atoms_of_all()));
      step.put("temperature", temperature);
    }
    step.end().value();
  }
  stream.close().value();
  if (rank == 0) {
    std::printf("simulation: %zu atoms after %d time steps\n", lammps.atoms_of_all(), options.steps);
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app(
      "Melts a crystal by LAMMPS, and writes its atoms into a stream of steps, which analysis.py reads.\n");
  constexpr int most = 1'000'000'000;
  app.add_option("--cells", options.cells, "Cells of the crystal along each edge, of 4 atoms each")
      ->check(CLI::Range(4, 100))
      ->capture_default_str();
  app.add_option("--steps", options.steps, "Time steps")->check(CLI::Range(1, most))->capture_default_str();
  app.add_option("--every", options.every, "Time steps between two steps of the stream")
      ->check(CLI::Range(1, most))
      ->capture_default_str();

  int level = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level);
  MPI_Comm group = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, 0, 0,
                 &group);  // the ranks of this program: those of the analysis have another color
  try {
    app.parse(argc, argv);
    simulate(group, options);
  } catch (const CLI::ParseError& error) {
    int rank = 0;
    MPI_Comm_rank(group, &rank);
    if (rank == 0) {
      const int status = app.exit(error);
      std::cout.flush();
      MPI_Abort(MPI_COMM_WORLD, status == 0 ? 0 : 2);
    }
    MPI_Barrier(group);  // until the job ends
  } catch (const std::exception& error) {
    std::fprintf(stderr, "melt_simulation: %s\n", error.what());
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Comm_free(&group);
  MPI_Finalize();
}
