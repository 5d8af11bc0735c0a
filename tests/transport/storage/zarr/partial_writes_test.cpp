#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <locum/files.hpp>
#include <locum/zarr.hpp>

#include "tests/core/code_of.hpp"
#include "tests/transport/storage/temporary_folder.hpp"

namespace locum::tests {
namespace partial_writes {

using namespace std::chrono_literals;

constexpr int writers = 4;
constexpr std::uint64_t rows_of_one = 3;
constexpr std::uint64_t columns = 14;
const ZarrWrite shared{.partial = PartialFiles::read_modify_write, .deadline = 60s};

/// More rounds than in a usual run of the tests, for a long one by hand.
int rounds_or(int usual) {
  const char* const given = std::getenv("LOCUM_TEST_ROUNDS");
  return given == nullptr ? usual : std::atoi(given);
}

ZarrLayout layout_of(const std::string& name) {
  ZarrLayout layout{.type = ElementType::of<int>(), .shape = {writers * rows_of_one, columns}};
  layout.chunks = name == "shards" ? Extents(5, 2) : Extents(5, 4);
  layout.shards = name == "shards" ? Extents(10, 8) : Extents();
  layout.codecs = name == "shards" ? "zstd(1), crc32c" : "zstd(1)";
  layout.version = name == "version_2" ? 2 : 3;
  return layout;
}

int value_of(int writer, int round) {
  return round * writers + writer;
}

/// Writes the elements of a writer in two boxes, whose border is another one each time.
Result<void> write_round(const ZarrArray& array, int writer, int round) {
  const std::uint64_t first = static_cast<std::uint64_t>(writer) * rows_of_one;
  const std::uint64_t border = static_cast<std::uint64_t>(round) * 5 % (columns + 1);
  const std::vector<int> values(rows_of_one * columns, value_of(writer, round));
  for (const auto& [from, to] : {std::pair<std::uint64_t, std::uint64_t>{0, border}, {border, columns}}) {
    const Extents extents(rows_of_one, to - from);
    if (auto done = array.write(locum::array(values.data(), extents), {first, from}, shared); !done) {
      return done;
    }
  }
  return {};
}

/// Writes as many rounds, from the next one on, and reads some of them.
template <class Done>
Result<void> write_rounds(const ZarrArray& array, int writer, int first, int rounds, Done done) {
  const Hyperslab mine{.start = {static_cast<std::uint64_t>(writer) * rows_of_one, std::uint64_t{0}},
                       .count = {rows_of_one, columns}};
  for (int round = first; round <= rounds; ++round) {
    if (auto written = write_round(array, writer, round); !written) {
      return written;
    }
    done(round);
    if (round % 4 != 0) {
      continue;
    }
    const auto read = array.read(mine);
    if (!read) {
      return read.error();
    }
    const std::vector<int> expected(rows_of_one * columns, value_of(writer, round));
    if (!(*read == Array(locum::array(expected.data(), {rows_of_one, columns})))) {
      return Error(Errc::corrupt, "writer " + std::to_string(writer) +
                                      " does not find what it wrote in round " + std::to_string(round));
    }
  }
  return {};
}

/// \param may_be_next the writer was killed in the round behind the last one
void expect_round(const ZarrArray& array, int writer, int round, bool may_be_next = false) {
  const Array read = array.read().value();
  const auto seen = read.as<int>().value();
  for (std::uint64_t row = 0; row < rows_of_one; ++row) {
    for (std::uint64_t column = 0; column < columns; ++column) {
      const int found = seen(static_cast<std::uint64_t>(writer) * rows_of_one + row, column);
      ASSERT_TRUE(found == value_of(writer, round) || (may_be_next && found == value_of(writer, round + 1)))
          << "writer " << writer << " round " << round << " found " << found << " row " << row << " column "
          << column;
    }
  }
}

struct Place {
  const char* url;
  const char* layout;
};

void PrintTo(const Place& place, std::ostream* out) {
  *out << place.url << place.layout;
}

class PartialWrites : public ::testing::TestWithParam<Place> {
 protected:
  [[nodiscard]] std::string url() const {
    const std::string given = GetParam().url;
    return given.ends_with(':') && given.find("file") == given.npos
               ? given
               : given + "//" + folder_.path() + "?sync=0";
  }

