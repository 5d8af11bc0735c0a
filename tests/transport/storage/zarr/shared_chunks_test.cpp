// Chunks that ranks of a node decode once for all of them. Ranks are played by values of Files that share a
// session.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include <locum/files.hpp>
#include <locum/zarr.hpp>

#include "core/backend_session.hpp"
#include "core/open_sessions.hpp"
#include "tests/core/code_of.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "tests/transport/storage/zarr/counting_area.hpp"
#include "transport/storage/files/state.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {
namespace {

constexpr std::uint64_t rows = 256;
constexpr std::uint64_t wide = 512;
constexpr std::uint64_t rows_of_chunk = 32;
constexpr std::uint64_t chunk_bytes = rows_of_chunk * wide * sizeof(double);
constexpr int chunks = static_cast<int>(rows / rows_of_chunk);

std::vector<double> numbers(double first, std::uint64_t row_count) {
  std::vector<double> values(row_count * wide);
  std::iota(values.begin(), values.end(), first);
  return values;
}

Hyperslab rows_from(std::uint64_t first, std::uint64_t count) {
  return {.start = {first, std::uint64_t{0}}, .count = {count, wide}};
}

class SharedChunksOfZarr : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override { open({}); }

  void open(const BackendSessionOptions& options) {
    arrays_.clear();
    files_.clear();
    session_ = std::make_unique<Session>(open_session("memory:", options).value());
    for (int rank = 0; rank < 2; ++rank) {
      files_.emplace_back(*session_, url());
    }
    if (!written_) {
      ZarrLayout layout{
          .type = ElementType::of<double>(), .shape = {rows, wide}, .chunks = {rows_of_chunk, wide}};
      if (GetParam()) {
        layout.shards = {rows, wide};
      }
      written_ = std::make_unique<ZarrArray>(ZarrArray::create(files_[0], "T.zarr", layout).value());
      ASSERT_TRUE(written_->write(StridedArray<const double>(all_.data(), {rows, wide})));
    }
    for (int rank = 0; rank < 2; ++rank) {
      arrays_.push_back(counted_array(folder_.path(), "T.zarr", counts_, files_[rank].state()->parts()));
    }
  }

  [[nodiscard]] std::string url() const { return "file://" + folder_.path() + "?sync=0"; }

  /// Reads rows as a rank, and returns how many chunks were read from files for that.
  int reads_of(int rank, const Hyperslab& box, SharedChunks shared, double first) {
    // The first read of a shard is that of its index.
    if (GetParam()) {
      EXPECT_TRUE(arrays_[rank].read({.start = {0, 0}, .count = {1, 1}}, {.shared = SharedChunks::none}));
    }
    const int before = counts_.reads;
    const auto read = arrays_[rank].read(box, {.shared = shared});
    EXPECT_TRUE(read) << read.error();
    if (read) {
      const auto expected = numbers(first, box.count[0]);
      EXPECT_EQ(*read, Array(StridedArray<const double>(expected.data(), {box.count[0], wide})));
    }
    return counts_.reads - before;
  }

  const TemporaryFolder folder_;
  const std::vector<double> all_ = numbers(0, rows);
  AreaCounts counts_;
  std::unique_ptr<Session> session_;
  std::vector<Files> files_;
  std::unique_ptr<ZarrArray> written_;
  std::vector<ZarrArray> arrays_;
};

TEST_P(SharedChunksOfZarr, AreDecodedOnceWhereBoxesHaveParts) {
  EXPECT_EQ(reads_of(0, rows_from(1, 1), SharedChunks::parts, wide), 1);
  EXPECT_EQ(reads_of(0, rows_from(2, 1), SharedChunks::parts, 2 * wide), 0);
  EXPECT_EQ(reads_of(1, rows_from(3, 5), SharedChunks::parts, 3 * wide), 0) << "another rank of the node";
  EXPECT_EQ(reads_of(1, rows_from(31, 2), SharedChunks::parts, 31 * wide), 1) << "of the next chunk";
  EXPECT_EQ(reads_of(0, rows_from(32, rows_of_chunk), SharedChunks::parts, 32 * wide), 1) << "a whole chunk";
  EXPECT_EQ(reads_of(0, rows_from(32, rows_of_chunk), SharedChunks::all, 32 * wide), 0);
  EXPECT_EQ(reads_of(0, rows_from(3, 5), SharedChunks::none, 3 * wide), 1);
}

