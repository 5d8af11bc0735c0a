#include "mpi/launcher.hpp"

#include <gtest/gtest.h>

#include "tests/mpi/environment.hpp"
#include "tests/mpi/job.hpp"

namespace locum::mpi {
namespace {

TEST(Launcher, IsBelievedWhereItFitsTheLibrary) {
  EXPECT_EQ(singleton_warning(job::size()), "");
}

TEST(Launcher, IsDoubtedWhereItSaysMoreRanksThanMpi) {
  const Environment launched_by_open_mpi("OMPI_COMM_WORLD_SIZE", "1");
  const Environment launched_by_mpich("PMI_SIZE", "1");
  const Environment variable("SLURM_STEP_NUM_TASKS", "4");
  EXPECT_NE(singleton_warning(1).find("SLURM_STEP_NUM_TASKS=4"), std::string::npos) << singleton_warning(1);
  EXPECT_EQ(singleton_warning(4), "") << "of a world of one rank that has joined others, too";
  const Environment one("SLURM_STEP_NUM_TASKS", "1");
  EXPECT_EQ(singleton_warning(1), "");
}

}  // namespace
}  // namespace locum::mpi