 private:
  const TemporaryFolder folder_;
};

class PartialWritesOfThreads : public PartialWrites {};
class PartialWritesOfProcesses : public PartialWrites {};

TEST_P(PartialWritesOfThreads, LoseNothing) {
  const int rounds = rounds_or(std::string(GetParam().url) == "stats+file:" ? 40 : 120);
  const Files files(url());
  const ZarrArray array = ZarrArray::create(files, "T.zarr", layout_of(GetParam().layout)).value();
  std::vector<std::thread> all;
  std::atomic<int> failed{0};
  for (int writer = 0; writer < writers; ++writer) {
    all.emplace_back([&, writer] {
      const ZarrArray mine = ZarrArray::open(files, "T.zarr").value();
      if (const auto done = write_rounds(mine, writer, 1, rounds, [](int) {}); !done) {
        std::cerr << done.error() << '\n';
        ++failed;
      }
    });
  }
  for (auto& thread : all) {
    thread.join();
  }
  EXPECT_EQ(failed, 0);
  for (int writer = 0; writer < writers; ++writer) {
    expect_round(array, writer, rounds);
  }
}

INSTANTIATE_TEST_SUITE_P(All, PartialWritesOfThreads,
                         ::testing::Values(Place{"file:", "chunks"}, Place{"file:", "shards"},
                                           Place{"file:", "version_2"}, Place{"memory:", "chunks"},
                                           Place{"memory:", "shards"}, Place{"simple:", "shards"},
                                           Place{"stats+file:", "chunks"}));

/// How far each writer is, in memory that processes share.
struct Progress {
  std::array<std::atomic<int>, writers> done{};
};

pid_t started_writer(const std::string& url, int writer, int rounds, Progress& progress) {
  (void)std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child != 0) {
    return child;
  }
  ::alarm(120 + static_cast<unsigned>(rounds) / 10);
  const Files files(url);
  const auto array = ZarrArray::open(files, "T.zarr");
  if (!array) {
    std::cerr << array.error() << '\n';
    ::_exit(2);
  }
  auto& done = progress.done[static_cast<std::size_t>(writer)];
  const auto written =
      write_rounds(*array, writer, done.load() + 1, rounds, [&](int round) { done = round; });
  if (!written) {
    std::cerr << written.error() << '\n';
    ::_exit(3);
  }
  ::_exit(0);
}

int status_of(pid_t child) {
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

// One of the writers is killed again and again, and goes on.
TEST_P(PartialWritesOfProcesses, LoseNothingThoughOneIsKilled) {
  const int rounds = rounds_or(100);
  const int kills = rounds / 10;
  void* const memory =
      ::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  Progress& progress = *new (memory) Progress;
  std::optional<Files> files(url());
  ASSERT_TRUE(ZarrArray::create(*files, "T.zarr", layout_of(GetParam().layout)));
  files.reset();
  std::vector<pid_t> others;
  for (int writer = 1; writer < writers; ++writer) {
    others.push_back(started_writer(url(), writer, rounds, progress));
  }
  std::mt19937 random(1);
  int last = 0;
  for (int kill = 0; kill < kills; ++kill) {
    const pid_t victim = started_writer(url(), 0, rounds, progress);
    const int until = std::min(rounds, progress.done[0].load() + 1 + static_cast<int>(random() % 6));
    // Somewhere in a round: it goes on while this looks.
    int status = -1;
    while (progress.done[0] < until && ::waitpid(victim, &status, WNOHANG) == 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 700));
    }
    ::kill(victim, SIGKILL);
    (void)::waitpid(victim, &status, 0);
    ASSERT_GE(progress.done[0], last);
    last = progress.done[0];
    if (kill % 5 == 0) {
      const Files again(url());
      expect_round(ZarrArray::open(again, "T.zarr").value(), 0, last, true);
    }
  }
  EXPECT_EQ(status_of(started_writer(url(), 0, rounds, progress)), 0);
  for (const pid_t other : others) {
    EXPECT_EQ(status_of(other), 0);
  }
  const Files again(url());
  const ZarrArray array = ZarrArray::open(again, "T.zarr").value();
  for (int writer = 0; writer < writers; ++writer) {
    EXPECT_EQ(progress.done[static_cast<std::size_t>(writer)], rounds);
    expect_round(array, writer, rounds);
  }
  ::munmap(memory, sizeof(Progress));
}

INSTANTIATE_TEST_SUITE_P(All, PartialWritesOfProcesses,
                         ::testing::Values(Place{"file:", "chunks"}, Place{"file:", "shards"},
                                           Place{"stats+file:", "shards"}));

}  // namespace partial_writes

using partial_writes::shared;

int element_of(const ZarrArray& array, std::uint64_t at) {
  const Array read = array.read({.start = {at}, .count = {1}}).value();
  return read.as<int>().value()(0);
}

