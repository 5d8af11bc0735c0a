#include "mpi/error.hpp"

#include <gtest/gtest.h>
#include <mpi.h>

#include <thread>

namespace locum::mpi {
namespace {

TEST(MpiError, SuccessIsNoError) {
  EXPECT_NO_THROW(check(MPI_SUCCESS, "MPI_Anything"));
}

TEST(MpiError, KeepsTheCallAndMpisOwnText) {
  try {
    check(MPI_ERR_TRUNCATE, "MPI_Anything");
    FAIL() << "the check accepted an error code";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::system);
    EXPECT_NE(error.text().find("MPI_Anything"), std::string::npos) << error.what();
    EXPECT_EQ(error.detail(), error_text(MPI_ERR_TRUNCATE));
    // MPI_ERR_TRUNCATE of Open MPI, "Message truncated" of MPICH.
    EXPECT_TRUE(error.detail().find("TRUNCATE") != std::string::npos ||
                error.detail().find("truncated") != std::string::npos)
        << error.what();
  }
}

TEST(MpiError, TheFlavourForDestructorsOnlySaysIt) {
  testing::internal::CaptureStderr();
  warn(MPI_SUCCESS, "MPI_Quiet");
  warn(MPI_ERR_COMM, "MPI_Loud");
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(said.find("MPI_Quiet"), std::string::npos) << said;
  EXPECT_NE(said.find("MPI_Loud failed (" + error_text(MPI_ERR_COMM) + ")"), std::string::npos) << said;
}

TEST(MpiError, MpiIsUsableWhereItsThreadLevelSaysSo) {
  EXPECT_EQ(why_unusable(), nullptr);
  int level = MPI_THREAD_SINGLE;
  MPI_Query_thread(&level);
  const char* elsewhere = nullptr;
  std::thread([&] { elsewhere = why_unusable(); }).join();
  EXPECT_EQ(elsewhere == nullptr, level >= MPI_THREAD_SERIALIZED);
}

}  // namespace
}  // namespace locum::mpi
