#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <locum/files.hpp>
#include <locum/zarr.hpp>

#include "tests/core/code_of.hpp"
#include "tests/transport/storage/temporary_folder.hpp"

namespace locum::tests {
namespace zarr_append {

constexpr std::uint64_t columns = 7;

ZarrLayout layout_of(const std::string& name) {
  ZarrLayout layout{.type = ElementType::of<int>(), .shape = {0, columns}, .chunks = {4, 3}};
  layout.shards = name == "shards" ? Extents(8, 6) : Extents();
  layout.version = name == "version_2" ? 2 : 3;
  return layout;
}

/// Appends rows; the elements of each are its number.
Result<void> append_rows(const ZarrArray& array, std::uint64_t rows) {
  const std::uint64_t first = array.shape()[0];
  std::vector<int> values;
  for (std::uint64_t row = 0; row < rows; ++row) {
    values.insert(values.end(), columns, static_cast<int>(first + row));
  }
  return array.append(locum::array(values.data(), Extents(rows, columns)));
}

void expect_rows(const ZarrArray& array, std::uint64_t rows) {
  ASSERT_EQ(array.shape(), Extents(rows, columns));
  const Array read = array.read({}, {.strict = true}).value();
  const auto seen = read.as<int>().value();
  for (std::uint64_t row = 0; row < rows; ++row) {
    for (std::uint64_t column = 0; column < columns; ++column) {
      ASSERT_EQ(seen(row, column), static_cast<int>(row)) << column;
    }
  }
}

class ZarrAppend : public ::testing::TestWithParam<const char*> {};

TEST_P(ZarrAppend, AddsRowsBehindTheLastOnes) {
  const TemporaryFolder folder;
  for (const std::string& url : {"file://" + folder.path() + "?sync=0", std::string("memory:")}) {
    const Files files(url);
    const ZarrArray array = ZarrArray::create(files, "T.zarr", layout_of(GetParam())).value();
    std::uint64_t rows = 0;
    for (const std::uint64_t more : {1, 2, 5, 0, 8, 11, 1, 4}) {
      const auto done = append_rows(array, more);
      ASSERT_TRUE(done) << done.error();
      rows += more;
      expect_rows(ZarrArray::open(files, "T.zarr").value(), rows);
    }
    expect_rows(array, rows);
  }
}

// What a killed append() has left behind the end is not shown, and is written again.
TEST_P(ZarrAppend, LeavesWholeRowsOrNoneWhenItIsKilled) {
  constexpr std::uint64_t at_a_time = 3;
  const TemporaryFolder folder;
  const std::string url = "file://" + folder.path() + "?sync=0";
  {
    const Files files(url);
    ASSERT_TRUE(ZarrArray::create(files, "T.zarr", layout_of(GetParam())));
  }
  std::mt19937 random(7);
  std::uint64_t last = 0;
  for (int kill = 0; kill < 12; ++kill) {
    (void)std::fflush(nullptr);
    std::array<int, 2> appended{};
    ASSERT_EQ(::pipe(appended.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(60);
      const Files files(url);
      const ZarrArray array = ZarrArray::open(files, "T.zarr").value();
      while (append_rows(array, at_a_time)) {
        (void)!::write(appended[1], "", 1);
      }
      ::_exit(1);
    }
    // Somewhere in an append: it goes on meanwhile.
    ::close(appended[1]);
    char done = 0;
    for (std::uint64_t appends = 1 + random() % 4; appends > 0; --appends) {
      ASSERT_EQ(::read(appended[0], &done, 1), 1) << "append() failed";
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 2000));
    ::kill(child, SIGKILL);
    ::close(appended[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "append() failed";
    const Files files(url);
    const ZarrArray array = ZarrArray::open(files, "T.zarr").value();
    const std::uint64_t rows = array.shape()[0];
    ASSERT_EQ(rows % at_a_time, 0U);
    ASSERT_GT(rows, last);
    expect_rows(array, rows);
    last = rows;
  }
}

TEST_P(ZarrAppend, TakesOneThreadAfterTheOther) {
  constexpr int threads = 4;
  constexpr int rounds = 20;
  const TemporaryFolder folder;
  const Files files("file://" + folder.path() + "?sync=0");
  const ZarrArray array = ZarrArray::create(files, "T.zarr", layout_of(GetParam())).value();
  std::vector<std::thread> all;
  for (int thread = 0; thread < threads; ++thread) {
    all.emplace_back([array, thread] {
      for (int round = 0; round < rounds; ++round) {
        array.append(locum::array(std::vector<int>(columns, thread).data(), Extents(1, columns))).value();
      }
    });
  }
  for (auto& thread : all) {
    thread.join();
  }
  const Array read = array.read({}, {.strict = true}).value();
  const auto seen = read.as<int>().value();
  ASSERT_EQ(read.extents(), Extents(threads * rounds, columns));
  std::vector<int> found(threads);
  for (std::uint64_t row = 0; row < threads * rounds; ++row) {
    ++found.at(static_cast<std::size_t>(seen(row, 0)));
    for (std::uint64_t column = 1; column < columns; ++column) {
      EXPECT_EQ(seen(row, column), seen(row, 0));
    }
  }
  EXPECT_EQ(found, std::vector<int>(threads, rounds));
}

// Values that were opened before others have changed the array undo nothing of that.
TEST_P(ZarrAppend, BeginsWithWhatOthersHaveLeft) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path() + "?sync=0");
  const ZarrArray first = ZarrArray::create(files, "T.zarr", layout_of(GetParam())).value();
  const ZarrArray second = ZarrArray::open(files, "T.zarr").value();
  const ZarrArray third = ZarrArray::open(files, "T.zarr").value();
  const auto append = [](const ZarrArray& array, int value) {
    return array.append(locum::array(std::vector<int>(columns, value).data(), Extents(1, columns)));
  };
  ASSERT_TRUE(append(first, 1));
  ASSERT_TRUE(append(second, 2));
  ASSERT_TRUE(third.set_attributes({{"unit", "K"}}));
  ASSERT_TRUE(append(first, 3));
  const ZarrArray now = ZarrArray::open(files, "T.zarr").value();
  EXPECT_EQ(now.attributes().get<std::string>("unit").value(), "K");
  ASSERT_EQ(now.shape(), Extents(3, columns));
  const Array read = now.read().value();
  for (std::uint64_t row = 0; row < 3; ++row) {
    EXPECT_EQ(read.as<int>().value()(row, 0), static_cast<int>(row) + 1);
  }
  std::filesystem::remove_all(folder.path() + "/T.zarr");
  EXPECT_EQ(code_of(append(second, 4)), Errc::not_found);
}

INSTANTIATE_TEST_SUITE_P(All, ZarrAppend, ::testing::Values("chunks", "shards", "version_2"));

}  // namespace zarr_append

TEST(ZarrAppends, RefuseOtherExtents) {
  const Files files("memory:");
  const ZarrArray array = ZarrArray::create(files, "T.zarr", zarr_append::layout_of("chunks")).value();
  const std::vector<int> values(40);
  const auto other = array.append(locum::array(values.data(), Extents(2, 5)));
  EXPECT_EQ(code_of(other), Errc::invalid_argument);
  EXPECT_NE(std::string(other.error().what()).find("{2, 5} cannot follow those of an array of {0, 7}"),
            std::string::npos)
      << other.error();
  EXPECT_EQ(code_of(array.append(values)), Errc::invalid_argument);
  EXPECT_EQ(code_of(array.append(std::vector<double>(7))), Errc::type_mismatch);
  const ZarrArray one =
      ZarrArray::create(files, "one", {.type = ElementType::of<int>(), .shape = {}, .chunks = {}}).value();
  EXPECT_EQ(code_of(one.append(values)), Errc::invalid_argument);
  EXPECT_EQ(array.shape(), Extents(0, 7));
}

}  // namespace locum::tests
