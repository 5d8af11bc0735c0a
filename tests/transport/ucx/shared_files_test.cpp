#include "tests/transport/ucx/shared_files.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

// Tests that the check for files left in /dev/shm can fail, and reports no file that is in use.
namespace locum::tests {
namespace {

/// Lets the check see files of this test, which it leaves out otherwise.
class Abandons {
 public:
  Abandons() { EXPECT_EQ(::setenv("LOCUM_TEST_ABANDONS", "1", 1), 0); }
  ~Abandons() { ::unsetenv("LOCUM_TEST_ABANDONS"); }
};

class SharedFilesTest : public ::testing::Test {
 protected:
  ~SharedFilesTest() override { ::unlink(path_.c_str()); }

  const Abandons abandons_;
  const SharedFiles files_;  ///< one that a killed test has left existed before
  /// Which other tests, that may run at the same time, do not count.
  const std::string path_ = "/dev/shm/locum_test_abandons_" + std::to_string(::getpid());
  const int descriptor_ = ::open(path_.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
};

TEST_F(SharedFilesTest, AFileIsLeftWhenNobodyHasItAnyMore) {
  ASSERT_GE(descriptor_, 0);
  EXPECT_EQ(files_.left(), "") << "it is open";
  ASSERT_EQ(::ftruncate(descriptor_, 4096), 0);
  void* const memory = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, descriptor_, 0);
  ASSERT_NE(memory, MAP_FAILED);
  ::close(descriptor_);
  EXPECT_EQ(files_.left(), "") << "it is mapped";
  ::munmap(memory, 4096);
  EXPECT_EQ(files_.left(), path_ + '\n');
  EXPECT_EQ(SharedFiles().left(), "") << "it existed before";
  ::unlink(path_.c_str());
  EXPECT_EQ(files_.left(), "");
}

}  // namespace
}  // namespace locum::tests
