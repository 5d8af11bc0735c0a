// Files on a file system that has no locks: each call of flock() fails, in HDF5 too.
#include <gtest/gtest.h>
#include <hdf5.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/store.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/hdf5/dataset_part.hpp"
#include "transport/storage/hdf5/file_access.hpp"
#include "transport/storage/hdf5/master_file.hpp"
#include "transport/storage/hdf5/part_reader.hpp"
#include "transport/storage/hdf5/part_writer.hpp"
#include "transport/storage/hdf5/step_files.hpp"
#include "transport/storage/open.hpp"

namespace {

/// What flock() fails with; 0: it is that of the system.
std::atomic<int> flock_error{0};

}  // namespace

// In place of that of the C library, for all that this program has loaded.
extern "C" int flock(int file, int operation) {
  if (const int error = flock_error.load(); error != 0) {
    errno = error;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_flock, file, operation));
}

namespace locum::storage {
namespace {

namespace no_locks_test {

/// An array of numbers under a name.
class OneArray final : public PartObjects {
 public:
  [[nodiscard]] std::size_t size() const noexcept override { return 1; }
  [[nodiscard]] ObjectFacts facts(std::size_t /*at*/) const override {
    return {.key = {1, 0, 1},
            .size_bytes = bytes_.size(),
            .element_bytes = 8,
            .layout = Layout::array,
            .extents = {},
            .type_name = "i64[]",
            .name = "one"};
  }
  [[nodiscard]] std::span<const std::byte> bytes(std::size_t /*at*/) override { return bytes_; }
  void release(std::size_t /*at*/) noexcept override {}

 private:
  std::vector<std::byte> bytes_{packed_below};
};

}  // namespace no_locks_test

class WithoutLocks : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { flock_error = GetParam(); }
  void TearDown() override { flock_error = 0; }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_.path() + '/' + name; }

  tests::TemporaryFolder folder_;
};

TEST_P(WithoutLocks, CheckpointsAreWrittenAndRead) {
  MasterFile master;
  master.facts = {.id = 7, .parts = 1};
  master.origins.resize(1);
  master.parts_folder = parts_folder(path("step.h5"));
  std::filesystem::create_directory(master.parts_folder);
  PartWriter part(master.parts_folder + '/' + part_file(7, 0), master.facts,
                  std::make_unique<no_locks_test::OneArray>(), std::vector<HandleRow>());
  master.parts.push_back(part.row());
  MasterWriter writer(path("step.h5"), master);
  part.write();
  writer.publish();
  const MasterFile read = read_master(path("step.h5"));
  PartReader reader = open_part(read, 0);
  std::vector<std::byte> bytes(packed_below);
  reader.read(reader.rows()[0], bytes);
  // By its name, through the links.
  const FilePart found = find_part(path("step.h5"), "one", {}, "i64");
  EXPECT_EQ(found.extents, (std::vector<std::uint64_t>{packed_below / 8}));
}

TEST_P(WithoutLocks, StepsAreWrittenAndRead) {
  Hdf5StepFiles files;
  const auto index = files.create(path("run.h5"), 1);
  ASSERT_TRUE(index) << index.error().what();
  detail::StepRecord step;
  ASSERT_TRUE(files.write_part(path("run.h5"), 0, 0, step, {}));
  ASSERT_TRUE((*index)->show(0, step));
  ASSERT_TRUE((*index)->end(std::nullopt));
  const auto read = files.read(path("run.h5"), 0);
  ASSERT_TRUE(read) << read.error().what();
  EXPECT_TRUE(*read);
  EXPECT_EQ(files.count(path("run.h5")).value(), 1U);
  EXPECT_EQ(files.state(path("run.h5")).value(), detail::StepFiles::State::ended);
}

TEST_P(WithoutLocks, StoresInAFileSayHowToDoWithout) {
  const std::string url = "hdf5:" + path("results.h5");
  const auto refused = open(url);
  ASSERT_FALSE(refused);
  EXPECT_NE(std::string(refused.error().what()).find("?lock=0"), std::string::npos) << refused.error().what();
  {
    const auto store = open(url + "?lock=0");
    ASSERT_TRUE(store) << store.error().what();
    store->put("numbers", std::vector<double>(1000, 3.5)).value();
  }
  const auto read = open(url + "?read_only=1");
  ASSERT_TRUE(read) << read.error().what();
  EXPECT_EQ(read->get<double[]>("numbers").value()->back(), 3.5);
}

TEST_P(WithoutLocks, FilesOfOtherProgramsAreRead) {
  flock_error = 0;
  {
    const hid_t file = H5Fcreate(path("other.h5").c_str(), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT);
    const hsize_t extent = 5;
    const hid_t space = H5Screate_simple(1, &extent, nullptr);
    const hid_t dataset = H5Dcreate2(file, "x", H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    std::vector<double> values(extent);
    std::iota(values.begin(), values.end(), 0.0);
    EXPECT_GE(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
    H5Dclose(dataset);
    H5Sclose(space);
    H5Fclose(file);
  }
  flock_error = GetParam();
  std::vector<double> values(5);
  const FilePart part = find_part(path("other.h5"), "x", {}, "f64");
  ASSERT_TRUE(DatasetReader().read(part, std::as_writable_bytes(std::span(values)), {}));
  EXPECT_EQ(values.back(), 4.0);
}

INSTANTIATE_TEST_SUITE_P(Errors, WithoutLocks, testing::Values(ENOLCK, EOPNOTSUPP, 524, ENOSYS, EACCES));

// Where there are locks, they keep off who would read while another program writes.
TEST(WithLocks, AFileThatIsBeingWrittenIsNotRead) {
  const tests::TemporaryFolder folder;
  const std::string path = folder.path() + "/other.h5";
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT);
  ASSERT_GE(file, 0);
  EXPECT_EQ(lock_state(path, true), LockState::taken);
  H5Fclose(file);
  EXPECT_EQ(lock_state(path, true), LockState::free);
}

}  // namespace
}  // namespace locum::storage
