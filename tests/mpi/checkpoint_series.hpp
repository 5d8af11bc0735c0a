#pragma once

#include <gtest/gtest.h>
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "mpi/runtime/runtime.hpp"
#include "tests/mpi/job.hpp"
#include "tests/mpi/shared_folder.hpp"

namespace locum::tests {

/// A store, and a folder with checkpoints of it: step1.h5, step2.h5 … All ranks call all functions.
class CheckpointSeries : public testing::Test {
 protected:
  [[nodiscard]] std::string path_of(int step) const {
    return folder_ / ("step" + std::to_string(step) + ".h5");
  }
  CheckpointReport write(int step, std::uint32_t keep) {
    (void)store_.replace("step/" + std::to_string(job::rank()), step).value();
    return runtime_.checkpoint("fields", path_of(step), {.keep = keep}).value();
  }
  /// The names in the folder are those; nobody writes while this looks.
  void expect_names(const std::vector<std::string>& expected, const char* why = "") const {
    job::barrier();
    on_first_rank([&] { EXPECT_EQ(names(), expected) << why; });
  }
  /// Sorted.
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& each : std::filesystem::directory_iterator(folder_.path())) {
      names.push_back(each.path().filename().string());
    }
    std::ranges::sort(names);
    return names;
  }
  [[nodiscard]] static std::vector<std::string> with_parts(const std::vector<int>& steps) {
    std::vector<std::string> names;
    for (const int step : steps) {
      names.push_back("step" + std::to_string(step) + ".h5");
      names.push_back(names.back() + ".parts");
    }
    std::ranges::sort(names);
    return names;
  }
  template <class Change>
  static void on_first_rank(Change change) {
    if (job::rank() == 0) {
      change();
    }
    job::barrier();
  }
  /// The step that the latest one restores, in a new store.
  [[nodiscard]] int restored(CheckpointReport& report) {
    const std::string name = "again" + std::to_string(++restores_);
    report = runtime_.restore_latest(name, folder_ / "step*.h5").value();
    return *runtime_.store(name).get<int>("step/0").value();
  }

  job::SharedFolder folder_;
  Runtime runtime_{MPI_COMM_WORLD,
                   {.memory_bytes = 64_MiB,
                    .timeout = std::chrono::seconds(20),
                    .collective_timeout = std::chrono::seconds(60)}};
  const Store store_ = runtime_.store("fields");
  int restores_ = 0;
};

}  // namespace locum::tests
