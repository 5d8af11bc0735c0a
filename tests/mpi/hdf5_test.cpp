// Stand-ins for parts of HDF5 files: read once, by whoever uses them first, on whatever node.
#include <gtest/gtest.h>
#include <hdf5.h>
#include <mpi.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "core/async_result.hpp"
#include "mpi/runtime/runtime.hpp"
#include "tests/mpi/job.hpp"
#include "tests/mpi/shared_folder.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

constexpr RuntimeOptions beside_files{.memory_bytes = 64_MiB, .timeout = 20s, .collective_timeout = 60s};
constexpr std::uint64_t rows = 300;
constexpr std::uint64_t columns = 400;

double value_at(std::uint64_t row, std::uint64_t column) {
  return static_cast<double>(row * columns + column);
}

/// A file with the datasets `plain` and `chunks`, of rows * columns numbers 0, 1, 2 …; made by rank 0.
class File {
 public:
  File() : path_(folder_ / "input.h5") {
    if (job::rank() == 0) {
      const hid_t file = H5Fcreate(path_.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT);
      const std::array<hsize_t, 2> extents{rows, columns};
      const hid_t space = H5Screate_simple(2, extents.data(), nullptr);
      std::vector<double> numbers(rows * columns);
      std::iota(numbers.begin(), numbers.end(), 0.0);
      const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
      for (const char* name : {"plain", "chunks"}) {
        const hid_t dataset =
            H5Dcreate2(file, name, H5T_IEEE_F64LE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
        EXPECT_GE(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers.data()), 0);
        H5Dclose(dataset);
        const std::array<hsize_t, 2> chunk{64, 128};
        H5Pset_chunk(creation, 2, chunk.data());
        H5Pset_deflate(creation, 3);
      }
      H5Pclose(creation);
      H5Sclose(space);
      H5Fclose(file);
    }
    job::barrier();
  }

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  job::SharedFolder folder_;
  std::string path_;
};

constexpr Hyperslab box{.start = {100, 30}, .count = {50, 40}, .stride = {2, 3}};

void expect_box(const View<double[]>& view) {
  ASSERT_EQ(view.extents(), Extents(50, 40));
  const auto array = view.array();
  for (std::uint64_t row = 0; row < 50; ++row) {
    for (std::uint64_t column = 0; column < 40; ++column) {
      ASSERT_EQ(array(row, column), value_at(100 + 2 * row, 30 + 3 * column));
    }
  }
}

/// How many bytes all ranks together have put.
std::uint64_t bytes_put(const Runtime& runtime) {
  const auto mine = runtime.metrics().writes[static_cast<std::size_t>(Path::shm_copy)].bytes.load();
  std::uint64_t all = 0;
  for (const std::uint64_t each : job::everybodys(std::uint64_t{mine})) {
    all += each;
  }
  return all;
}

TEST(Hdf5Proxy, IsReadOnceForAllRanks) {
  const File file;
  Runtime runtime(MPI_COMM_WORLD, beside_files);
  for (const char* dataset : {"plain", "chunks"}) {
    const std::uint64_t before = bytes_put(runtime);
    const auto part = runtime.proxy_from_hdf5<double>(file.path(), dataset, {.slab = box}).value();
    EXPECT_EQ(part.size_bytes(), 50U * 40U * sizeof(double));
    const auto view = part.get().value();
    expect_box(view);
    const Key key = job::from(0, view.key());
    EXPECT_EQ(view.key(), key) << "one object";
    job::barrier();
    EXPECT_EQ(bytes_put(runtime) - before, 50U * 40U * sizeof(double)) << dataset;
  }
}

TEST(Hdf5Proxy, GivesAllOfADataset) {
  const File file;
  Runtime runtime(MPI_COMM_WORLD, beside_files);
  const auto whole = runtime.proxy_from_hdf5<double>(file.path(), "/plain").value();
  const auto& span = *whole;
  ASSERT_EQ(span.size(), rows * columns);
  EXPECT_EQ(span.back(), value_at(rows - 1, columns - 1));
}

