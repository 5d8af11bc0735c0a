#include <gtest/gtest.h>
#include <mpi.h>

#include <cstdlib>
#include <string>

namespace {

TEST(ThreadLevel, IsWhatTheEntryAskedFor) {
  const char* text = std::getenv("LOCUM_TEST_THREAD_LEVEL");
  const std::string asked = text == nullptr ? "multiple" : text;
  int provided = -1;
  MPI_Query_thread(&provided);
  EXPECT_TRUE((asked == "multiple" && provided == MPI_THREAD_MULTIPLE) ||
              (asked == "serialized" && provided >= MPI_THREAD_SERIALIZED) ||
              (asked == "funneled" && provided >= MPI_THREAD_FUNNELED) ||
              (asked == "single" && provided >= MPI_THREAD_SINGLE))
      << "requested " << asked << ", provided " << provided;
}

}  // namespace
