#include "transport/storage/wrappers/line_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "tests/transport/storage/temporary_folder.hpp"

namespace locum::storage {
namespace {

// Neither who is slow nor who leaves at the other end of a pipe stops a rank, or ends it.
TEST(LineFile, OfAPipeIsAnErrorWhereItCannotGoOn) {
  const tests::TemporaryFolder folder;
  const std::string path = folder.path() + "/pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_FALSE(LineFile::open(path)) << "nobody reads it";
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  const auto lines = LineFile::open(path);
  ASSERT_TRUE(lines) << lines.error().what();
  int written = 0;
  for (; written < 100'000 && lines->append("a line"); ++written) {
  }
  EXPECT_GT(written, 0);
  EXPECT_LT(written, 100'000) << "the pipe is full";
  ::close(reader);
  EXPECT_EQ(lines->append("a line").error().code(), Errc::system);
}

}  // namespace
}  // namespace locum::storage