TEST_P(SharedChunksOfZarr, AreDecodedOnceByThreadsOfSeveralRanksAtTheSameMoment) {
  const int before = counts_.reads;
  std::atomic<int> right{0};
  std::atomic<int> begun{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 6; ++thread) {
    threads.emplace_back([&, thread] {
      ++begun;
      while (begun < 6) {
        std::this_thread::yield();
      }
      const auto read = arrays_[thread % 2].read({}, {.shared = SharedChunks::all});
      right += read && *read == Array(StridedArray<const double>(all_.data(), {rows, wide})) ? 1 : 0;
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(right, 6);
  // The index of the shard is read by each rank, by threads that ask at the same time as well.
  const int indices = GetParam() ? 6 : 0;
  EXPECT_GE(counts_.reads - before, chunks);
  EXPECT_LE(counts_.reads - before, chunks + indices);
}

TEST_P(SharedChunksOfZarr, AreDecodedAgainWhenTheirFileHasChanged) {
  EXPECT_EQ(reads_of(0, rows_from(1, 1), SharedChunks::parts, wide), 1);
  for (int round = 1; round <= 20; ++round) {
    const auto other = numbers(1000.0 * round, rows);
    ASSERT_TRUE(written_->write(StridedArray<const double>(other.data(), {rows, wide})));
    ASSERT_EQ(reads_of(1, rows_from(1, 1), SharedChunks::parts, 1000.0 * round + wide), 1);
    ASSERT_EQ(reads_of(0, rows_from(1, 1), SharedChunks::parts, 1000.0 * round + wide), 0);
  }
}

TEST_P(SharedChunksOfZarr, TakeNoMoreMemoryThanTheyMay) {
  open({.decoded_cache_bytes = 2 * chunk_bytes});
  const auto kept = [&] { return session_->open("locum.files").value().keys("file/").value().size(); };
  EXPECT_EQ(reads_of(0, rows_from(1, rows - 2), SharedChunks::all, wide), chunks);
  EXPECT_LE(kept(), 2U);
  EXPECT_GE(kept(), 1U);
  const std::uint64_t last = rows_of_chunk * (chunks - 1);
  (void)reads_of(0, rows_from(last, 1), SharedChunks::parts, static_cast<double>(last * wide));
  EXPECT_EQ(reads_of(1, rows_from(last, 1), SharedChunks::parts, static_cast<double>(last * wide)), 0);
  arrays_.clear();
  files_.clear();
  written_.reset();
  EXPECT_EQ(kept(), 0U) << "gone with those who have made them";
}

TEST_P(SharedChunksOfZarr, AreEachCallsOwnWhereTheyHaveNoRoom) {
  open({.decoded_cache_bytes = chunk_bytes - 1});
  EXPECT_EQ(reads_of(0, rows_from(1, 1), SharedChunks::parts, wide), 1);
  EXPECT_EQ(reads_of(0, rows_from(1, 1), SharedChunks::parts, wide), 1);
  EXPECT_TRUE(session_->open("locum.files").value().keys("file/").value().empty());
}

TEST_P(SharedChunksOfZarr, NameADamagedFileAndAreReadWhenItIsMended) {
  const std::string path = folder_.path() + (GetParam() ? "/T.zarr/c/0/0" : "/T.zarr/c/0/0");
  const auto size = std::filesystem::file_size(path);
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(8);
    file.write("damaged!", 8);
  }
  ASSERT_EQ(std::filesystem::file_size(path), size);
  for (int round = 0; round < 2; ++round) {
    const auto read = arrays_[round].read(rows_from(1, 1));
    EXPECT_EQ(code_of(read), Errc::corrupt);
    EXPECT_NE(std::string(read.error().what()).find("T.zarr/c/0/0"), std::string::npos) << read.error();
  }
  ASSERT_TRUE(written_->write(StridedArray<const double>(all_.data(), {rows, wide})));
  EXPECT_EQ(reads_of(0, rows_from(1, 1), SharedChunks::parts, wide), 1);
}

TEST_P(SharedChunksOfZarr, AreShownInPlaceWhereABoxIsInOne) {
  const Hyperslab box{.start = {33, 5}, .count = {10, 7}, .stride = {3, 2}};
  const Array first = arrays_[0].read(box, {.shared = SharedChunks::all}).value();
  const Array second = arrays_[1].read(box, {.shared = SharedChunks::all}).value();
  EXPECT_EQ(first.data(), second.data());
  EXPECT_EQ(first, arrays_[0].read(box, {.shared = SharedChunks::none}).value());
  const auto other = numbers(-5, rows);
  ASSERT_TRUE(written_->write(StridedArray<const double>(other.data(), {rows, wide})));
  EXPECT_NE(first, arrays_[0].read(box, {.shared = SharedChunks::all}).value());
  arrays_.clear();
  files_.clear();
  EXPECT_EQ(first.as<double>().value()(9, 6), all_[(33 + 27) * wide + 5 + 12]) << "kept";
}

INSTANTIATE_TEST_SUITE_P(, SharedChunksOfZarr, ::testing::Bool(), [](const auto& shown) {
  return std::string(shown.param ? "InShards" : "InFilesOfTheirOwn");
});

}  // namespace
}  // namespace locum::tests
