#include "bench/scaling/failure.hpp"

#include <mpi.h>

#include <cstdio>
#include <cstdlib>

namespace scaling {

void end_job(const char* why) {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  std::fprintf(stderr, "locum_scaling: rank %d: %s\n", rank, why);
  std::fflush(nullptr);
  MPI_Abort(MPI_COMM_WORLD, 1);
  std::_Exit(1);
}

}  // namespace scaling
