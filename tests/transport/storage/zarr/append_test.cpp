#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
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
#include "tests/transport/storage/zarr/counting_area.hpp"

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

// Two programs, as two values of Files, append in turns where there are locks; else one may be refused. What
// was acknowledged is there.
TEST_P(ZarrAppend, TakesOneProgramAfterTheOtherOrTellsOfIt) {
  constexpr int programs = 2;
  constexpr int rounds = 40;
  const TemporaryFolder folder;
  for (const bool has_locks : {true, false}) {
    const std::string url = (has_locks ? "file://" : "stats+file://") + folder.path() +
                            (has_locks ? "/locks?sync=0" : "/none?sync=0");
    const Files files(url);
    ASSERT_TRUE(ZarrArray::create(files, "T.zarr", layout_of(GetParam())));
    std::atomic<std::uint64_t> added{0};
    std::atomic<int> refused{0};
    std::vector<std::thread> all;
    for (int program = 0; program < programs; ++program) {
      all.emplace_back([&, program] {
        const Files own(url);
        const ZarrArray array = ZarrArray::open(own, "T.zarr").value();
        const std::vector<int> row(columns, program);
        for (int round = 0; round < rounds; ++round) {
          const auto done = array.append(locum::array(row.data(), Extents(1, columns)));
          added += done ? 1 : 0;
          refused += code_of(done) == Errc::stale ? 1 : 0;
          EXPECT_TRUE(done || code_of(done) == Errc::stale) << done.error();
        }
      });
    }
    for (auto& thread : all) {
      thread.join();
    }
    EXPECT_EQ(added + static_cast<std::uint64_t>(refused), programs * rounds);
    const Array read = ZarrArray::open(files, "T.zarr").value().read({}, {.strict = true}).value();
    ASSERT_EQ(read.extents(), Extents(added.load(), columns));
    if (has_locks) {
      EXPECT_EQ(refused, 0);
      const auto seen = read.as<int>().value();
      std::vector<int> rows(programs);
      for (std::uint64_t row = 0; row < added; ++row) {
        ++rows.at(static_cast<std::size_t>(seen(row, 0)));
        for (std::uint64_t column = 1; column < columns; ++column) {
          ASSERT_EQ(seen(row, column), seen(row, 0));
        }
      }
      EXPECT_EQ(rows, std::vector<int>(programs, rounds));
    }
  }
}

// A value that was opened before another has appended does not write over that.
TEST_P(ZarrAppend, IsNotOverwrittenByWhoDoesNotKnowOfIt) {
  const TemporaryFolder folder;
  for (const std::string& url : {"file://" + folder.path() + "?sync=0", std::string("memory:")}) {
    const Files files(url);
    ZarrLayout layout = layout_of(GetParam());
    layout.shape = {5, columns};
    const ZarrArray early = ZarrArray::create(files, "T.zarr", layout).value();
    const std::vector<int> whole(5 * columns, 1);
    ASSERT_TRUE(early.write(locum::array(whole.data(), Extents(5, columns))));
    const ZarrArray late = ZarrArray::open(files, "T.zarr").value();
    const std::vector<int> more(2 * columns, 2);
    ASSERT_TRUE(late.append(locum::array(more.data(), Extents(2, columns))));
    EXPECT_EQ(code_of(early.write(locum::array(whole.data(), Extents(5, columns)))), Errc::stale);
    EXPECT_EQ(early.shape(), Extents(7, columns));
    EXPECT_EQ(code_of(early.write(locum::array(whole.data(), Extents(5, columns)))), Errc::invalid_argument);
    const Array read = ZarrArray::open(files, "T.zarr").value().read().value();
    EXPECT_EQ(read.as<int>().value()(6, 0), 2);
    EXPECT_EQ(read.as<int>().value()(4, 0), 1);
  }
}

INSTANTIATE_TEST_SUITE_P(All, ZarrAppend, ::testing::Values("chunks", "shards", "version_2"));

}  // namespace zarr_append

// Over a backend, where nobody holds another off: what others do when this one has read the metadata, and
// before it writes its rows.
TEST(ZarrAppends, UndoNothingOfWhatOthersDoMeanwhile) {
  using zarr_append::columns;
  for (const char* const kind : {"chunks", "shards", "version_2"}) {
    SCOPED_TRACE(kind);
    const TemporaryFolder folder;
    const std::string url = "stats+file://" + folder.path() + "?sync=0";
    const Files files(url);
    ZarrLayout layout = zarr_append::layout_of(kind);
    layout.shape = {8, columns};
    layout.attributes = {{"n", 1}};
    const ZarrArray other = ZarrArray::create(files, "T.zarr", layout).value();
    AreaCounts counts;
    const auto area = storage::open_store_area(parse_url(url).value()).value();
    const ZarrArray late(std::make_shared<detail::ZarrState>(
        storage::ZarrPlace{std::make_shared<CountingArea>(area, counts), "T.zarr"},
        other.state()->now()->metadata));
    int writes = 0;
    counts.when_written = [&] {
      if (++writes == 2) {  // the first one is that of the metadata, around all
        const std::vector<int> rows(3 * columns, 7);
        EXPECT_TRUE(other.append(locum::array(rows.data(), Extents(3, columns))));
        EXPECT_TRUE(other.set_attributes({{"n", 7}}));
      }
    };
    const std::vector<int> row(columns, 9);
    EXPECT_EQ(code_of(late.append(locum::array(row.data(), Extents(1, columns)))), Errc::stale);
    const ZarrArray now = ZarrArray::open(files, "T.zarr").value();
    EXPECT_EQ(now.attributes().get<int>("n").value(), 7);
    ASSERT_EQ(now.shape(), Extents(11, columns));
    const Array read = now.read().value();
    EXPECT_EQ(read.as<int>().value()(9, 0), 7);
    EXPECT_EQ(read.as<int>().value()(10, columns - 1), 7);
  }
}

TEST(ZarrAppends, RefuseOtherExtents) {
  const Files files("memory:");
  const ZarrArray array = ZarrArray::create(files, "T.zarr", zarr_append::layout_of("chunks")).value();
  const std::vector<int> values(40);
  const auto other = array.append(locum::array(values.data(), Extents(2, 5)));
  EXPECT_EQ(code_of(other), Errc::invalid_argument);
  EXPECT_NE(std::string(other.error().what()).find("2 x 5 cannot follow those of an array of 0 x 7"),
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
