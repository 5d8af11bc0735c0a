// A rank throws between construction and destruction of a runtime, while the others wait for its message: the
// job must end, with an error message, instead of hanging.
#include <mpi.h>

#include <cstdio>
#include <stdexcept>

#include "mpi/runtime/runtime.hpp"

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  try {
    const locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = std::uint64_t{64} << 20U});
    if (runtime.rank() == 1) {
      throw std::runtime_error("what went wrong in the application");
    }
    int never_sent = 0;
    MPI_Recv(&never_sent, 1, MPI_INT, 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    std::puts("received a message that no rank sent");
  } catch (const std::exception& exception) {
    std::printf("caught after the job should have ended: %s\n", exception.what());
  }
  MPI_Finalize();
  return 0;
}
