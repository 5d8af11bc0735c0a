#pragma once

#include <mpi.h>

#include <cstdio>
#include <exception>
#include <optional>

namespace jobs {

/// The main of a program that needs at least two ranks: runs it with what its command line says, on all
/// ranks; where `parse` makes nothing of that, rank 0 says how it is used. An exception ends the job. Returns
/// the exit status.
template <class Options>
int run_program(int argc, char** argv, const char* name, const char* usage,
                std::optional<Options> (*parse)(int, char**), int (*run)(const Options&)) {
  constexpr int usage_exit_code = 2;
  MPI_Init(&argc, &argv);
  int rank = 0;
  int ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  int exit_code = usage_exit_code;
  const auto options = parse(argc, argv);
  if (!options || ranks < 2) {
    std::fputs(rank == 0 ? usage : "", stderr);
  } else {
    try {
      exit_code = run(*options);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s: rank %d: %s\n", name, rank, error.what());
      MPI_Abort(MPI_COMM_WORLD, 1);
    }
  }
  MPI_Finalize();
  return exit_code;
}

}  // namespace jobs
