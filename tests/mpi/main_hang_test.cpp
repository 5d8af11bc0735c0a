// Hangs on one rank. The entry main_hang expects that the watchdog names it and ends the job.
#include <gtest/gtest.h>
#include <mpi.h>

namespace {

TEST(Main, SaysWhichRankHangs) {
  int rank = -1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank == 2) {
    int never = 0;
    MPI_Recv(&never, 1, MPI_INT, 0, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    FAIL() << "received a message that no rank sent";
  }
  EXPECT_LT(rank, 2);
}

}  // namespace
