// Files that get their names when they are on the disk: what was written is in them, whichever way it went.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "core/value/error.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/direct_writes.hpp"
#include "transport/storage/durable_file.hpp"
#include "transport/storage/file_calls.hpp"

namespace locum::storage {
namespace {

constexpr std::size_t file_bytes = std::size_t{24} << 20U;

class DurableFiles : public testing::TestWithParam<bool> {
 protected:
  void open(DurableFile& file) const {
    file.open();
    if (GetParam()) {
      file.bypass_cache();
    }
  }
  void begin_empty(DurableFile& file) const {
    std::ofstream(file.temporary()).close();
    std::filesystem::resize_file(file.temporary(), file_bytes);
    open(file);
  }
  [[nodiscard]] std::string path() const { return folder_.path() + "/file"; }

  const tests::TemporaryFolder folder_;
};

std::vector<std::byte> random_bytes(std::mt19937& random, std::size_t count) {
  std::vector<std::byte> bytes(count);
  std::ranges::generate(bytes, [&] { return static_cast<std::byte>(random()); });
  return bytes;
}

// Pieces of all sizes in any order, at whole blocks and within them, on what was written before.
TEST_P(DurableFiles, HaveWhatWasWritten) {
  std::mt19937 random(7);
  const std::vector<std::byte> expected = random_bytes(random, file_bytes);
  std::vector<std::size_t> cuts{0};
  while (cuts.back() < file_bytes) {
    const bool is_large = random() % 3 != 0;
    const std::size_t end = cuts.back() + 1 + random() % (is_large ? std::size_t{5} << 20U : 20'000);
    const std::size_t block = is_large && random() % 4 != 0 ? DirectWrites::block_bytes : 1;
    cuts.push_back(std::min(std::max(end / block * block, cuts.back() + 1), file_bytes));
  }
  std::vector<std::size_t> order(cuts.size() - 1);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::shuffle(order, random);
  DurableFile file(path());
  {
    std::ofstream before(file.temporary());
    std::ranges::fill_n(std::ostreambuf_iterator(before), file_bytes, 'x');
  }
  open(file);
  for (const std::size_t piece : order) {
    file.write_at(cuts[piece], std::span(expected).subspan(cuts[piece], cuts[piece + 1] - cuts[piece]));
  }
  file.publish();
  EXPECT_EQ(std::filesystem::file_size(path()), file_bytes);
  std::vector<std::byte> found(file_bytes);
  const Descriptor written = open_at(AT_FDCWD, path(), O_RDONLY);
  ASSERT_EQ(read_at(written, 0, found), static_cast<std::int64_t>(file_bytes));
  EXPECT_TRUE(found == expected);
}

/// While it lives this process may write no larger file, and is not killed when it tries.
class LargestFile {
 public:
  explicit LargestFile(std::size_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before_), 0);
    const rlimit tight{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  }
  LargestFile(const LargestFile&) = delete;
  LargestFile& operator=(const LargestFile&) = delete;
  ~LargestFile() {
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &before_), 0);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

// Beyond the largest file that this process may write. What failed behind the caller's back is said in the
// end.
TEST_P(DurableFiles, SayWhyTheyCannotBeWritten) {
  std::mt19937 random(9);
  const std::vector<std::byte> bytes = random_bytes(random, file_bytes);
  for (const std::size_t missing : {file_bytes / 2, DirectWrites::most_bytes / 2}) {
    {
      DurableFile file(path());
      begin_empty(file);
      const LargestFile limit(file_bytes - missing);
      try {
        file.write_at(0, bytes);
        file.publish();
        ADD_FAILURE() << "a file was published that lacks " << missing << " bytes";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), Errc::system);
        EXPECT_NE(std::string(error.what()).find("File too large"), std::string::npos) << error.what();
      }
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, DurableFiles, testing::Bool(),
                         [](const auto& way) { return way.param ? "past_the_cache" : "through_the_cache"; });

/// How many bytes of a file the system has in its cache.
std::size_t cached_bytes(const std::string& path) {
  const Descriptor file = open_at(AT_FDCWD, path, O_RDONLY);
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* const mapped = ::mmap(nullptr, file_bytes, PROT_READ, MAP_SHARED, file.number(), 0);
  std::vector<unsigned char> pages((file_bytes + page - 1) / page);
  if (mapped == MAP_FAILED || ::mincore(mapped, file_bytes, pages.data()) != 0) {
    ADD_FAILURE() << "the pages of the file cannot be asked for";
    return 0;
  }
  ::munmap(mapped, file_bytes);
  return page * static_cast<std::size_t>(std::ranges::count_if(pages, [](auto is) { return is % 2 == 1; }));
}

using LargePieces = DurableFiles;

TEST_P(LargePieces, LeaveNothingInTheCacheThatTheyBypass) {
  std::mt19937 random(8);
  const std::vector<std::byte> bytes = random_bytes(random, file_bytes);
  DurableFile file(path());
  begin_empty(file);
  if (!DirectWrites(file.temporary()).works()) {
    GTEST_SKIP() << "the file system of " << folder_.path() << " is on no local disk";
  }
  file.write_at(0, bytes);
  file.publish();
  if (GetParam()) {
    EXPECT_EQ(cached_bytes(path()), 0);
  } else {
    EXPECT_GT(cached_bytes(path()), file_bytes / 2);  // the system may have needed some of it
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, LargePieces, testing::Bool(),
                         [](const auto& way) { return way.param ? "past_the_cache" : "through_the_cache"; });

}  // namespace
}  // namespace locum::storage