TEST(Hdf5Proxy, IsReadByWhoeverUsesItsHandleFirst) {
  const File file;
  Runtime runtime(MPI_COMM_WORLD, beside_files);
  Handle handle;
  if (job::rank() == 0) {
    handle = runtime.proxy_from_hdf5<double>(file.path(), "plain", {.slab = box}).value().handle();
  }
  handle = job::from(0, handle);
  const auto part = runtime.proxy<double[]>(handle);
  if (job::rank() == job::last()) {
    const auto view = part.get().value();
    expect_box(view);
    EXPECT_EQ(view.key().creator, static_cast<std::uint32_t>(job::rank())) << "in the memory of this node";
  }
  job::barrier();
  expect_box(part.get().value());
}

TEST(Hdf5Proxy, ComesAheadOfItsUse) {
  const File file;
  Runtime runtime(MPI_COMM_WORLD, beside_files);
  const auto part =
      runtime
          .proxy_from_hdf5<double>(
              file.path(), "plain",
              {.slab = {.start = {job::rank(), 0}, .count = {1, static_cast<int>(columns)}, .stride = {}}})
          .value();
  part.prefetch();
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (!part.ready() && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(1ms);
  }
  ASSERT_TRUE(part.ready());
  const auto view = part.try_get().value();
  EXPECT_EQ(view[1], value_at(static_cast<std::uint64_t>(job::rank()), 1));

  const auto future =
      runtime.proxy_from_hdf5<double>(file.path(), "chunks", {.slab = box}).value().get_async();
  expect_box(future.get(20s).value());
}

TEST(Hdf5Proxy, IsAnObjectOfItsStore) {
  const File file;
  Runtime runtime(MPI_COMM_WORLD, beside_files);
  const Store inputs = runtime.store("inputs");
  const Hdf5Options options{.slab = box, .store = "inputs"};
  const auto part = runtime.proxy_from_hdf5<double>(file.path(), "plain", options).value();
  EXPECT_FALSE(inputs.exists(part.key()).value()) << "before it is read";
  job::barrier();
  if (job::rank() == 0) {
    expect_box(part.get().value());
  }
  job::barrier();
  EXPECT_TRUE(inputs.exists(part.key()).value());
  expect_box(inputs.get<double[]>(part.key()).value());
  EXPECT_EQ(inputs.info(part.key()).value().extents, Extents(50, 40));
  EXPECT_TRUE(inputs.keys().value().empty()) << "it has no name";
  job::barrier();
  part.release();
  if (job::rank() == job::last()) {
    EXPECT_TRUE(inputs.evict(part.key()).value());
  }
  job::barrier();
  EXPECT_EQ(part.get().error().code(), Errc::not_found) << "evicted";
  job::barrier();
  const auto again = runtime.proxy_from_hdf5<double>(file.path(), "plain", options).value();
  expect_box(again.get().value());
  job::barrier();
  runtime.drop("inputs");
  again.release();
  EXPECT_FALSE(again.get());
}

TEST(Hdf5Proxy, MayHaveNoElements) {
  const File file;
  Runtime runtime(MPI_COMM_WORLD, beside_files);
  for (const char* dataset : {"plain", "chunks"}) {
    for (const Hyperslab& slab : {Hyperslab{.start = {rows, 0ULL}, .count = {0, 1}, .stride = {}},
                                  Hyperslab{.start = {1ULL, columns}, .count = {3, 0}, .stride = {}}}) {
      const auto part = runtime.proxy_from_hdf5<double>(file.path(), dataset, {.slab = slab});
      ASSERT_TRUE(part) << part.error();
      const auto view = part->get();
      ASSERT_TRUE(view) << view.error();
      EXPECT_EQ(view->extents(), slab.count);
    }
    const auto outside = runtime.proxy_from_hdf5<double>(
        file.path(), dataset, {.slab = {.start = {rows + 1, 0ULL}, .count = {0, 1}, .stride = {}}});
    ASSERT_FALSE(outside);
    EXPECT_EQ(outside.error().code(), Errc::invalid_argument);
  }
}

