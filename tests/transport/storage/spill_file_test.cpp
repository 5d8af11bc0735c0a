#include "transport/storage/spill_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "core/value/error.hpp"

namespace locum::storage {
namespace {

constexpr std::uint64_t far = std::uint64_t{1} << 36U;

/// An empty folder that goes with the test.
class SpillFolder : public ::testing::Test {
 protected:
  SpillFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "spill-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~SpillFolder() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::vector<std::byte> read(SpillFile& file, std::uint64_t position, std::size_t bytes) {
    std::vector<std::byte> into(bytes, std::byte{1});
    EXPECT_TRUE(file.read(position, into));
    return into;
  }

  std::string folder_;
};

TEST_F(SpillFolder, StaysEmpty) {
  const auto file = make_spill_file({.folder = folder_});
  ASSERT_TRUE(file->extend_to(far));
  ASSERT_TRUE(file->write(4096, std::vector<std::byte>(8192, std::byte{7})));
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(SpillFolder, StoresAndDiscards) {
  const auto file = make_spill_file({.folder = folder_});
  ASSERT_TRUE(file->extend_to(far));
  const std::vector<std::byte> bytes(64 * 1024, std::byte{7});
  ASSERT_TRUE(file->write(far / 2, bytes));
  EXPECT_EQ(read(*file, far / 2, bytes.size()), bytes);
  EXPECT_GE(file->stored_bytes(), bytes.size());
  EXPECT_LT(file->stored_bytes(), 2 * bytes.size());
  file->discard(far / 2, bytes.size());
  EXPECT_EQ(read(*file, far / 2, 10), std::vector<std::byte>(10));
  EXPECT_LT(file->stored_bytes(), bytes.size());
}

TEST_F(SpillFolder, IsOneFileForAllProcesses) {
  const auto file = make_spill_file({.folder = folder_});
  ASSERT_TRUE(file->extend_to(far));
  const auto same = take_spill_file({.folder = folder_}, ::dup(file->descriptor()));
  const std::vector<std::byte> bytes(5000, std::byte{9});
  ASSERT_TRUE(same->write(12288, bytes));
  EXPECT_EQ(read(*file, 12288, bytes.size()), bytes);
  EXPECT_EQ(file->stored_bytes(), same->stored_bytes());
}

TEST_F(SpillFolder, KeepsItsBound) {
  const auto file = make_spill_file({.folder = folder_, .most_bytes = 100'000});
  ASSERT_TRUE(file->extend_to(far));
  ASSERT_TRUE(file->write(0, std::vector<std::byte>(64 * 1024)));
  const auto refused = file->write(1 << 20, std::vector<std::byte>(64 * 1024));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::system);
  EXPECT_NE(refused.error().text().find("spill_bytes"), std::string::npos);
  file->discard(0, 64 * 1024);
  EXPECT_TRUE(file->write(1 << 20, std::vector<std::byte>(64 * 1024)));
}

TEST_F(SpillFolder, SaysWhatIsWrongWithTheFolder) {
  try {
    static_cast<void>(make_spill_file({.folder = folder_ + "/missing"}));
    FAIL() << "a missing folder";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::system);
    EXPECT_NE(error.text().find("LOCUM_SPILL_FOLDER"), std::string::npos);
  }
}

TEST_F(SpillFolder, ReadsNothingBehindItsEnd) {
  const auto file = make_spill_file({.folder = folder_});
  ASSERT_TRUE(file->extend_to(8192));
  std::array<std::byte, 16> into{};
  const auto outcome = file->read(8190, into);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Errc::system);
}

}  // namespace
}  // namespace locum::storage
