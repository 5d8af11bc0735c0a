#include "transport/storage/zarr/shard_indices.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <locum/files.hpp>
#include <locum/zarr.hpp>

#include "tests/core/code_of.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "tests/transport/storage/zarr/counting_area.hpp"

namespace locum::tests {
namespace {

storage::ShardIndices::Index index_of(std::uint64_t first, std::size_t chunks) {
  std::vector<storage::ChunkPlace> places(chunks);
  places.front() = {first, 1};
  return std::make_shared<const std::vector<storage::ChunkPlace>>(std::move(places));
}

TEST(ShardIndices, KeepThoseReadLast) {
  storage::ShardIndices indices(10'000);  // room for two of these
  for (int round = 0; round < 3; ++round) {
    indices.keep("a", "1", index_of(1, 250));
    indices.keep("b", "1", index_of(2, 250));
    ASSERT_NE(indices.find("a", "1"), nullptr);
    indices.keep("c", "1", index_of(3, 250));
    EXPECT_EQ(indices.find("b", "1"), nullptr);
    ASSERT_NE(indices.find("a", "1"), nullptr);
    EXPECT_EQ(indices.find("a", "1")->front().offset, 1U);
    EXPECT_EQ(indices.find("c", "1")->front().offset, 3U);
  }
}

TEST(ShardIndices, AreNotFoundForAChangedFile) {
  storage::ShardIndices indices(10'000);
  indices.keep("a", "1", index_of(1, 2));
  EXPECT_EQ(indices.find("a", "2"), nullptr);
  EXPECT_EQ(indices.find("a", "1"), nullptr) << "dropped";
  indices.keep("a", "2", index_of(5, 2));
  EXPECT_EQ(indices.find("a", "2")->front().offset, 5U);
}

TEST(ShardIndices, AreNotKeptWhereTheyHaveNoRoom) {
  storage::ShardIndices indices(10'000);
  indices.keep("a", "1", index_of(1, 2));
  indices.keep("b", "1", index_of(1, 1000));
  EXPECT_EQ(indices.find("b", "1"), nullptr);
  EXPECT_NE(indices.find("a", "1"), nullptr);
  indices.keep("a", "1", index_of(1, 1000));
  EXPECT_EQ(indices.find("a", "1"), nullptr);
}

constexpr std::uint64_t chunks_in_shard = 2048;
constexpr std::uint64_t elements = 1'000'000;

/// An array whose reads are counted: each element is a chunk.
class IndexedShards : public ::testing::Test {
 protected:
  void SetUp() override {
    ZarrLayout layout{.type = ElementType::of<int>(), .shape = {elements}, .chunks = {1}};
    layout.shards = {chunks_in_shard};
    layout.codecs = "";
    const Files files("file://" + folder_.path() + "?sync=0");
    written_ = std::make_unique<ZarrArray>(ZarrArray::create(files, "T.zarr", layout).value());
    const std::vector<int> values = values_from(0);
    for (std::uint64_t shard = 0; shard < 3; ++shard) {
      ASSERT_TRUE(written_->write(values, {shard * chunks_in_shard}));
    }
    array_ = std::make_unique<ZarrArray>(counted_array(folder_.path(), "T.zarr", counts_));
  }

  [[nodiscard]] static std::vector<int> values_from(int first) {
    std::vector<int> values(chunks_in_shard);
    std::iota(values.begin(), values.end(), first);
    return values;
  }
  /// Reads an element, and returns how many reads of files that took.
  int reads_of(std::uint64_t element, int expected) {
    const int before = counts_.reads;
    const auto read = array_->read({.start = {element}, .count = {1}});
    EXPECT_TRUE(read) << read.error();
    if (read) {
      EXPECT_EQ(*read, Array(std::vector<int>{expected})) << element;
    }
    return counts_.reads - before;
  }

  const TemporaryFolder folder_;
  AreaCounts counts_;
  std::unique_ptr<ZarrArray> written_;
  std::unique_ptr<ZarrArray> array_;
};

TEST_F(IndexedShards, TakeTwoReadsForTheFirstElementAndOneForOthers) {
  EXPECT_EQ(reads_of(2100, 52), 2);
  EXPECT_EQ(reads_of(2101, 53), 1);
  EXPECT_EQ(reads_of(2100, 52), 1);
  EXPECT_EQ(reads_of(7, 7), 2) << "of another shard";
  EXPECT_EQ(reads_of(4095, 2047), 1);
  EXPECT_EQ(counts_.bytes, 2 * (16 * chunks_in_shard + 4) + 5 * sizeof(int));
}

TEST_F(IndexedShards, AreReadAgainWhenTheirFileHasChanged) {
  EXPECT_EQ(reads_of(2100, 52), 2);
  ASSERT_TRUE(written_->write(values_from(1000), {chunks_in_shard}));
  EXPECT_EQ(reads_of(2100, 1052), 2);
  EXPECT_EQ(reads_of(2101, 1053), 1);
  ASSERT_TRUE(written_->write(std::vector<int>{-1}, {2101}, {.partial = PartialFiles::read_modify_write}));
  EXPECT_EQ(reads_of(2101, -1), 2);
  EXPECT_EQ(reads_of(2102, 1054), 1);
  std::filesystem::remove(folder_.path() + "/T.zarr/c/1");
  EXPECT_EQ(reads_of(2101, 0), 0) << "the fill value";
}

// Two writes of the same size within one tick of the system's clock.
TEST_F(IndexedShards, AreNotMixedUpWhenFilesChangeOftenAndKeepTheirSize) {
  for (int round = 1; round < 200; ++round) {
    std::vector<int> values(chunks_in_shard, round);
    ASSERT_TRUE(written_->write(values, {std::uint64_t{0}}));
    ASSERT_LE(reads_of(1, round), 2);
  }
}

TEST_F(IndexedShards, NameADamagedFile) {
  EXPECT_EQ(reads_of(2100, 52), 2);
  const std::string path = folder_.path() + "/T.zarr/c/1";
  std::filesystem::resize_file(path, 10'000);
  const auto read = array_->read({.start = {std::uint64_t{2100}}, .count = {1}});
  EXPECT_EQ(code_of(read), Errc::corrupt);
  EXPECT_NE(std::string(read.error().what()).find("T.zarr/c/1"), std::string::npos) << read.error();
}

}  // namespace
}  // namespace locum::tests