TEST(Hdf5Proxy, SaysWhatIsWrong) {
  const File file;
  Runtime runtime(MPI_COMM_WORLD, beside_files);
  const auto code = [](const auto& result) { return result ? Errc{} : result.error().code(); };
  EXPECT_EQ(code(runtime.proxy_from_hdf5<float>(file.path(), "plain")), Errc::type_mismatch);
  EXPECT_EQ(code(runtime.proxy_from_hdf5<double>(file.path(), "none")), Errc::not_found);
  EXPECT_EQ(code(runtime.proxy_from_hdf5<double>(file.path() + ".none", "plain")), Errc::not_found);
  EXPECT_EQ(code(runtime.proxy_from_hdf5<double>(
                file.path(), "plain", {.slab = {.start = {0, 0}, .count = {rows + 1, 1ULL}, .stride = {}}})),
            Errc::invalid_argument);
  const auto part = runtime.proxy_from_hdf5<double>(file.path(), "plain", {.slab = box}).value();
  const auto other = runtime.proxy<float[]>(part.handle());
  EXPECT_EQ(code(other.get()), Errc::type_mismatch);
  const auto stale = runtime
                         .proxy_from_hdf5<double>(file.path(), "plain",
                                                  {.slab = {.start = {0, 0}, .count = {1, 7}, .stride = {}}})
                         .value();
  job::barrier();
  if (job::rank() == 0) {
    std::filesystem::last_write_time(file.path(), std::filesystem::file_time_type::clock::now() + 1s);
  }
  job::barrier();
  EXPECT_EQ(code(stale.get()), Errc::stale);
  EXPECT_EQ(code(stale.get()), Errc::stale) << "for the next one, too";
  const auto anew = runtime
                        .proxy_from_hdf5<double>(file.path(), "plain",
                                                 {.slab = {.start = {0, 0}, .count = {1, 7}, .stride = {}}})
                        .value();
  EXPECT_EQ(code(anew.get()), Errc{});
  runtime.close();
  EXPECT_EQ(code(part.get()), Errc::closed);
}

TEST(Hdf5Proxy, OfMoreThanTheNodeHasIsOutOfMemory) {
  const job::SharedFolder folder;
  const std::string path = folder / "large.h5";
  if (job::rank() == 0) {
    const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT);
    const hsize_t extent = 64U << 20U;  // 512 MiB, of which nothing is written
    const hid_t space = H5Screate_simple(1, &extent, nullptr);
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY);
    H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER);
    H5Dclose(H5Dcreate2(file, "large", H5T_IEEE_F64LE, space, H5P_DEFAULT, creation, H5P_DEFAULT));
    H5Pclose(creation);
    H5Sclose(space);
    H5Fclose(file);
  }
  job::barrier();
  Runtime runtime(MPI_COMM_WORLD, beside_files);
  const auto part = runtime.proxy_from_hdf5<double>(path, "large").value();
  const auto refused = part.get();
  EXPECT_EQ(refused ? Errc{} : refused.error().code(), Errc::out_of_memory);
  const auto little =
      runtime.proxy_from_hdf5<double>(path, "large", {.slab = {.start = {7}, .count = {1000}, .stride = {}}});
  EXPECT_EQ(little.value().get().value().size(), 1000U);
}

TEST(Hdf5Proxy, IsReadByManyThreadsAndRanksAtATime) {
  const File file;
  Runtime runtime(MPI_COMM_WORLD, beside_files);
  const std::uint64_t before = bytes_put(runtime);
  std::vector<std::thread> threads;
  std::array<int, 4> wrong{};
  for (std::size_t thread = 0; thread < wrong.size(); ++thread) {
    threads.emplace_back([&, thread] {
      for (std::uint64_t row = 0; row < 20; ++row) {
        const auto part = runtime.proxy_from_hdf5<double>(
            file.path(), row % 2 == 0 ? "plain" : "chunks",
            {.slab = {.start = {row, 0ULL}, .count = {1ULL, columns}, .stride = {}}});
        const auto view = part.value().get();
        wrong[thread] += view && (*view)[5] == value_at(row, 5) ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(std::accumulate(wrong.begin(), wrong.end(), 0), 0);
  job::barrier();
  EXPECT_EQ(bytes_put(runtime) - before, 20 * columns * sizeof(double)) << "each part was read once";
}

}  // namespace
}  // namespace locum
