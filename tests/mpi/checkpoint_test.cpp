// Checkpoints: what is written is what is restored, on any node; handles stay valid; what is wrong is found.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <mpi.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <numeric>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "core/containers.hpp"
#include "core/open_sessions.hpp"
#include "core/promise.hpp"
#include "mpi/runtime/runtime.hpp"
#include "tests/mpi/job.hpp"
#include "tests/mpi/shared_folder.hpp"
#include "tests/mpi/small_files.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

constexpr RuntimeOptions of_checkpoints{.memory_bytes = 128_MiB, .timeout = 20s, .collective_timeout = 60s};
constexpr std::size_t large_count = 12 * 1024;  // doubles: 96 KiB, a dataset of its own

std::string of_rank(int rank, const std::string& name) {
  return name + '/' + std::to_string(rank);
}

struct Particle {
  static constexpr std::string_view locum_type_name = "particle";
  double position[3];
  std::int32_t kind;
  friend bool operator==(const Particle&, const Particle&) = default;
};

std::vector<double> field_of(int rank) {
  std::vector<double> field(large_count);
  std::iota(field.begin(), field.end(), rank * 1000.0);
  return field;
}

std::map<std::string, std::vector<int>> table_of(int rank) {
  return {{"rank", {rank}}, {"squares", {rank * rank, (rank + 1) * (rank + 1)}}};
}

// Names that are paths, no paths, a path and a folder at once, not UTF-8, and of the file's own group.
const std::vector<std::string>& odd_names() {
  static const std::vector<std::string> names{"T",
                                              "T/0042",
                                              "T//",
                                              "/",
                                              "..",
                                              "a/./b",
                                              "%",
                                              "%41",
                                              "T%value",
                                              ".locum/objects",
                                              "\xff\xfe",
                                              std::string("nul\0inside", 10),
                                              "\xc3\xa4/\xe2\x82\xac"};
  return names;
}

