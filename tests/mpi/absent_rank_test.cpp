// A rank that never opens the runtime: the others must not wait for ever. The job ends here because MPI is
// not usable any more, with a communicator half duplicated.
#include <mpi.h>

#include <chrono>
#include <cstdio>

#include "mpi/runtime/runtime.hpp"

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank == 1) {
    int never_sent = 0;
    MPI_Recv(&never_sent, 1, MPI_INT, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    return 0;
  }
  try {
    const locum::Runtime runtime(MPI_COMM_WORLD, {.collective_timeout = std::chrono::milliseconds(300)});
    std::puts("opened with a rank missing");
  } catch (const locum::Error& error) {
    std::printf("rank %d: %s\n", rank, error.what());
    std::fflush(stdout);
    if (rank == 0) {
      MPI_Abort(MPI_COMM_WORLD, 1);
    }
    MPI_Recv(&rank, 1, MPI_INT, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  }
  return 0;
}
