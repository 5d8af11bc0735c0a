#include "transport/storage/zarr/read_ahead.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include <locum/files.hpp>
#include <locum/zarr.hpp>

#include "tests/core/code_of.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "tests/transport/storage/zarr/counting_area.hpp"

namespace locum::tests {
namespace {

constexpr std::uint64_t chunks = 50;
constexpr std::uint64_t elements_of_chunk = 10;
constexpr std::uint64_t all_elements = chunks * elements_of_chunk;

class ZarrPrefetch : public ::testing::Test {
 protected:
  void SetUp() override {
    const Files files("file://" + folder_.path() + "?sync=0");
    ZarrLayout layout{.type = ElementType::of<int>(), .shape = {all_elements}, .chunks = {elements_of_chunk}};
    const ZarrArray made = ZarrArray::create(files, "T.zarr", layout).value();
    std::iota(values_.begin(), values_.end(), 0);
    ASSERT_TRUE(made.write(values_));
    array_.emplace(counted_array(folder_.path(), "T.zarr", counts_));
  }

  [[nodiscard]] static Hyperslab box(std::uint64_t start, std::uint64_t count) {
    return {.start = {start}, .count = {count}};
  }
  void expect(const Hyperslab& box) {
    const auto read = array_->read(box);
    ASSERT_TRUE(read) << read.error();
    const auto first = values_.begin() + static_cast<std::ptrdiff_t>(box.start[0]);
    EXPECT_EQ(*read, Array(std::vector<int>(first, first + static_cast<std::ptrdiff_t>(box.count[0]))));
  }

  const TemporaryFolder folder_;
  std::vector<int> values_ = std::vector<int>(all_elements);
  AreaCounts counts_;
  std::optional<ZarrArray> array_;
};

TEST_F(ZarrPrefetch, ReadsEachFileOnce) {
  for (std::uint64_t slab = 0; slab < 5; ++slab) {
    expect(box(slab * 100, 100));
    if (slab < 4) {
      ASSERT_TRUE(array_->prefetch(box(slab * 100 + 100, 100)));
    }
  }
  // What the thread had not begun yet was read by who asked for it.
  EXPECT_EQ(counts_.opened, static_cast<int>(chunks));
}

TEST_F(ZarrPrefetch, IsTakenOnceAndOnlyForTheSameBox) {
  ASSERT_TRUE(array_->prefetch(box(0, 100)));
  expect(box(0, 90));
  expect(box(0, 100));
  expect(box(0, 100));
  EXPECT_EQ(counts_.opened, 9 + 10 + 10);
}

TEST_F(ZarrPrefetch, IsForMemoryOfTheProgramToo) {
  std::vector<int> into(100 * 2, -1);  // each second one
  const std::array<std::int64_t, 1> strides{2 * sizeof(int)};
  const RawArray memory(into.data(), ElementType::of<int>(), {100}, strides);
  ASSERT_TRUE(array_->prefetch(box(200, 100)));
  ASSERT_TRUE(array_->read_to(memory, box(200, 100)));
  EXPECT_EQ(counts_.opened, 10) << "each file once";
  for (std::size_t at = 0; at < 100; ++at) {
    ASSERT_EQ(into[2 * at], values_[200 + at]);
    ASSERT_EQ(into[2 * at + 1], -1);
  }
  ASSERT_TRUE(array_->prefetch(box(200, 100)));
  EXPECT_EQ(code_of(array_->read_to(memory, box(200, 90))), Errc::invalid_argument);
}

TEST_F(ZarrPrefetch, ShowsWhatThisValueHasWrittenMeanwhile) {
  ASSERT_TRUE(array_->prefetch(box(0, 100)));
  std::fill_n(values_.begin(), 10, -1);
  ASSERT_TRUE(array_->write(std::vector<int>(10, -1), {0}));
  expect(box(0, 100));
  ASSERT_TRUE(array_->prefetch(box(480, 20)));
  ASSERT_TRUE(array_->resize({490}));
  EXPECT_EQ(code_of(array_->read(box(480, 20))), Errc::invalid_argument);
}

TEST_F(ZarrPrefetch, KeepsTheLastBoxAlone) {
  for (std::uint64_t start = 0; start < 200; ++start) {
    ASSERT_TRUE(array_->prefetch(box(start, 300)));
  }
  expect(box(199, 300));
  const int opened = counts_.opened;
  expect(box(198, 300));
  EXPECT_GE(counts_.opened, opened + 31) << "chunks of the box";
  EXPECT_LE(counts_.opened, opened + 32) << "the thread may still have been in one of an earlier box";
}

TEST_F(ZarrPrefetch, EndsBehindTheChunkInWhichItWasDropped) {
  std::atomic<bool> is_dropped{false};
  auto area = storage::open_folder_area(parse_url("file://" + folder_.path() + "?sync=0").value()).value();
  std::ifstream in(folder_.path() + "/T.zarr/zarr.json");
  const std::string json{std::istreambuf_iterator<char>(in), {}};
  const auto state = std::make_shared<detail::ZarrState>(
      storage::ZarrPlace{std::make_shared<CountingArea>(std::move(area), counts_), "T.zarr"},
      storage::read_zarr_v3(json).value());
  counts_.when_opened = [&] {
    state->ahead().drop();
    is_dropped = true;
    is_dropped.notify_all();
  };
  const int before = counts_.opened;
  {
    const ZarrArray array(state);
    ASSERT_TRUE(array.prefetch(box(0, all_elements)));
    is_dropped.wait(false);
  }
  EXPECT_LE(counts_.opened, before + 1);
}

TEST_F(ZarrPrefetch, IsGoneWithTheArray) {
  for (int round = 0; round < 50; ++round) {
    const ZarrArray array = counted_array(folder_.path(), "T.zarr", counts_);
    ASSERT_TRUE(array.prefetch(box(0, all_elements)));
  }
}

TEST_F(ZarrPrefetch, LeavesErrorsToTheRead) {
  EXPECT_EQ(code_of(array_->prefetch(box(490, 20))), Errc::invalid_argument);
  std::filesystem::resize_file(folder_.path() + "/T.zarr/c/3", 5);
  ASSERT_TRUE(array_->prefetch(box(0, 100)));
  EXPECT_EQ(code_of(array_->read(box(0, 100))), Errc::corrupt);
  std::filesystem::remove(folder_.path() + "/T.zarr/c/3");
  ASSERT_TRUE(array_->prefetch(box(0, 100)));
  EXPECT_EQ(code_of(array_->read(box(0, 100), {.strict = true})), Errc::not_found) << "another way to read";
  std::fill_n(values_.begin() + 30, 10, 0);
  expect(box(0, 100));
}

TEST_F(ZarrPrefetch, IsNothingInAForkedProcess) {
  ASSERT_TRUE(array_->prefetch(box(0, all_elements)));
  (void)std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(30);
    const bool is_begun = static_cast<bool>(array_->prefetch(box(0, 100)));
    const auto read = array_->read(box(0, 100));
    array_.reset();
    ::_exit(is_begun && read && read->size() == 100 ? 0 : 1);
  }
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  expect(box(0, all_elements));
}

}  // namespace
}  // namespace locum::tests
