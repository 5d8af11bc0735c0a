// Boxes of datasets as other programs write them: what is found, how it is read, and what is refused.
#include "transport/storage/hdf5/dataset_part.hpp"

#include <gtest/gtest.h>
#include <hdf5.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <array>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "core/value/error.hpp"
#include "transport/storage/hdf5/dataset.hpp"

namespace locum::storage {
namespace {

constexpr std::uint64_t nz = 6;
constexpr std::uint64_t ny = 10;
constexpr std::uint64_t nx = 14;

class DatasetPart : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "locum_dataset_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path(const std::string& name = "input.h5") const { return folder_ + '/' + name; }

  /// Makes a dataset of nz * ny * nx numbers 0, 1, 2 …; `how` may change how it is created.
  template <class T, class How>
  void make(const std::string& name, hid_t stored, hid_t memory, How how) {
    const hid_t file = std::filesystem::exists(path())
                           ? H5Fopen(path().c_str(), H5F_ACC_RDWR, H5P_DEFAULT)
                           : H5Fcreate(path().c_str(), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT);
    const std::array<hsize_t, 3> extents{nz, ny, nx};
    const hid_t space = H5Screate_simple(3, extents.data(), nullptr);
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    how(creation);
    const hid_t dataset = H5Dcreate2(file, name.c_str(), stored, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    std::vector<T> numbers(nz * ny * nx);
    std::iota(numbers.begin(), numbers.end(), T{0});
    EXPECT_GE(H5Dwrite(dataset, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers.data()), 0);
    H5Dclose(dataset);
    H5Pclose(creation);
    H5Sclose(space);
    EXPECT_GE(H5Fclose(file), 0);
  }
  void make_plain(const std::string& name) {
    make<double>(name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, [](hid_t) {});
  }

  template <class T>
  [[nodiscard]] std::vector<T> read(const FilePart& part) {
    std::uint64_t elements = 1;
    for (const std::uint64_t count : part.count) {
      elements *= count;
    }
    std::vector<T> numbers(elements);
    const auto done = DatasetReader().read(part, std::as_writable_bytes(std::span(numbers)), {});
    EXPECT_TRUE(done) << done.error().what();
    return numbers;
  }
  /// Whole, a box, and one with strides.
  template <class T>
  void expect_boxes(const std::string& name, const std::string& element) {
    for (const Hyperslab& slab :
         {Hyperslab{}, Hyperslab{.start = {1, 2, 3}, .count = {4, 5, 6}, .stride = {}},
          Hyperslab{.start = {0, 1, 0}, .count = {3, 3, 7}, .stride = {2, 3, 2}},
          Hyperslab{.start = {5, 9, 13}, .count = {1, 1, 1}, .stride = {}},
          Hyperslab{.start = {0, 0, 3}, .count = {nz, ny, 1}, .stride = {}}}) {
      const FilePart part = find_part(path(), name, slab, element);
      const std::vector<T> found = read<T>(part);
      std::vector<T> wanted;
      for (std::uint64_t z = 0; z < part.count[0]; ++z) {
        for (std::uint64_t y = 0; y < part.count[1]; ++y) {
          for (std::uint64_t x = 0; x < part.count[2]; ++x) {
            wanted.push_back(static_cast<T>(
                ((part.start[0] + z * part.stride[0]) * ny + part.start[1] + y * part.stride[1]) * nx +
                part.start[2] + x * part.stride[2]));
          }
        }
      }
      EXPECT_EQ(found, wanted) << name;
    }
  }
  template <class Call>
  static void expect_error(Errc code, const std::string& text, Call call) {
    try {
      call();
      ADD_FAILURE() << "no error; should say: " << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
    }
  }

  std::string folder_;
};

TEST_F(DatasetPart, ReadsPlainNumbersByTheSystemsCalls) {
  make_plain("T");
  EXPECT_EQ(find_part(path(), "/T", {}, "f64").is_plain, 1);
  expect_boxes<double>("T", "f64");
}

TEST_F(DatasetPart, ReadsCompressedChunks) {
  make<int>("T", H5T_STD_I32LE, H5T_NATIVE_INT, [](hid_t creation) {
    const std::array<hsize_t, 3> chunk{4, 3, 5};
    H5Pset_chunk(creation, 3, chunk.data());
    H5Pset_shuffle(creation);
    H5Pset_deflate(creation, 6);
  });
  EXPECT_EQ(find_part(path(), "T", {}, "i32").is_plain, 0);
  expect_boxes<int>("T", "i32");
}

TEST_F(DatasetPart, TurnsTheBytesOfOtherMachines) {
  make<double>("f64", H5T_IEEE_F64BE, H5T_NATIVE_DOUBLE, [](hid_t) {});
  make<float>("f32", H5T_IEEE_F32BE, H5T_NATIVE_FLOAT, [](hid_t) {});
  make<std::int16_t>("i16", H5T_STD_I16BE, H5T_NATIVE_INT16, [](hid_t) {});
  make<std::uint64_t>("chunks", H5T_STD_U64BE, H5T_NATIVE_UINT64, [](hid_t creation) {
    const std::array<hsize_t, 3> chunk{2, 2, 14};
    H5Pset_chunk(creation, 3, chunk.data());
  });
  EXPECT_EQ(find_part(path(), "f64", {}, "f64").is_plain, 1);
  expect_boxes<double>("f64", "f64");
  expect_boxes<float>("f32", "f32");
  expect_boxes<std::int16_t>("i16", "i16");
  expect_boxes<std::uint64_t>("chunks", "u64");
}

TEST_F(DatasetPart, ReadsCompactOnesAndElementsInAnotherFile) {
  make<std::uint8_t>("compact", H5T_STD_U8LE, H5T_NATIVE_UINT8,
                     [](hid_t creation) { H5Pset_layout(creation, H5D_COMPACT); });
  make<double>("outside", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE,
               [&](hid_t creation) { H5Pset_external(creation, path("raw.bin").c_str(), 0, H5F_UNLIMITED); });
  EXPECT_EQ(find_part(path(), "outside", {}, "f64").is_plain, 0);
  expect_boxes<std::uint8_t>("compact", "u8");
  expect_boxes<double>("outside", "f64");
}

TEST_F(DatasetPart, FollowsALinkIntoAnotherFile) {
  make_plain("T");
  std::filesystem::rename(path(), path("other.h5"));
  const hid_t file = H5Fcreate(path().c_str(), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_external("other.h5", "/T", file, "there", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_external("gone.h5", "/T", file, "nowhere", H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(file);
  const FilePart part = find_part(path(), "there", {}, "f64");
  EXPECT_EQ(part.bytes_in, std::filesystem::canonical(path("other.h5")).string());
  EXPECT_EQ(part.is_plain, 1);
  expect_boxes<double>("there", "f64");
  expect_error(Errc::not_found, "has no dataset 'nowhere'",
               [&] { (void)find_part(path(), "nowhere", {}, "f64"); });
}

TEST_F(DatasetPart, ReadsWhatWasNeverWrittenAsItsFillValue) {
  const hid_t file = H5Fcreate(path().c_str(), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT);
  const hsize_t extent = 5;
  const double fill = 2.5;
  const hid_t space = H5Screate_simple(1, &extent, nullptr);
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_fill_value(creation, H5T_NATIVE_DOUBLE, &fill);
  H5Dclose(H5Dcreate2(file, "filled", H5T_IEEE_F64LE, space, H5P_DEFAULT, creation, H5P_DEFAULT));
  const hid_t scalar = H5Screate(H5S_SCALAR);
  const hid_t one = H5Dcreate2(file, "one", H5T_IEEE_F64LE, scalar, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  const double value = 7;
  H5Dwrite(one, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value);
  H5Dclose(one);
  const hsize_t none = 0;
  const hid_t empty = H5Screate_simple(1, &none, nullptr);
  H5Dclose(H5Dcreate2(file, "empty", H5T_IEEE_F64LE, empty, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Sclose(empty);
  const hid_t null = H5Screate(H5S_NULL);
  H5Dclose(H5Dcreate2(file, "null", H5T_IEEE_F64LE, null, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Sclose(null);
  const std::array<hsize_t, 2> extents{0, 4};
  const std::array<hsize_t, 2> most{H5S_UNLIMITED, 4};
  const hid_t growing = H5Screate_simple(2, extents.data(), most.data());
  const hid_t in_chunks = H5Pcreate(H5P_DATASET_CREATE);
  const std::array<hsize_t, 2> chunk{16, 4};
  H5Pset_chunk(in_chunks, 2, chunk.data());
  H5Dclose(H5Dcreate2(file, "growing", H5T_IEEE_F64LE, growing, H5P_DEFAULT, in_chunks, H5P_DEFAULT));
  H5Pclose(in_chunks);
  H5Sclose(growing);
  H5Sclose(scalar);
  H5Pclose(creation);
  H5Sclose(space);
  H5Fclose(file);
  EXPECT_EQ(read<double>(find_part(path(), "filled", {}, "f64")), std::vector<double>(5, 2.5));
  EXPECT_EQ(read<double>(find_part(path(), "one", {}, "f64")), std::vector<double>{7});
  EXPECT_EQ(read<double>(find_part(path(), "empty", {}, "f64")), std::vector<double>());
  EXPECT_EQ(read<double>(find_part(path(), "null", {}, "f64")), std::vector<double>());
  EXPECT_EQ(read<double>(find_part(path(), "growing", {}, "f64")), std::vector<double>());
  EXPECT_EQ(find_part(path(), "null", {}, "f64").extents, std::vector<std::uint64_t>{0});
  EXPECT_EQ(find_part(path(), "growing", {}, "f64").extents, (std::vector<std::uint64_t>{0, 4}));
}

TEST_F(DatasetPart, RefusesOtherTypesAndNamesBoth) {
  make<int>("i32", H5T_STD_I32BE, H5T_NATIVE_INT, [](hid_t) {});
  const hid_t pair = H5Tcreate(H5T_COMPOUND, 16);
  H5Tinsert(pair, "a", 0, H5T_NATIVE_DOUBLE);
  H5Tinsert(pair, "b", 8, H5T_NATIVE_DOUBLE);
  const hid_t file = H5Fopen(path().c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  const hsize_t extent = 3;
  const hid_t space = H5Screate_simple(1, &extent, nullptr);
  H5Dclose(H5Dcreate2(file, "pairs", pair, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Dclose(H5Dcreate2(file, "texts", H5T_C_S1, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Gclose(H5Gcreate2(file, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Sclose(space);
  H5Tclose(pair);
  H5Fclose(file);
  const auto find = [&](const char* dataset, const char* element, const Hyperslab& slab = {}) {
    return [=, this] { (void)find_part(path(), dataset, slab, element); };
  };
  expect_error(Errc::type_mismatch, "asked for f64, the dataset 'i32' of", find("i32", "f64"));
  expect_error(Errc::type_mismatch, "holds i32", find("i32", "u32"));
  expect_error(Errc::type_mismatch, "holds i32", find("i32", "i64"));
  expect_error(Errc::type_mismatch, "a compound type of 2 members", find("pairs", "f64"));
  expect_error(Errc::type_mismatch, "strings", find("texts", "u8"));
  expect_error(Errc::unsupported, "type bool", find("i32", "bool"));
  expect_error(Errc::not_found, "is no dataset", find("group", "f64"));
  expect_error(Errc::not_found, "is no dataset", find("/", "f64"));
  expect_error(Errc::not_found, "has no dataset", find("group/none", "f64"));
  expect_error(Errc::not_found, "has no dataset", find("no/such/group", "f64"));
  expect_error(Errc::not_found, "has no dataset", find("", "f64"));
  expect_error(Errc::invalid_argument, "1 x 1 x 5 elements from [0, 0, 10]",
               find("i32", "i32", {.start = {0, 0, 10}, .count = {1, 1, 5}, .stride = {}}));
  expect_error(Errc::invalid_argument, "3 dimensions",
               find("i32", "i32", {.start = {0}, .count = {1}, .stride = {}}));
  expect_error(
      Errc::invalid_argument, "no object has as many elements",
      find("i32", "i32", {.start = {~0ULL, 0ULL, 0ULL}, .count = {~0ULL, 1ULL, 1ULL}, .stride = {}}));
}

TEST_F(DatasetPart, RefusesWhatIsNoWholeFile) {
  expect_error(Errc::not_found, "there is no file",
               [&] { (void)find_part(path("gone.h5"), "T", {}, "f64"); });
  std::ofstream(path("text.h5")) << "no HDF5";
  expect_error(Errc::corrupt, "no HDF5 file", [&] { (void)find_part(path("text.h5"), "T", {}, "f64"); });
  expect_error(Errc::corrupt, "no HDF5 file", [&] { (void)find_part(folder_, "T", {}, "f64"); });
  make_plain("T");
  std::filesystem::resize_file(path(), std::filesystem::file_size(path()) - 1000);
  expect_error(Errc::system, "truncated", [&] { (void)find_part(path(), "T", {}, "f64"); });
}

TEST_F(DatasetPart, NoticesThatTheFileWasChanged) {
  make_plain("T");
  make<int>("chunks", H5T_STD_I32LE, H5T_NATIVE_INT, [](hid_t creation) {
    const std::array<hsize_t, 3> chunk{4, 3, 5};
    H5Pset_chunk(creation, 3, chunk.data());
  });
  const FilePart plain = find_part(path(), "T", {}, "f64");
  const FilePart chunks = find_part(path(), "chunks", {}, "i32");
  std::vector<double> numbers(nz * ny * nx);
  const auto into = std::as_writable_bytes(std::span(numbers));
  std::filesystem::resize_file(path(), std::filesystem::file_size(path()) - 1000);
  EXPECT_EQ(DatasetReader().read(plain, into, {}).error().code(), Errc::stale);
  EXPECT_EQ(DatasetReader().read(chunks, into.first(into.size() / 2), {}).error().code(), Errc::stale);
  std::filesystem::remove(path());
  EXPECT_EQ(DatasetReader().read(plain, into, {}).error().code(), Errc::not_found);
}

// HDF5 would write whole numbers, wherever the memory ends.
TEST_F(DatasetPart, RefusesARecordWithAnotherElementSize) {
  make<int>("chunks", H5T_STD_I32LE, H5T_NATIVE_INT, [](hid_t creation) {
    const std::array<hsize_t, 3> chunk{4, 3, 5};
    H5Pset_chunk(creation, 3, chunk.data());
  });
  FilePart part = find_part(path(), "chunks", {}, "i32");
  part.element_bytes = 1;
  std::vector<std::byte> bytes(nz * ny * nx * sizeof(int), std::byte{7});
  const auto done = DatasetReader().read(part, std::span(bytes).first(nz * ny * nx), {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::corrupt) << done.error().what();
  EXPECT_EQ(bytes, std::vector<std::byte>(bytes.size(), std::byte{7}));
}

TEST_F(DatasetPart, DoesNotWaitForTheWriterOfAPipe) {
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  expect_error(Errc::corrupt, "no HDF5 file", [&] { (void)find_part(path(), "T", {}, "f64"); });
}

TEST_F(DatasetPart, LetsOthersCallHdf5BetweenItsPieces) {
  constexpr hsize_t chunk = 1 << 19;  // of 4 MiB
  constexpr hsize_t count = 3 * chunk;
  const hid_t file = H5Fcreate(path().c_str(), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t space = H5Screate_simple(1, &count, nullptr);
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(creation, 1, &chunk);
  const hid_t dataset = H5Dcreate2(file, "T", H5T_IEEE_F64LE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  std::vector<double> numbers(count, 7);
  EXPECT_GE(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers.data()), 0);
  H5Dclose(dataset);
  H5Pclose(creation);
  H5Sclose(space);
  H5Fclose(file);
  const FilePart part = find_part(path(), "T", {}, "f64");
  std::vector<double> found(count);
  std::future<void> other;
  int had_turns = 0;
  const auto done =
      DatasetReader().read(part, std::as_writable_bytes(std::span(found)), [&]() -> std::optional<Error> {
        other = std::async(std::launch::async, [] { const MutexLock turn(hdf5_mutex()); });
        had_turns += other.wait_for(std::chrono::seconds(5)) == std::future_status::ready ? 1 : 0;
        return std::nullopt;
      });
  EXPECT_TRUE(done);
  EXPECT_EQ(found, numbers);
  EXPECT_EQ(had_turns, 3);
}

TEST_F(DatasetPart, StopsWhenItIsTold) {
  make_plain("T");
  const FilePart part = find_part(path(), "T", {}, "f64");
  std::vector<double> numbers(nz * ny * nx);
  const auto done = DatasetReader().read(part, std::as_writable_bytes(std::span(numbers)),
                                         [] { return std::optional(Error(Errc::closed, "now")); });
  EXPECT_EQ(done.error().code(), Errc::closed);
}

}  // namespace
}  // namespace locum::storage
