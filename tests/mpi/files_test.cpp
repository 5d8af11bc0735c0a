// Files that ranks of a job load: once for each node, in place.
#include <gtest/gtest.h>
#include <mpi.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "mpi/runtime/runtime.hpp"
#include "tests/mpi/job.hpp"
#include "tests/mpi/shared_folder.hpp"
#include "tests/transport/storage/zarr/counting_area.hpp"
#include "transport/storage/files/files.hpp"
#include "transport/storage/files/state.hpp"
#include "transport/storage/shards/epochs.hpp"
#include "transport/storage/shards/shard_folder.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

/// Doubles without a header. Counts how often this rank loads.
class DoublesFormat final : public Format {
 public:
  [[nodiscard]] const FormatTraits& traits() const noexcept override { return traits_; }
  [[nodiscard]] bool recognises(std::span<const std::byte>) const noexcept override { return false; }
  [[nodiscard]] Result<Record> load(FileBytes& file, const Record&, const MakeArray& make) const override {
    ++loads;
    auto draft = make(ElementType::of<double>(), {file.size_bytes() / sizeof(double)});
    auto read = draft ? file.read(0, draft->bytes()) : Result<void>(draft.error());
    return read ? Result<Record>(std::move(*draft).finish()) : read.error();
  }
  [[nodiscard]] Result<void> save(const Record& value, FileDraft& file, const Record&) const override {
    const Array array = value.array();
    return file.write(array.bytes());
  }
  [[nodiscard]] Result<Record> info(FileBytes&, const Record&) const override { return Record(); }

  static inline std::atomic<int> loads{0};

 private:
  static constexpr std::string_view ending = ".doubles";
  const FormatTraits traits_{.name = "doubles", .endings = {&ending, 1}, .holds = "doubles", .options = {}};
};

LOCUM_REGISTER_FORMAT(doubles, DoublesFormat);

TEST(RuntimeFiles, AreLoadedOnceForEachNode) {
  const job::SharedFolder folder;
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB, .timeout = 20s, .collective_timeout = 60s});
  const Files files = runtime.files("file://" + folder.path() + "?sync=0");
  constexpr std::size_t elements = 100'000;
  if (runtime.rank() == 0) {
    std::vector<double> numbers(elements);
    for (std::size_t at = 0; at < elements; ++at) {
      numbers[at] = static_cast<double>(at);
    }
    ASSERT_TRUE(files.save("T.doubles", numbers));
  }
  job::barrier();
  const int before = DoublesFormat::loads;
  const auto view = files.load<double[]>("T.doubles", {.deadline = 60s});
  ASSERT_TRUE(view) << view.error();
  ASSERT_EQ(view->size(), elements);
  EXPECT_EQ((*view)[elements - 1], elements - 1);
  const Record same = files.load("./T.doubles", {.deadline = 60s}).value();
  EXPECT_EQ(same.array().data(), reinterpret_cast<const std::byte*>(view->data()));
  int mine = DoublesFormat::loads - before;
  int all = 0;
  MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  EXPECT_EQ(all, static_cast<int>(runtime.nodes()));
}

// Each rank reads all of an array; its chunks are decoded by whichever rank comes first.
TEST(RuntimeFiles, HaveChunksOfZarrThatAreDecodedOnceForEachNode) {
  constexpr std::uint64_t chunks = 12;
  constexpr std::uint64_t elements = 8192;  // of a chunk: 64 KiB
  const job::SharedFolder folder;
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 512_MiB, .timeout = 20s, .collective_timeout = 60s});
  const Files files = runtime.files("file://" + folder.path() + "?sync=0");
  std::vector<double> numbers(chunks * elements);
  std::iota(numbers.begin(), numbers.end(), 0.0);
  if (runtime.rank() == 0) {
    const ZarrLayout layout{.type = ElementType::of<double>(),
                            .shape = {chunks * elements},
                            .chunks = {elements},
                            .codecs = "crc32c"};
    ASSERT_TRUE(ZarrArray::create(files, "T.zarr", layout).value().write(numbers));
  }
  job::barrier();
  tests::AreaCounts counts;
  const ZarrArray array = tests::counted_array(folder.path(), "T.zarr", counts, files.state()->parts());
  const auto read = array.read({}, {.shared = SharedChunks::all});
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(*read, Array(numbers));
  const auto part = array.read({.start = {elements - 1}, .count = {2}});
  ASSERT_TRUE(part) << part.error();
  EXPECT_EQ(*part, Array(std::vector<double>{elements - 1, elements}));
  int mine = counts.reads;
  int all = 0;
  MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  EXPECT_EQ(all, static_cast<int>(chunks * runtime.nodes()));
}

