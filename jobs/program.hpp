#pragma once

#include <mpi.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <functional>
#include <sstream>
#include <string>

namespace jobs {

/// The main of a program that needs at least two ranks: reads its command line on all ranks, then runs it.
/// Where the command line asks for something else or is wrong, rank 0 says so. An exception ends the job.
/// Returns the exit status.
inline int run_program(int argc, char** argv, CLI::App& app, const std::function<int()>& run) {
  constexpr int usage_exit_code = 2;
  int provided = MPI_THREAD_SINGLE;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);  // for LOCUM_TRANSPORT=mpi
  int rank = 0;
  int ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  int exit_code = 0;
  try {
    app.parse(argc, argv);
    if (ranks < 2) {
      throw CLI::ValidationError("ranks", "at least 2 are needed: start it with mpiexec -n 2 or more");
    }
    exit_code = run();
  } catch (const CLI::ParseError& error) {
    std::ostringstream nowhere;
    exit_code = (rank == 0 ? app.exit(error) : app.exit(error, nowhere, nowhere)) == 0 ? 0 : usage_exit_code;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: rank %d: %s\n", argv[0], rank, error.what());
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
  return exit_code;
}

}  // namespace jobs