void put_everything(const Store& store) {
  const int rank = job::rank();
  (void)store.put(of_rank(rank, "field"), field_of(rank)).value();
  auto writer = store.create<float>(of_rank(rank, "plane"), {8, 4, 1024}).value();
  std::iota(writer.begin(), writer.end(), static_cast<float>(rank));
  (void)writer.seal().value();
  (void)store.put(of_rank(rank, "number"), rank).value();
  (void)store.put(of_rank(rank, "text"), std::string("rank ") + std::to_string(rank)).value();
  (void)store.put(of_rank(rank, "table"), table_of(rank)).value();
  (void)store.put(of_rank(rank, "empty"), std::vector<double>()).value();
  (void)store.create<double>(of_rank(rank, "no rows"), {0, 4}).value().seal().value();
  (void)store
      .put(of_rank(rank, "particles"),
           std::vector<Particle>(5000, Particle{{1, 2, static_cast<double>(rank)}, rank}))
      .value();
  if (rank == 0) {
    for (const std::string& name : odd_names()) {
      (void)store.put(name, std::vector<std::uint8_t>(70'000, static_cast<std::uint8_t>(name.size())))
          .value();
    }
  }
}

template <class T>
T value_of(const Store& store, const std::string& name) {
  const auto view = store.get<T>(name).value();
  return *view;
}

void expect_everything(const Store& store) {
  for (int rank = 0; rank < job::size(); ++rank) {
    EXPECT_EQ(value_of<std::vector<double>>(store, of_rank(rank, "field")), field_of(rank));
    const auto plane = store.get<float[]>(of_rank(rank, "plane")).value();
    EXPECT_EQ(store.info(of_rank(rank, "plane")).value().extents, Extents(8, 4, 1024));
    EXPECT_EQ(plane->back(), static_cast<float>(rank + 8 * 4 * 1024 - 1));
    EXPECT_EQ(*store.get<int>(of_rank(rank, "number")).value(), rank);
    EXPECT_EQ(value_of<std::string>(store, of_rank(rank, "text")), "rank " + std::to_string(rank));
    EXPECT_EQ((value_of<std::map<std::string, std::vector<int>>>(store, of_rank(rank, "table"))),
              table_of(rank));
    EXPECT_TRUE(store.get<std::vector<double>>(of_rank(rank, "empty")).value()->empty());
    EXPECT_EQ(store.get<double[]>(of_rank(rank, "no rows")).value().extents(), Extents(0, 4));
    const auto particles = store.get<Particle[]>(of_rank(rank, "particles")).value();
    EXPECT_EQ(particles.size(), 5000U);
    EXPECT_EQ(particles->back(), (Particle{{1, 2, static_cast<double>(rank)}, rank}));
  }
  for (const std::string& name : odd_names()) {
    const auto bytes = store.get<std::uint8_t[]>(name);
    ASSERT_TRUE(bytes) << "'" << name << "': " << bytes.error().what();
    EXPECT_EQ((*bytes)->back(), static_cast<std::uint8_t>(name.size()));
  }
}

TEST(Checkpoint, BringsBackNamesTypesAndBytes) {
  const job::SharedFolder folder;
  const std::string path = folder / "all.h5";
  CheckpointReport written;
  {
    Runtime runtime(MPI_COMM_WORLD, of_checkpoints);
    const Store store = runtime.store("fields");
    put_everything(store);
    written = runtime.checkpoint("fields", path).value();
    expect_everything(store);
  }
  EXPECT_EQ(written.objects, static_cast<std::uint64_t>(8 * job::size()) + odd_names().size());
  Runtime runtime(MPI_COMM_WORLD, of_checkpoints);
  EXPECT_EQ(written.files, static_cast<std::uint64_t>(runtime.nodes()));
  const CheckpointReport restored = runtime.restore("again", path).value();
  EXPECT_EQ(restored.objects, written.objects);
  EXPECT_EQ(restored.bytes, written.bytes);
  expect_everything(runtime.store("again"));
  const std::size_t named = runtime.store("again").keys().value().size();
  EXPECT_EQ(named, written.objects) << "no names but those that were there";
  (void)runtime.restore("later", path, {.lazy = true}).value();
  expect_everything(runtime.store("later"));
}

std::uintmax_t bytes_in(const std::string& folder) {
  std::uintmax_t bytes = 0;
  for (const auto& each : std::filesystem::directory_iterator(folder)) {
    bytes += each.file_size();
  }
  return bytes;
}

TEST(Checkpoint, CompressesWhereAsked) {
  const job::SharedFolder folder;
  Runtime runtime(MPI_COMM_WORLD, of_checkpoints);
  put_everything(runtime.store("fields"));
  (void)runtime.checkpoint("fields", folder / "plain.h5").value();
  (void)runtime.checkpoint_async("fields", folder / "small.h5", {.compress = 4}).get(60s).value();
  EXPECT_LT(bytes_in(folder / "small.h5.parts"), bytes_in(folder / "plain.h5.parts") / 2);
  (void)runtime.restore("again", folder / "small.h5").value();
  expect_everything(runtime.store("again"));
  (void)runtime.checkpoint("fields", folder / "chunks.h5", {.chunk_bytes = 20'000}).value();
  (void)runtime.restore("of chunks", folder / "chunks.h5").value();
  expect_everything(runtime.store("of chunks"));
  const auto szip =
      runtime.checkpoint("fields", folder / "szip.h5", {.filter = H5Z_FILTER_SZIP, .filter_values = {32, 8}});
  if (szip) {
    EXPECT_LT(bytes_in(folder / "szip.h5.parts"), bytes_in(folder / "plain.h5.parts"));
    (void)runtime.restore("of szip", folder / "szip.h5").value();
    expect_everything(runtime.store("of szip"));
  } else {
    EXPECT_EQ(szip.error().code(), Errc::unsupported) << "this HDF5 may be without it: " << szip.error();
  }
  for (const int level : {-1, 10}) {
    EXPECT_EQ(runtime.checkpoint("fields", folder / "x.h5", {.compress = level}).error().code(),
              Errc::invalid_argument);
  }
}

// The text is read as a program does that knows XML and HDF5; damaged_checkpoints.py has a parser look at
// one.
TEST(Checkpoint, DescribesItsArraysForXdmf) {
  const job::SharedFolder folder;
  Runtime runtime(MPI_COMM_WORLD, of_checkpoints);
  const Store store = runtime.store("fields");
  put_everything(store);
  for (const char* const name : {"odd \"<&>'", "no: colons"}) {
    if (job::rank() == 0) {
      (void)store.create<std::uint8_t>(name, {300, 400}).value().seal().value();
    }
  }
  (void)runtime.checkpoint("fields", folder / "all.h5", {.xdmf = true}).value();
  EXPECT_EQ(runtime.checkpoint("fields", folder / "all.xdmf", {.xdmf = true}).error().code(),
            Errc::invalid_argument);
  if (job::rank() == 0) {
    std::ifstream described(folder / "all.xdmf");
    const std::string text{std::istreambuf_iterator<char>(described), {}};
    const std::regex item(
        "<DataItem Dimensions=\"([0-9 ]+)\" NumberType=\"(Float|UChar)\" "
        "Precision=\"([148])\" Format=\"HDF\">(all.h5.parts/[^:]+):([^<]+)</DataItem>");
    std::size_t arrays = 0;
    for (std::sregex_iterator each(text.begin(), text.end(), item), end; each != end; ++each, ++arrays) {
      std::string name = (*each)[5];
      for (const auto& [coded, letter] :
           {std::pair("&quot;", "\""), {"&lt;", "<"}, {"&gt;", ">"}, {"&amp;", "&"}}) {
        for (std::size_t at = name.find(coded); at != std::string::npos; at = name.find(coded)) {
          name.replace(at, std::strlen(coded), letter);
        }
      }
      const hid_t file = H5Fopen((folder / (*each)[4].str()).c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
      ASSERT_GE(file, 0) << (*each)[4];
      const hid_t dataset = H5Dopen2(file, name.c_str(), H5P_DEFAULT);
      ASSERT_GE(dataset, 0) << name;
      const hid_t space = H5Dget_space(dataset);
      std::array<hsize_t, 3> extents{};
      ASSERT_LE(H5Sget_simple_extent_ndims(space), 3);
      const int rank = H5Sget_simple_extent_dims(space, extents.data(), nullptr);
      std::string dimensions = std::to_string(extents[0]);
      for (int axis = 1; axis < rank; ++axis) {
        dimensions += ' ' + std::to_string(extents[static_cast<std::size_t>(axis)]);
      }
      EXPECT_EQ((*each)[1], dimensions);
      const hid_t type = H5Dget_type(dataset);
      EXPECT_EQ((*each)[3], std::to_string(H5Tget_size(type)));
      H5Tclose(type);
      H5Sclose(space);
      H5Dclose(dataset);
      H5Fclose(file);
    }
    EXPECT_EQ(arrays, static_cast<std::size_t>(job::size()) + 1);
  }
  job::barrier();
}

TEST(Checkpoint, OfNothingAndOfOneObject) {
  const job::SharedFolder folder;
  Runtime runtime(MPI_COMM_WORLD, of_checkpoints);
  const Store store = runtime.store("fields");
  for (const std::uint64_t objects : {0U, 1U}) {
    if (objects == 1 && job::rank() == job::last()) {
      (void)store.put("one", field_of(0)).value();
    }
    for (const CheckpointOptions& options :
         {CheckpointOptions{.xdmf = true}, CheckpointOptions{.chunk_bytes = 4096}}) {
      const std::string again = "again " + std::to_string(objects) + std::to_string(options.chunk_bytes);
      const auto written = runtime.checkpoint("fields", folder / "step.h5", options);
      ASSERT_TRUE(written) << written.error();
      EXPECT_EQ(written->objects, objects);
      EXPECT_EQ(written->files, static_cast<std::uint64_t>(runtime.nodes()));
      for (const bool lazy : {false, true}) {
        const std::string name = again + (lazy ? " later" : "");
        EXPECT_EQ(runtime.restore(name, folder / "step.h5", {.lazy = lazy}).value().objects, objects);
        EXPECT_EQ(runtime.store(name).keys().value().size(), objects);
        EXPECT_EQ(runtime.store(name).get<double[]>("one").has_value(), objects == 1);
      }
    }
  }
}

TEST(Checkpoint, BalancesBytesOverTheRanks) {
  const job::SharedFolder folder;
  const std::string path = folder / "balance.h5";
  constexpr int objects = 32;
  {
    Runtime runtime(MPI_COMM_WORLD, of_checkpoints);
    const Store store = runtime.store("fields");
    if (job::rank() == 0) {
      for (int object = 0; object < objects; ++object) {
        (void)store.put(of_rank(object, "field"), field_of(object)).value();
      }
    }
    (void)runtime.checkpoint("fields", path).value();
  }
  Runtime runtime(MPI_COMM_WORLD, of_checkpoints);
  (void)runtime.restore("fields", path).value();
  const Store store = runtime.store("fields");
  std::vector<int> owned(static_cast<std::size_t>(job::size()), 0);
  for (int object = 0; object < objects; ++object) {
    ++owned[store.info(of_rank(object, "field")).value().owner];
  }
  for (const int count : owned) {
    EXPECT_NEAR(count, objects / static_cast<double>(job::size()), 1.0);
  }
}

// An object that has handles of others inside, and the values that they identify, one of them of a promise.
struct Linked {
  static constexpr std::string_view locum_type_name = "linked";
  Handle unnamed;
  Handle named;
  Handle promised;
  Handle kept_elsewhere;
};

void expect_links(Runtime& runtime, const Store& store) {
  for (int rank = 0; rank < job::size(); ++rank) {
    const auto linked = store.get<Linked>(of_rank(rank, "linked")).value();
    const auto unnamed = runtime.proxy<std::vector<double>>(linked->unnamed);
    EXPECT_EQ(*unnamed, field_of(rank));
    EXPECT_EQ(*proxy<int>(linked->named).get().value(), rank) << "found by the process, too";
    EXPECT_EQ(*runtime.proxy<int>(linked->promised).get().value(), 100 + rank);
    EXPECT_EQ(*runtime.proxy<int>(linked->kept_elsewhere).get().value(), 200 + rank);
  }
}

TEST(Checkpoint, KeepsHandlesValidThroughSeveralJobs) {
  const job::SharedFolder folder;
  const std::string first = folder / "first.h5";
  const std::string second = folder / "second.h5";
  Handle former;
  {
    Runtime runtime(MPI_COMM_WORLD, of_checkpoints);
    const Store store = runtime.store("links");
    const int rank = job::rank();
    Linked linked;
    linked.unnamed = store.put_proxy(field_of(rank)).value().handle();
    (void)store.put(of_rank(rank, "named"), rank).value();
    linked.named = store.proxy<int>(of_rank(rank, "named")).value().handle();
    auto promise = store.promise<int>().value();
    linked.promised = promise.proxy().handle();
    (void)promise.set(100 + rank).value();
    auto under_name = store.promise<int>(of_rank(rank, "later")).value();
    linked.kept_elsewhere = under_name.proxy().handle();
    (void)under_name.set(200 + rank).value();
    (void)store.put(of_rank(rank, "linked"), linked).value();
    job::barrier();
    expect_links(runtime, store);
    (void)runtime.checkpoint("links", first).value();
    former = linked.unnamed;
  }
  {
    Runtime runtime(MPI_COMM_WORLD, of_checkpoints);
    EXPECT_EQ(runtime.proxy<std::vector<double>>(former).try_get().error().code(), Errc::invalid_argument)
        << "not before it was restored";
    (void)runtime.store("another, with a number of its own");
    (void)runtime.restore("links", first).value();
    expect_links(runtime, runtime.store("links"));
    (void)runtime.checkpoint("links", second).value();
  }
  Runtime runtime(MPI_COMM_WORLD, of_checkpoints);
  (void)runtime.restore("links", second).value();
  expect_links(runtime, runtime.store("links"));
  const auto names = runtime.store("links").keys().value();
  EXPECT_EQ(names.size(), static_cast<std::size_t>(3 * job::size()));
}

TEST(Checkpoint, TakesAndRestoresSomeByPrefix) {
  const job::SharedFolder folder;
  const std::string path = folder / "some.h5";
  Runtime runtime(MPI_COMM_WORLD, of_checkpoints);
  const Store store = runtime.store("fields");
  const int rank = job::rank();
  for (const char* name : {"a/x", "a/y", "b/x"}) {
    (void)store.put(of_rank(rank, name), rank).value();
  }
  (void)store.put(rank).value();
  const auto ranks = static_cast<std::uint64_t>(job::size());
  EXPECT_EQ(runtime.checkpoint("fields", path, {.prefix = "a/"}).value().objects, 2 * ranks);
  EXPECT_EQ(runtime.restore("again", path, {.prefix = "a/y/"}).value().objects, ranks);
  EXPECT_EQ(*runtime.store("again").get<int>(of_rank(rank, "a/y")).value(), rank);
  EXPECT_FALSE(runtime.store("again").exists(of_rank(rank, "a/x")).value());
}

TEST(Checkpoint, ReplacesAnOlderOneAndItsFiles) {
  const job::SharedFolder folder;
  const std::string path = folder / "same.h5";
  Runtime runtime(MPI_COMM_WORLD, of_checkpoints);
  const Store store = runtime.store("fields");
  for (const int generation : {1, 2}) {
    if (job::rank() == 0) {
      (void)store.replace("step", generation).value();
    }
    (void)runtime.checkpoint("fields", path).value();
  }
  (void)runtime.restore("again", path).value();
  EXPECT_EQ(*runtime.store("again").get<int>("step").value(), 2);
  if (job::rank() == 0) {
    std::size_t files = 0;
    for (const auto& each : std::filesystem::directory_iterator(path + ".parts")) {
      files += each.is_regular_file() ? 1 : 0;
    }
    EXPECT_EQ(files, static_cast<std::size_t>(runtime.nodes()));
    EXPECT_FALSE(std::filesystem::exists(path + ".tmp"));
    EXPECT_FALSE(std::filesystem::exists(path + ".lock"));
  }
}

TEST(Checkpoint, RemovesWhatDeadJobsHaveLeftAndNothingElse) {
  const job::SharedFolder folder;
  const std::string path = folder / "same.h5";
  const std::string parts = path + ".parts/";
  Runtime runtime(MPI_COMM_WORLD, of_checkpoints);
  (void)runtime.store("fields").put(of_rank(job::rank(), "number"), job::rank()).value();
  const auto leave = [&] {
    if (job::rank() == 0) {
      std::filesystem::create_directory(parts);
      for (const char* name : {"0123456789abcdef.7.h5", "0123456789abcdef.8.h5.tmp", "notes.txt"}) {
        std::ofstream(parts + name) << "left";
      }
    }
    job::barrier();
  };
  // Where there is none yet, and where there is one, whether or not the next one succeeds.
  for (int round = 0; round < 2; ++round) {
    leave();
    (void)runtime.checkpoint("fields", path).value();
    EXPECT_FALSE(std::filesystem::exists(parts + "0123456789abcdef.7.h5"));
    EXPECT_FALSE(std::filesystem::exists(parts + "0123456789abcdef.8.h5.tmp"));
    EXPECT_TRUE(std::filesystem::exists(parts + "notes.txt"));
    job::barrier();
  }
  EXPECT_EQ(runtime.restore("again", path).value().objects, static_cast<std::uint64_t>(job::size()));
}

TEST(Checkpoint, FailsOnAFullDiskAndKeepsTheOlderOne) {
  const job::SharedFolder folder;
  const std::string path = folder / "full.h5";
  Runtime runtime(MPI_COMM_WORLD, of_checkpoints);
  const Store store = runtime.store("fields");
  (void)store.put(of_rank(job::rank(), "number"), job::rank()).value();
  (void)runtime.checkpoint("fields", path).value();
  (void)store.put(of_rank(job::rank(), "field"), std::vector<double>(256 * 1024)).value();  // 2 MiB
  for (const rlim_t most : {1U, 1000U, 100'000U, 1U << 20U}) {
    std::optional<job::SmallFiles> limit(most);
    const auto refused = runtime.checkpoint("fields", path);
    limit.reset();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::system) << refused.error().what();
  }
  EXPECT_EQ(runtime.restore("again", path).value().objects, static_cast<std::uint64_t>(job::size()));
  if (job::rank() == 0) {
    std::size_t files = 0;
    for (const auto& each : std::filesystem::directory_iterator(path + ".parts")) {
      files += each.is_regular_file() ? 1 : 0;
    }
    EXPECT_EQ(files, static_cast<std::size_t>(runtime.nodes())) << "nothing is left of those that failed";
  }
}

TEST(Checkpoint, RestoresWithoutHandlesWhereTheyAreNotWanted) {
  const job::SharedFolder folder;
  const std::string path = folder / "bare.h5";
  Handle former;
  {
    Runtime runtime(MPI_COMM_WORLD, of_checkpoints);
    former = runtime.store("fields").put_proxy(job::rank()).value().handle();
    (void)runtime.checkpoint("fields", path).value();
  }
  Runtime runtime(MPI_COMM_WORLD, of_checkpoints);
  (void)runtime.restore("fields", path, {.keep_handles = false}).value();
  EXPECT_EQ(runtime.proxy<int>(former).try_get().error().code(), Errc::invalid_argument);
  (void)runtime.restore("again", path).value();
  EXPECT_EQ(*runtime.proxy<int>(former).get().value(), job::rank());
}

TEST(Checkpoint, IsWrittenByOneJobAtATime) {
  const job::SharedFolder folder;
  const std::string path = folder / "locked.h5";
  Runtime runtime(MPI_COMM_WORLD, of_checkpoints);
  (void)runtime.store("fields").put(job::rank()).value();
  int other = -1;
  if (job::rank() == 0) {
    other = ::open((path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    EXPECT_EQ(::flock(other, LOCK_EX), 0);
  }
  const auto refused = runtime.checkpoint("fields", path);
  ASSERT_FALSE(refused);
  EXPECT_NE(std::string(refused.error().what()).find("is being written now"), std::string::npos);
  if (job::rank() == 0) {
    ::close(other);
  }
  EXPECT_TRUE(runtime.checkpoint("fields", path));
}

TEST(Checkpoint, IsRefusedWhereItCannotBeWritten) {
  const job::SharedFolder folder;
  Runtime runtime(MPI_COMM_WORLD, of_checkpoints);
  EXPECT_EQ(runtime.checkpoint("nobody's", folder / "x.h5").error().code(), Errc::not_found);
  (void)runtime.store("fields").put(job::rank()).value();
  const auto refused = runtime.checkpoint("fields", folder / "no such folder/x.h5");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::system);
  EXPECT_NE(std::string(refused.error().what()).find("no such folder"), std::string::npos)
      << refused.error().what();
  EXPECT_TRUE(runtime.checkpoint("fields", folder / "x.h5")) << "nothing is left of the failures";
}

TEST(Checkpoint, IsNotRestoredOverNamesThatAreLive) {
  const job::SharedFolder folder;
  const std::string path = folder / "live.h5";
  Runtime runtime(MPI_COMM_WORLD, of_checkpoints);
  const Store store = runtime.store("fields");
  (void)store.put(of_rank(job::rank(), "field"), field_of(job::rank())).value();
  (void)runtime.checkpoint("fields", path).value();
  const Store other = runtime.store("other");
  if (job::rank() == 0) {
    (void)other.put(of_rank(0, "field"), 7).value();
  }
  job::barrier();
  EXPECT_EQ(runtime.restore("other", path).error().code(), Errc::key_exists);
  EXPECT_EQ(*other.get<int>(of_rank(0, "field")).value(), 7);
  EXPECT_EQ(other.keys().value().size(), 1U) << "what was restored before the error is taken back";
}

}  // namespace
}  // namespace locum