// Each rank gets some of the samples of each block; its shards are decoded by whichever rank comes first.
TEST(RuntimeFiles, HaveShardsThatAreDecodedOnceForEachNode) {
  constexpr std::uint64_t shards = 4;
  constexpr std::uint64_t samples = 300;  // of a shard; 2.4 MB, which are decoded together
  const job::SharedFolder folder;
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 512_MiB, .timeout = 20s, .collective_timeout = 60s});
  const Files files = runtime.files("file://" + folder.path() + "?sync=0");
  using Sample = std::vector<std::uint64_t>;
  if (runtime.rank() == 0) {
    const ShardStore<Sample> store(files, {}, {.codec = "crc32c"});
    for (std::uint64_t shard = 0; shard < shards; ++shard) {
      std::vector<Sample> all;
      for (std::uint64_t number = 0; number < samples; ++number) {
        all.emplace_back(1000, shard * samples + number);
      }
      ASSERT_TRUE(store.set(all, {.key = std::to_string(shard)}));
    }
  }
  job::barrier();
  tests::AreaCounts counts;
  const auto layout = detail::SampleCoder<Sample>::layout();
  const Shards<Sample> counted(std::make_shared<storage::ShardFolder>(
      std::make_shared<tests::CountingArea>(files.state()->area({}).value(), counts), "",
      storage::ShardForm{.type = std::string(layout.type), .codec_text = {}, .codec = {}},
      storage::parts_of_shards(files.state()->session(), files.state()->store()), false));
  auto reader =
      epochs(counted, {.seed = 2, .shuffle_block = shards * samples})
          .reader(static_cast<std::uint64_t>(runtime.rank()), static_cast<std::uint64_t>(runtime.size()));
  std::array<std::uint64_t, 3> mine{};  // samples, their sum, reads
  for (auto next = reader.next(60s); next.value(); next = reader.next(60s)) {
    EXPECT_EQ((*next)->size(), 1000U);
    mine[0] += 1;
    mine[1] += (*next)->back();
  }
  mine[2] = static_cast<std::uint64_t>(counts.reads.load());
  std::array<std::uint64_t, 3> all{};
  MPI_Allreduce(mine.data(), all.data(), 3, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
  EXPECT_EQ(all[0], shards * samples);
  EXPECT_EQ(all[1], shards * samples * (shards * samples - 1) / 2);
  // Each rank reads the index of each shard, which is few bytes; the facts are in the index beside them.
  const auto ranks = static_cast<std::uint64_t>(runtime.size());
  EXPECT_EQ(all[2], shards * ranks + shards * static_cast<std::uint64_t>(runtime.nodes()));
}

TEST(RuntimeFiles, HaveStandInsThatTellEachRankWhyTheyAreBroken) {
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB, .timeout = 20s, .collective_timeout = 60s});
  const Files files = runtime.files("memory:");  // which the other ranks do not see
  Handle handle;
  if (runtime.rank() == 0) {
    ASSERT_TRUE(files.save("T.bin", std::string("no array"), {.format = "bytes"}));
    handle = files.proxy<double[]>("T.bin", {.format = "npy"}).value().handle();
  }
  MPI_Bcast(&handle, sizeof handle, MPI_BYTE, 0, MPI_COMM_WORLD);
  const auto broken = runtime.proxy<double[]>(handle).get(60s);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code(), Errc::broken_promise) << broken.error();
  EXPECT_NE(broken.error().text().find("without a value: corrupt: "), std::string::npos) << broken.error();
  EXPECT_NE(broken.error().text().find("T.bin"), std::string::npos) << broken.error();
  job::barrier();
}

// Only the first rank sees the file: the others fetch the object.
TEST(RuntimeFiles, HaveStandInsForRanksThatDoNotSeeThem) {
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB, .timeout = 20s, .collective_timeout = 60s});
  const Files files = runtime.files("memory:");
  const std::vector<double> field{1, 2.5, -3};
  Handle handle;
  if (runtime.rank() == 0) {
    ASSERT_TRUE(files.save("T.doubles", field));
    handle = files.proxy<double[]>("T.doubles").value().handle();
  }
  MPI_Bcast(&handle, sizeof handle, MPI_BYTE, 0, MPI_COMM_WORLD);
  const auto view = runtime.proxy<double[]>(handle).get(60s);
  ASSERT_TRUE(view) << view.error();
  EXPECT_EQ(std::vector<double>(view->begin(), view->end()), field);
  job::barrier();
}

}  // namespace
}  // namespace locum