TEST(ZarrPartialWrites, LeaveTheRestOfAFileAsItIs) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path() + "?sync=0");
  std::mt19937 random(3);
  const double fill = -1;
  const std::vector<ZarrLayout> layouts{{.chunks = {4, 3}},
                                        {.chunks = {2, 3}, .shards = {4, 6}, .codecs = "gzip(1), crc32c"},
                                        {.chunks = {5, 4}, .codecs = "", .version = 2}};
  for (std::size_t at = 0; at < layouts.size(); ++at) {
    ZarrLayout layout = layouts[at];
    layout.type = ElementType::of<double>();
    layout.shape = {10, 11};
    layout.fill = Array(std::vector<double>{fill});
    const ZarrArray array = ZarrArray::create(files, std::to_string(at), layout).value();
    std::vector<double> expected(110, fill);
    for (int round = 1; round < 40; ++round) {
      const std::uint64_t row = random() % 10;
      const std::uint64_t column = random() % 11;
      const Extents extents(1 + random() % (10 - row), 1 + random() % (11 - column));
      const std::vector<double> values(extents[0] * extents[1], round);
      const auto written = array.write(locum::array(values.data(), extents), {row, column}, shared);
      ASSERT_TRUE(written) << written.error();
      for (std::uint64_t i = row; i < row + extents[0]; ++i) {
        for (std::uint64_t j = column; j < column + extents[1]; ++j) {
          expected[i * 11 + j] = round;
        }
      }
      const Array read = array.read().value();
      const auto seen = read.as<double>().value();
      for (std::uint64_t element = 0; element < 110; ++element) {
        ASSERT_EQ(seen(element / 11, element % 11), expected[element])
            << at << ' ' << round << ' ' << element;
      }
    }
  }
}

// What other programs have appended behind the extents that this value has seen is theirs.
TEST(ZarrPartialWrites, LeaveElementsBehindTheEndOfTheArrayAsTheyAre) {
  const Files files("memory:");
  const ZarrArray before =
      ZarrArray::create(files, "T.zarr", {.type = ElementType::of<int>(), .shape = {6}, .chunks = {4}})
          .value();
  const ZarrArray after = ZarrArray::open(files, "T.zarr").value();
  ASSERT_TRUE(after.resize({8}));
  ASSERT_TRUE(after.write(std::vector<int>{1, 1}, {6}, shared));
  ASSERT_TRUE(before.write(std::vector<int>{2, 2}, {4}, shared));
  EXPECT_EQ(after.read({.start = {4}, .count = {4}}).value(), Array(std::vector<int>{2, 2, 1, 1}));
}

TEST(ZarrPartialWrites, LeaveOneFileForLocksAndNothingElse) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path() + "?sync=0");
  const ZarrArray array =
      ZarrArray::create(files, "T.zarr", {.type = ElementType::of<int>(), .shape = {8}, .chunks = {4}})
          .value();
  ASSERT_TRUE(array.write(std::vector<int>{1, 2}, {3}, shared));
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path() + "/T.zarr")) {
    found.push_back(entry.path().filename().string());
  }
  std::ranges::sort(found);
  EXPECT_EQ(found, (std::vector<std::string>{".lock", "0", "1", "c", "zarr.json"}));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path() + "/.tmp"));
}

TEST(ZarrPartialWrites, AreRefusedWhereNothingDecidesBetweenWriters) {
  const Files files("null:");
  const auto array =
      ZarrArray::create(files, "T.zarr", {.type = ElementType::of<int>(), .shape = {8}, .chunks = {4}});
  ASSERT_TRUE(array) << array.error();
  const auto refused = array->write(std::vector<int>{1}, {3}, shared);
  EXPECT_EQ(code_of(refused), Errc::unsupported);
  EXPECT_NE(std::string(refused.error().what()).find("null: does not decide between two puts"),
            std::string::npos)
      << refused.error();
}

