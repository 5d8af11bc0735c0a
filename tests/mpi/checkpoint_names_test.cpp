// Which arrays of a checkpoint programs find by their names that know only HDF5.
#include <gtest/gtest.h>
#include <hdf5.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "mpi/runtime/runtime.hpp"
#include "tests/mpi/job.hpp"
#include "tests/mpi/shared_folder.hpp"

namespace locum {
namespace {

/// A store with small objects on each rank, and a checkpoint of it.
class CheckpointNames : public testing::Test {
 protected:
  static constexpr std::size_t count = 200;  // doubles: 1600 bytes

  [[nodiscard]] static std::string of_rank(const char* stem, int rank = job::rank()) {
    return std::string(stem) + '/' + std::to_string(rank);
  }
  void write(const CheckpointOptions& options) {
    const Store store = runtime_.store("fields");
    (void)store.put(of_rank("T"), std::vector<double>(count, 1.5 + job::rank())).value();
    (void)store.put(of_rank("short"), std::vector<double>(10, 1)).value();
    (void)store.put(of_rank("text"), std::string(2000, 'x')).value();
    (void)runtime_.checkpoint("fields", path_, options).value();
  }
  /// On the first rank.
  [[nodiscard]] bool has_dataset(const std::string& name) const {
    const hid_t file = H5Fopen(path_.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t group = H5Gopen2(file, name.substr(0, name.find('/')).c_str(), H5P_DEFAULT);
    const bool has = group >= 0 && H5Oexists_by_name(file, name.c_str(), H5P_DEFAULT) > 0;
    if (group >= 0) {
      H5Gclose(group);
    }
    H5Fclose(file);
    return has;
  }

  const job::SharedFolder folder_;
  const std::string path_ = folder_ / "step.h5";
  Runtime runtime_{MPI_COMM_WORLD, {.memory_bytes = 64_MiB}};
};

TEST_F(CheckpointNames, AreThoseOfDatasetsFromAsManyBytesAsTheProgramWants) {
  H5E_auto2_t print = nullptr;
  void* data = nullptr;
  H5Eget_auto2(H5E_DEFAULT, &print, &data);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  write({.dataset_bytes = 1024});
  if (job::rank() == 0) {
    EXPECT_TRUE(has_dataset(of_rank("T", 0)));
    EXPECT_TRUE(has_dataset(of_rank("T", job::last())));
    EXPECT_FALSE(has_dataset(of_rank("short", 0))) << "too small";
    EXPECT_FALSE(has_dataset(of_rank("text", 0))) << "no numbers";
  }
  H5Eset_auto2(H5E_DEFAULT, print, data);
  for (const bool lazy : {false, true}) {
    const std::string name = lazy ? "lazy" : "again";
    (void)runtime_.restore(name, path_, {.lazy = lazy}).value();
    const auto array = runtime_.store(name).get<double[]>(of_rank("T", job::last())).value();
    EXPECT_EQ(array->size(), count);
    EXPECT_EQ(array->back(), 1.5 + job::last());
    EXPECT_EQ(runtime_.store(name).get<double[]>(of_rank("short", 0)).value()->size(), 10U);
  }
  job::barrier();
}

TEST_F(CheckpointNames, AreFoundByH5py) {
  write({.compress = 4, .dataset_bytes = 1024});
  if (job::rank() == 0) {
    std::string python;
    for (const char* one : {"python3", "/usr/bin/python3"}) {
      if (std::system((std::string(one) + " -c 'import h5py' 2> /dev/null").c_str()) == 0) {
        python = one;
      }
    }
    if (python.empty()) {
      std::puts("not tried: no Python here has h5py");
    } else {
      const std::string last = std::to_string(job::last());
      const std::string lines = "import h5py; a = h5py.File(\"" + path_ + "\")[\"T/" + last +
                                "\"][...]; assert a.shape == (200,) and a[-1] == 1.5 + " + last;
      EXPECT_EQ(std::system((python + " -c '" + lines + "'").c_str()), 0) << lines;
    }
  }
  job::barrier();
}

TEST_F(CheckpointNames, AreOnlyThoseOfLargeObjectsOtherwise) {
  write({});
  if (job::rank() == 0) {
    H5E_auto2_t print = nullptr;
    void* data = nullptr;
    H5Eget_auto2(H5E_DEFAULT, &print, &data);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    EXPECT_FALSE(has_dataset(of_rank("T", 0)));
    H5Eset_auto2(H5E_DEFAULT, print, data);
  }
  job::barrier();
}

}  // namespace
}  // namespace locum
