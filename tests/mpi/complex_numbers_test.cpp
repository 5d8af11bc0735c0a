// Complex numbers in checkpoints, HDF5 files and backends: as h5py has them, and as earlier versions named
// them.
#include <gtest/gtest.h>
#include <hdf5.h>

#include <array>
#include <complex>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/raw_store.hpp"
#include "mpi/runtime/runtime.hpp"
#include "tests/mpi/job.hpp"
#include "tests/mpi/shared_folder.hpp"
#include "transport/storage/open.hpp"

namespace locum {
namespace {

using Double = std::complex<double>;
using Float = std::complex<float>;

std::vector<Double> doubles() {
  return {{1, -1}, {2.5, 0}, {0, 4}};
}

/// A compound type of two numbers.
hid_t pair_of(hid_t number, std::size_t bytes, const char* first, const char* second) {
  const std::size_t each = H5Tget_size(number);
  const hid_t type = H5Tcreate(H5T_COMPOUND, bytes);
  H5Tinsert(type, first, bytes - 2 * each, number);
  H5Tinsert(type, second, bytes - each, number);
  return type;
}

class ComplexNumbers : public testing::Test {
 protected:
  /// Writes doubles() with that type in the file.
  static void write(hid_t file, const char* name, hid_t type, bool in_chunks) {
    const std::array<hsize_t, 1> extents{3};
    const hid_t space = H5Screate_simple(1, extents.data(), nullptr);
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    if (in_chunks) {
      H5Pset_chunk(creation, 1, extents.data());
      H5Pset_deflate(creation, 3);
    }
    const hid_t dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    const hid_t in_memory = pair_of(H5T_NATIVE_DOUBLE, 16, "r", "i");
    const std::vector<Double> values = doubles();
    EXPECT_GE(H5Dwrite(dataset, in_memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0) << name;
    H5Tclose(in_memory);
    H5Dclose(dataset);
    H5Pclose(creation);
    H5Sclose(space);
    H5Tclose(type);
  }

  const job::SharedFolder folder_;
  Runtime runtime_{MPI_COMM_WORLD, {.memory_bytes = 64_MiB}};
};

TEST_F(ComplexNumbers, AreReadFromFilesOfOtherPrograms) {
  const std::string path = folder_ / "input.h5";
  if (job::rank() == 0) {
    const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT);
    write(file, "plain", pair_of(H5T_IEEE_F64LE, 16, "r", "i"), false);
    write(file, "chunks", pair_of(H5T_IEEE_F64LE, 16, "r", "i"), true);
    write(file, "turned", pair_of(H5T_IEEE_F64BE, 16, "r", "i"), false);
    write(file, "other order", pair_of(H5T_IEEE_F64LE, 16, "i", "r"), false);
    write(file, "with a gap", pair_of(H5T_IEEE_F64LE, 24, "r", "i"), false);
    write(file, "floats", pair_of(H5T_IEEE_F32LE, 8, "r", "i"), false);
    write(file, "others", pair_of(H5T_IEEE_F64LE, 16, "r", "j"), false);
    H5Fclose(file);
  }
  job::barrier();
  for (const char* name : {"plain", "chunks", "turned", "other order", "with a gap"}) {
    const auto proxy = runtime_.proxy_from_hdf5<Double>(path, name);
    ASSERT_TRUE(proxy) << name << ": " << proxy.error().text();
    const auto view = proxy->get();
    ASSERT_TRUE(view) << name << ": " << view.error().text();
    EXPECT_EQ(std::vector<Double>(view->begin(), view->end()), doubles()) << name;
  }
  const auto floats = runtime_.proxy_from_hdf5<Float>(path, "floats").value().get().value();
  EXPECT_EQ(floats[1], Float(2.5F, 0));
  EXPECT_EQ(runtime_.proxy_from_hdf5<Double>(path, "floats").error().code(), Errc::type_mismatch);
  EXPECT_EQ(runtime_.proxy_from_hdf5<Double>(path, "others").error().code(), Errc::type_mismatch);
  job::barrier();
}

TEST_F(ComplexNumbers, AreWrittenAsH5pyReadsThem) {
  const std::string path = folder_ / "step.h5";
  const std::string name = "z/" + std::to_string(job::rank());
  const Store store = runtime_.store("fields");
  std::vector<Double> many(200, Double(1, 2));
  many.back() = Double(3, -4);
  (void)store.put(name, many).value();
  (void)store.put("small/" + name, Float(1, 2)).value();
  for (const int compress : {0, 4}) {
    const std::string file = path + std::to_string(compress);
    (void)runtime_.checkpoint("fields", file, {.compress = compress, .dataset_bytes = 1024}).value();
    const std::string again = "again" + std::to_string(compress);
    (void)runtime_.restore(again, file).value();
    const auto read = runtime_.store(again).get<std::vector<Double>>(name).value();
    EXPECT_EQ(*read, many);
    EXPECT_EQ(*runtime_.store(again).get<Float>("small/" + name).value(), Float(1, 2));
    if (job::rank() == 0) {
      const hid_t opened = H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
      const hid_t dataset = H5Dopen2(opened, "z/0", H5P_DEFAULT);
      const hid_t type = H5Dget_type(dataset);
      const hid_t expected = pair_of(H5T_IEEE_F64LE, 16, "r", "i");
      EXPECT_GT(H5Tequal(type, expected), 0);
      H5Tclose(expected);
      H5Tclose(type);
      H5Dclose(dataset);
      H5Fclose(opened);
      const std::string lines = "import h5py; a = h5py.File(\"" + file +
                                "\")[\"z/0\"][...]; assert a.dtype == complex and a[-1] == 3-4j, a";
      for (const char* python : {"python3", "/usr/bin/python3"}) {
        if (std::system((std::string(python) + " -c 'import h5py' 2> /dev/null").c_str()) == 0) {
          EXPECT_EQ(std::system((std::string(python) + " -c '" + lines + "'").c_str()), 0) << lines;
        } else {
          std::printf("not tried: %s has no h5py\n", python);
        }
      }
    }
    job::barrier();
  }
}

TEST_F(ComplexNumbers, OfEarlierVersionsAreReadFromCheckpointsAndBackends) {
  const ElementType earlier = ElementType::named("std::complex<double>{16}").value();
  const std::vector<Double> values = doubles();
  const Store store = runtime_.store("fields");
  const std::string name = "z/" + std::to_string(job::rank());
  (void)store.raw().put(name, {values.data(), earlier, {3}}).value();
  (void)store.raw().put("one " + name, {values.data(), earlier, Extents()}).value();
  const std::string path = folder_ / "step.h5";
  (void)runtime_.checkpoint("fields", path, {.dataset_bytes = 1}).value();
  for (const bool lazy : {false, true}) {
    const std::string again = lazy ? "lazy" : "again";
    (void)runtime_.restore(again, path, {.lazy = lazy}).value();
    const auto read = runtime_.store(again).get<std::vector<Double>>(name);
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(**read, values);
    EXPECT_EQ(*runtime_.store(again).get<Double>("one " + name).value(), values[0]);
  }
  for (const std::string& url : {"file:" + (folder_ / "records"), "hdf5:" + (folder_ / "records.h5")}) {
    if (job::rank() == 0) {
      const auto records = open(url);
      ASSERT_TRUE(records) << records.error().text();
      (void)records->raw().put("z", {values.data(), earlier, {3}}).value();
      (void)records->put("new", values).value();
      for (const char* stored : {"z", "new"}) {
        const auto read = records->get<Double[]>(stored);
        ASSERT_TRUE(read) << read.error().text();
        EXPECT_EQ(std::vector<Double>(read->begin(), read->end()), values) << url << ' ' << stored;
        EXPECT_EQ(records->info(stored).value().element, ElementType::of<Double>());
      }
    }
    job::barrier();
  }
}

}  // namespace
}  // namespace locum
