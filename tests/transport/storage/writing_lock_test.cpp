// The lock of a file that is being written: others are refused, but not because a reader looks at it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <string>

#include "core/value/error.hpp"
#include "transport/storage/durable_file.hpp"

namespace locum::storage {
namespace {

using namespace std::chrono_literals;

class WritingLocks : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "locum_lock_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path() const { return folder_ + "/run.h5"; }
  [[nodiscard]] bool is_refused() const {
    try {
      const WritingLock lock(path());
      return false;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::system);
      return true;
    }
  }

  std::string folder_;
};

TEST_F(WritingLocks, AreOfOne) {
  {
    const WritingLock lock(path());
    ASSERT_TRUE(lock.holds());
    EXPECT_TRUE(is_refused());
  }
  EXPECT_FALSE(is_refused());
}

TEST_F(WritingLocks, NameThePathThatCannotBe) {
  const auto refusal_of = [](const std::string& path) {
    try {
      const WritingLock lock(path);
      return std::string("none");
    } catch (const Error& error) {
      return std::string(error.what());
    }
  };
  EXPECT_EQ(refusal_of(""), "invalid_argument: the path of the file to be written is empty; give it a name");
  EXPECT_EQ(refusal_of(folder_ + "/none/run.h5"),
            "system: '" + folder_ + "/none/run.h5' cannot be written, because there is no folder '" +
                folder_ + "/none'; make it, where all ranks see it, or give another path");
  EXPECT_EQ(refusal_of(folder_), "invalid_argument: '" + folder_ +
                                     "' cannot be written, because it is a folder; give the path of a file");
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
  EXPECT_FALSE(std::filesystem::exists(folder_ + ".lock"));
}

// Under load the moment of the reader may be too long for the writer: then it is tried again.
TEST_F(WritingLocks, WaitForAReaderThatLooks) {
  bool is_refused_each_time = true;
  for (int attempt = 0; attempt < 20 && is_refused_each_time; ++attempt) {
    const int reader = ::open((path() + ".lock").c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0666);
    ASSERT_EQ(::flock(reader, LOCK_SH | LOCK_NB), 0);
    std::promise<void> begins;
    auto refused = std::async(std::launch::async, [&] {
      begins.set_value();
      return is_refused();
    });
    begins.get_future().wait();
    (void)refused.wait_for(30ms);
    ::close(reader);
    is_refused_each_time = refused.get();
  }
  EXPECT_FALSE(is_refused_each_time);
}

}  // namespace
}  // namespace locum::storage
