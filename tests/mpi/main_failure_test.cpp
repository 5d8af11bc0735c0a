// Fails on one rank. The entry main_failure expects that all ranks report it, and that the next test runs.
#include <gtest/gtest.h>
#include <mpi.h>

namespace {

int rank() {
  int rank = -1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

TEST(Main, SaysWhichRankFailed) {
  EXPECT_NE(rank(), 1) << "only rank 1";
}

TEST(Main, GoesOnWithTheNextTest) {
  int sum = 0;
  const int one = 1;
  MPI_Allreduce(&one, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  EXPECT_EQ(sum, 3);
}

}  // namespace