TEST(ZarrPartialWrites, WaitUntilTheirDeadline) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path() + "?sync=0");
  const ZarrArray array =
      ZarrArray::create(files, "T.zarr", {.type = ElementType::of<int>(), .shape = {8}, .chunks = {4}})
          .value();
  ASSERT_TRUE(array.write(std::vector<int>{1}, {0}, shared));
  // Another program has all locks: a process of its own, as locks of this one are no obstacle to it.
  std::array<int, 2> locked{};
  ASSERT_EQ(::pipe(locked.data()), 0);
  const pid_t holder = ::fork();
  if (holder == 0) {
    ::alarm(60);
    const int file = ::open((folder.path() + "/T.zarr/.lock").c_str(), O_RDWR);
    struct flock all {};
    all.l_type = F_WRLCK;
    all.l_whence = SEEK_SET;
    (void)!::write(locked[1], ::fcntl(file, F_SETLK, &all) == 0 ? "1" : "0", 1);
    ::pause();
    ::_exit(0);
  }
  char is_locked = 0;
  ASSERT_EQ(::read(locked[0], &is_locked, 1), 1);
  ASSERT_EQ(is_locked, '1');
  const ZarrWrite soon{.partial = PartialFiles::read_modify_write, .deadline = std::chrono::milliseconds(50)};
  const auto late = array.write(std::vector<int>{2}, {1}, soon);
  EXPECT_EQ(code_of(late), Errc::timeout);
  EXPECT_EQ(element_of(array, 1), 0);
  ::kill(holder, SIGKILL);
  int status = 0;
  EXPECT_EQ(::waitpid(holder, &status, 0), holder);
  EXPECT_TRUE(array.write(std::vector<int>{2}, {1}, shared)) << "its lock was freed with it";
  EXPECT_EQ(element_of(array, 1), 2);
  ::close(locked[0]);
  ::close(locked[1]);
}

// As on a file system that does not show yet what another host has made: it is not replaced.
TEST(ZarrPartialWrites, ReplaceNoFileThatTheyDoNotFind) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path() + "?sync=0");
  const ZarrArray array =
      ZarrArray::create(files, "T.zarr", {.type = ElementType::of<int>(), .shape = {8}, .chunks = {4}})
          .value();
  const std::string chunk = folder.path() + "/T.zarr/c/0";
  std::filesystem::create_directory(folder.path() + "/T.zarr/c");
  std::filesystem::create_symlink("made_later", chunk);
  const ZarrWrite soon{.partial = PartialFiles::read_modify_write, .deadline = std::chrono::milliseconds(50)};
  const auto late = array.write(std::vector<int>{2}, {1}, soon);
  EXPECT_EQ(code_of(late), Errc::timeout);
  EXPECT_TRUE(std::filesystem::is_symlink(chunk));
  ASSERT_TRUE(array.write(std::vector<int>(4, 1), {4}));
  std::filesystem::copy(folder.path() + "/T.zarr/c/1", folder.path() + "/T.zarr/c/made_later");
  ASSERT_TRUE(array.write(std::vector<int>{2}, {1}, shared));
  EXPECT_EQ(array.read({.start = {0}, .count = {4}}).value(), Array(std::vector<int>{1, 2, 1, 1}));
}

TEST(ZarrPartialWrites, RefuseAShardWhoseChunksOverlap) {
  const TemporaryFolder folder;
  const Files files("file://" + folder.path() + "?sync=0");
  const ZarrArray array =
      ZarrArray::create(
          files, "T.zarr",
          {.type = ElementType::of<int>(), .shape = {16}, .chunks = {4}, .shards = {16}, .codecs = ""})
          .value();
  ASSERT_TRUE(array.write(std::vector<int>(16, 1)));
  // An index without a checksum, each of whose chunks is all of the file.
  const std::string json = folder.path() + "/T.zarr/zarr.json";
  std::string text;
  {
    std::ifstream in(json);
    text.assign(std::istreambuf_iterator<char>(in), {});
  }
  const std::size_t sum = text.find("\"crc32c\"");
  ASSERT_NE(sum, text.npos);
  const std::size_t from = text.rfind(',', sum);
  const std::size_t to = text.find('}', sum);
  text.erase(from, to + 1 - from);
  std::ofstream(json) << text;
  std::vector<std::uint64_t> index;
  for (int chunk = 0; chunk < 4; ++chunk) {
    index.insert(index.end(), {0, 16 + 64});
  }
  std::ofstream(folder.path() + "/T.zarr/c/0", std::ios::binary)
      .write("0123456789abcdef", 16)
      .write(reinterpret_cast<const char*>(index.data()), 64);
  const auto opened = ZarrArray::open(files, "T.zarr");
  ASSERT_TRUE(opened) << opened.error() << text;
  const auto refused = opened->write(std::vector<int>(4, 2), {4}, shared);
  EXPECT_EQ(code_of(refused), Errc::corrupt);
  EXPECT_NE(std::string(refused.error().what()).find("overlap"), std::string::npos) << refused.error();
}

}  // namespace locum::tests
