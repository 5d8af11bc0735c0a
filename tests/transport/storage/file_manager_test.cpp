// What file managers of other languages promise (save by ending, backends by name, folders in memory,
// batches), a test for each promise.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/backend_registry.hpp"
#include "tests/core/code_of.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/files/files.hpp"
#include "transport/storage/memory/simple.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {
namespace {

const std::vector<double> numbers{1, 2, 3};

class FileManager : public testing::Test {
 protected:
  const TemporaryFolder folder_;
  const Files disk_{"file://" + folder_.path() + "?sync=0"};
  const Files memory_{"memory:"};

  /// Saves a value, and returns what is loaded.
  [[nodiscard]] Record saved_and_loaded(const char* path, const Record& value) {
    for (const Files& files : {disk_, memory_}) {
      const auto saved = files.save(path, value);
      EXPECT_TRUE(saved) << saved.error();
    }
    const auto loaded = disk_.load(path);
    EXPECT_TRUE(loaded) << loaded.error();
    EXPECT_EQ(memory_.load(path).value_or(Record()), loaded.value_or(Record()));
    return loaded.value_or(Record());
  }
};

TEST_F(FileManager, SavesNumPyArraysByTheirEndings) {
  EXPECT_EQ(saved_and_loaded("a.npy", numbers).array(), Array(numbers));
  EXPECT_EQ(saved_and_loaded("a.npz", {{"T", numbers}})["T"].array(), Array(numbers));
}

TEST_F(FileManager, SavesTiffByItsEndings) {
  const std::vector<std::uint16_t> pixels{1, 2, 3, 4, 5, 6};
  const Array image(locum::array(pixels.data(), {2, 3}));
  for (const char* path : {"a.tif", "a.tiff"}) {
    const auto saved = disk_.save(path, image);
    if (!saved && saved.error().code() == Errc::unsupported) {
      GTEST_SKIP() << saved.error();
    }
    EXPECT_EQ(saved_and_loaded(path, image).array(), image);
  }
}

TEST_F(FileManager, SavesTensorsOfPyTorchByTheirEndings) {
  for (const char* path : {"a.pt", "a.pth"}) {
    const auto saved = disk_.save(path, Record{{"w", numbers}});
    if (!saved && saved.error().code() == Errc::unsupported) {
      GTEST_SKIP() << saved.error();
    }
    EXPECT_EQ(saved_and_loaded(path, {{"w", numbers}})["w"].array(), Array(numbers));
  }
}

TEST_F(FileManager, SavesTablesAsCsv) {
  EXPECT_EQ(saved_and_loaded("a.csv", {{"t", numbers}})["t"].array(), Array(numbers));
}

TEST_F(FileManager, SavesDictsAsJson) {
  const Record dict{{"name", "cg"}, {"steps", 40}, {"limits", {0.5, nullptr}}};
  EXPECT_EQ(saved_and_loaded("a.json", dict), dict);
}

TEST_F(FileManager, SavesStringsAsText) {
  EXPECT_EQ(saved_and_loaded("a.txt", "as ever"), Record("as ever"));
}

TEST_F(FileManager, FindsTheFormatByTheEndingWhateverItsCase) {
  ASSERT_TRUE(disk_.save("a.NPY", numbers));
  EXPECT_EQ(disk_.info("a.NPY").value()["format"].text(), "npy");
}

TEST_F(FileManager, WritesAtomicallyForThoseWhoReadMeanwhile) {
  ASSERT_TRUE(disk_.save("T.npy", std::vector<double>(10'000, 0.0)));
  std::atomic<bool> is_over{false};
  std::thread writes([&] {
    for (double value = 1; !is_over; ++value) {
      EXPECT_TRUE(disk_.save("T.npy", std::vector<double>(10'000, value)));
    }
  });
  for (int read = 0; read < 50; ++read) {
    const auto field = Files("file://" + folder_.path()).load<std::vector<double>>("T.npy").value();
    EXPECT_EQ(std::ranges::count(field, field[0]), 10'000);
  }
  is_over = true;
  writes.join();
}

TEST_F(FileManager, KeepsFilesInMemoryInFolders) {
  ASSERT_TRUE(memory_.make_dirs("test/deep"));
  ASSERT_TRUE(memory_.save("test/deep/data.npy", numbers));
  EXPECT_TRUE(memory_.is_dir("test").value());
  EXPECT_TRUE(memory_.is_file("test/deep/data.npy").value());
  EXPECT_EQ(memory_.list("test", {.folders = true}).value(), std::vector<std::string>{"test/deep"});
}

TEST_F(FileManager, SharesMemoryWithAllWhoShareTheSession) {
  const Session session = open_session("memory:").value();
  const Files ours(session, "file://" + folder_.path() + "?sync=0");
  const Files theirs(session, "file://" + folder_.path() + "?sync=0");
  ASSERT_TRUE(ours.save("a.npy", numbers));
  const auto first = ours.load<double[]>("a.npy").value();
  const auto second = theirs.load<double[]>("a.npy").value();
  EXPECT_EQ(first.data(), second.data());
}

TEST_F(FileManager, LoadsAndSavesBatchesWithAResultForEach) {
  const auto saved = disk_.save_batch(std::vector<std::pair<std::string, Record>>{
      {"a.npy", numbers}, {"b.none", numbers}, {"c.txt", "words"}});
  EXPECT_TRUE(saved[0]);
  EXPECT_EQ(code_of(saved[1]), Errc::unsupported);
  EXPECT_TRUE(saved[2]);
  const auto loaded = disk_.load_batch(std::vector<std::string>{"a.npy", "b.npy", "c.txt"});
  EXPECT_EQ(loaded[0].value().array(), Array(numbers));
  EXPECT_EQ(code_of(loaded[1]), Errc::not_found);
  EXPECT_EQ(loaded[2].value(), Record("words"));
}

TEST_F(FileManager, ListsFilesByPatternAndRecursively) {
  for (const char* path : {"a.npy", "b.txt", "run/c.npy", "run/deep/d.npy"}) {
    ASSERT_TRUE(disk_.save(path, Record("x"), {.format = "text"}));
  }
  using Paths = std::vector<std::string>;
  EXPECT_EQ(disk_.list().value(), (Paths{"a.npy", "b.txt"}));
  EXPECT_EQ(disk_.list({}, {.pattern = "*.npy", .recursive = true}).value(),
            (Paths{"a.npy", "run/c.npy", "run/deep/d.npy"}));
}

TEST_F(FileManager, TellsWhatIsThere) {
  ASSERT_TRUE(disk_.save("run/a.npy", numbers));
  EXPECT_TRUE(disk_.exists("run").value());
  EXPECT_TRUE(disk_.is_dir("run").value());
  EXPECT_FALSE(disk_.is_file("run").value());
  EXPECT_TRUE(disk_.is_file("run/a.npy").value());
  EXPECT_FALSE(disk_.exists("run/b.npy").value());
}

TEST_F(FileManager, TakesTheBackendThatACallNames) {
  ASSERT_TRUE(disk_.add("memory", "memory:"));
  ASSERT_TRUE(disk_.save("a.npy", numbers, {.backend = "memory"}));
  EXPECT_FALSE(disk_.exists("a.npy").value());
  EXPECT_TRUE(disk_.exists("a.npy", {.backend = "memory"}).value());
  const auto unknown = disk_.save("a.npy", numbers, {.backend = "tape"});
  EXPECT_EQ(code_of(unknown), Errc::not_found);
  EXPECT_NE(unknown.error().text().find("memory"), std::string::npos) << unknown.error();
}

Result<std::shared_ptr<Backend>> open_shelf(const Url& url) {
  return storage::open_simple(url);
}
LOCUM_REGISTER_BACKEND(shelf, open_shelf);

TEST_F(FileManager, TakesABackendOfTheProgramsOwn) {
  ASSERT_TRUE(disk_.add("my_backend", "shelf:"));
  ASSERT_TRUE(disk_.save("output.txt", "words", {.backend = "my_backend"}));
  EXPECT_EQ(disk_.load("output.txt", {.backend = "my_backend"}).value(), Record("words"));
  EXPECT_EQ(disk_.list({}, {.backend = "my_backend"}).value(), std::vector<std::string>{"output.txt"});
}

TEST_F(FileManager, RefusesOptionsAndEndingsThatItDoesNotKnow) {
  EXPECT_EQ(code_of(disk_.save("a.npy", numbers, {.options = {{"compression", 9}}})), Errc::invalid_argument);
  const auto unknown = disk_.save("a.dat", numbers);
  EXPECT_EQ(code_of(unknown), Errc::unsupported);
  EXPECT_NE(unknown.error().text().find(".npy .npz"), std::string::npos) << unknown.error();
}

TEST_F(FileManager, CopiesAndRemoves) {
  ASSERT_TRUE(disk_.save("a.npy", numbers));
  ASSERT_TRUE(disk_.copy("a.npy", "b/c.npy"));
  EXPECT_TRUE(disk_.remove("a.npy").value());
  EXPECT_FALSE(disk_.exists("a.npy").value());
  EXPECT_EQ(disk_.load<std::vector<double>>("b/c.npy").value(), numbers);
}

}  // namespace
}  // namespace locum::tests
