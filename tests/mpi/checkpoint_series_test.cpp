// Checkpoints of a series: which of them stay, what is never removed, and which is the latest.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "tests/mpi/checkpoint_series.hpp"
#include "tests/mpi/small_files.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;
using tests::CheckpointSeries;

TEST_F(CheckpointSeries, KeepsTheNewest) {
  for (const int step : {1, 2, 3, 4, 5}) {
    EXPECT_EQ(write(step, 2).number, static_cast<std::uint64_t>(step));
  }
  expect_names(with_parts({4, 5}));
  // A run that was begun again at an earlier step: what it writes is newer than what there was.
  write(3, 2);
  expect_names(with_parts({3, 5}));
  CheckpointReport report;
  EXPECT_EQ(restored(report), 3);
  EXPECT_EQ(report.number, 3U);
  EXPECT_EQ(report.path, path_of(3));
  EXPECT_TRUE(report.passed_over.empty());
  write(3, 2);
  expect_names(with_parts({3, 5}), "one that is written again counts once");
  write(7, 1);
  expect_names(with_parts({7}));
  (void)runtime_.checkpoint("fields", path_of(8), {.keep = 1, .xdmf = true}).value();
  expect_names({"step8.h5", "step8.h5.parts", "step8.xdmf"});
  write(9, 1);
  expect_names(with_parts({9}), "the description goes with its checkpoint");
}

TEST_F(CheckpointSeries, RemovesNothingElse) {
  write(1, 0);  // to stay
  write(2, 3);
  (void)runtime_.store("others").put(job::rank()).value();
  (void)runtime_.checkpoint("others", path_of(3), {.keep = 1}).value();  // of another store
  on_first_rank([&] {
    std::ofstream(path_of(4)) << "not of HDF5";
    H5Fclose(H5Fcreate(path_of(5).c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
    std::ofstream(folder_ / "steps6.h5") << "of another name";
    std::ofstream(folder_ / "step2.h5.parts/notes.txt") << "of the user";
  });
  write(8, 1);
  std::vector<std::string> expected = with_parts({1, 3, 8});
  for (const char* name : {"step2.h5.parts", "step4.h5", "step5.h5", "steps6.h5"}) {
    expected.emplace_back(name);
  }
  std::ranges::sort(expected);
  expect_names(expected);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "step2.h5.parts/notes.txt"));
  job::barrier();
  // Those two are no checkpoints; the newest one is restored.
  CheckpointReport report;
  EXPECT_EQ(restored(report), 8);
}

TEST_F(CheckpointSeries, LeavesWhatSomebodyWrites) {
  write(1, 1);
  int other = -1;
  on_first_rank([&] {
    other = ::open((path_of(1) + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    EXPECT_EQ(::flock(other, LOCK_EX), 0);
    std::filesystem::create_directory(path_of(9) + ".parts");
    std::ofstream(path_of(9) + ".parts/0123456789abcdef.0.h5.tmp") << "left by a job that died";
  });
  write(2, 1);
  job::barrier();
  EXPECT_TRUE(std::filesystem::exists(path_of(1)));
  EXPECT_FALSE(std::filesystem::exists(path_of(9) + ".parts"));
  job::barrier();
  on_first_rank([&] {
    std::filesystem::remove(path_of(1) + ".lock");
    ::close(other);
  });
  write(3, 1);
  expect_names(with_parts({3}));
}

TEST_F(CheckpointSeries, NeedsANumber) {
  (void)store_.put(job::rank()).value();
  const auto refused = runtime_.checkpoint("fields", folder_ / "latest.h5", {.keep = 2});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::invalid_argument);
  expect_names({});
  EXPECT_EQ(runtime_.restore_latest("again", folder_ / "step1.h5").error().code(), Errc::invalid_argument);
  EXPECT_EQ(runtime_.restore_latest("again", folder_ / "step*.h5").error().code(), Errc::not_found);
}

TEST_F(CheckpointSeries, PassesOverWhatIsDamaged) {
  for (const int step : {1, 2, 3, 4}) {
    write(step, 4);
  }
  on_first_rank([&] {
    std::ofstream(path_of(4), std::ios::trunc) << "damaged";
    std::filesystem::remove_all(path_of(3) + ".parts");
  });
  CheckpointReport report;
  EXPECT_EQ(restored(report), 2);
  EXPECT_EQ(report.path, path_of(2));
  ASSERT_EQ(report.passed_over.size(), 2U) << "what cannot be read at all comes first";
  EXPECT_NE(report.passed_over[0].find("step4.h5"), std::string::npos) << report.passed_over[0];
  EXPECT_NE(report.passed_over[1].find("step3.h5"), std::string::npos) << report.passed_over[1];
  on_first_rank([&] {
    for (const int step : {1, 2}) {
      std::filesystem::remove_all(path_of(step) + ".parts");
    }
  });
  const auto none = runtime_.restore_latest("none", folder_ / "step*.h5");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), Errc::corrupt);
  EXPECT_NE(std::string(none.error().what()).find("step3.h5"), std::string::npos) << none.error().what();
}

// HDF5 itself refuses a file whose first bytes, which have a checksum of their own, are damaged.
TEST_F(CheckpointSeries, PassesOverWhatHdf5CannotRead) {
  write(1, 4);
  write(2, 4);
  on_first_rank([&] {
    for (const auto& part : std::filesystem::directory_iterator(path_of(2) + ".parts")) {
      std::fstream file(part.path(), std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(20);
      file.put('\x5a');
    }
  });
  CheckpointReport report;
  EXPECT_EQ(restored(report), 1);
  EXPECT_EQ(report.passed_over.size(), 1U);
}

// Its parts are where they were: a checkpoint whose named file was renamed is no left-over.
TEST_F(CheckpointSeries, LeavesTheFilesOfOneThatWasRenamed) {
  write(1, 1);
  on_first_rank([&] { std::filesystem::rename(path_of(1), folder_ / "best.h5"); });
  write(2, 1);
  write(3, 1);
  const auto best = runtime_.restore("best", folder_ / "best.h5");
  ASSERT_TRUE(best) << best.error().what();
  EXPECT_GT(best->objects, 0U);
}

TEST_F(CheckpointSeries, TellsTheNumberInPlaceOfTheStar) {
  (void)store_.replace("step/" + std::to_string(job::rank()), 42).value();
  (void)runtime_.checkpoint("fields", folder_ / "step0042_v2.h5").value();
  const auto latest = runtime_.restore_latest("again", folder_ / "step*_v2.h5");
  ASSERT_TRUE(latest) << latest.error().what();
  EXPECT_EQ(latest->number, 42U);
}

/// Jobs that write one series, one after the other, on computers whose clocks differ.
class CheckpointClocks : public testing::Test {
 protected:
  [[nodiscard]] std::string path_of(int step) const {
    return folder_ / ("step" + std::to_string(step) + ".h5");
  }
  [[nodiscard]] Runtime next_job() const { return Runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB}); }
  void write(int step, std::uint32_t keep) {
    Runtime runtime = next_job();
    (void)runtime.store("fields").put("step/" + std::to_string(job::rank()), step).value();
    (void)runtime.checkpoint("fields", path_of(step), {.keep = keep}).value();
  }
  [[nodiscard]] std::uint64_t latest() {
    Runtime runtime = next_job();
    return runtime.restore_latest("fields", folder_ / "step*.h5").value().number;
  }
  /// As if the clock had been ahead of ours by so much; none: as the first version of the library did it.
  void set_clock(int step, std::optional<std::chrono::nanoseconds> ahead) const {
    if (job::rank() == 0) {
      const hid_t file = H5Fopen(path_of(step).c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
      const hid_t group = H5Gopen2(file, "/.locum", H5P_DEFAULT);
      EXPECT_GE(H5Adelete(group, "time_ns"), 0);
      if (ahead) {
        const auto time = std::chrono::system_clock::now().time_since_epoch() + *ahead;
        const auto time_ns =
            static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(time).count());
        const hid_t scalar = H5Screate(H5S_SCALAR);
        const hid_t attribute = H5Acreate2(group, "time_ns", H5T_STD_U64LE, scalar, H5P_DEFAULT, H5P_DEFAULT);
        EXPECT_GE(H5Awrite(attribute, H5T_NATIVE_UINT64, &time_ns), 0);
        H5Aclose(attribute);
        H5Sclose(scalar);
      }
      H5Gclose(group);
      H5Fclose(file);
    }
    job::barrier();
  }
  [[nodiscard]] bool exists(int step) const {
    const bool is_there = std::filesystem::exists(path_of(step));
    job::barrier();
    return is_there;
  }

  const job::SharedFolder folder_;
};

TEST_F(CheckpointClocks, DoNotSayWhichIsTheNewest) {
  write(5, 0);
  set_clock(5, 1h);
  write(1, 0);
  EXPECT_EQ(latest(), 1U) << "written last, by a clock that is an hour behind";
  write(4, 0);
  EXPECT_EQ(latest(), 4U);
  set_clock(4, std::nullopt);
  EXPECT_EQ(latest(), 1U) << "of that one nobody knows when it was written";
  write(2, 0);
  EXPECT_EQ(latest(), 2U);
}

TEST_F(CheckpointClocks, DoNotSayWhichIsRemoved) {
  write(1, 2);
  set_clock(1, 1h);
  write(2, 2);
  EXPECT_EQ(latest(), 2U);
  EXPECT_TRUE(exists(1));
  write(3, 2);
  EXPECT_EQ(latest(), 3U);
  EXPECT_FALSE(exists(1));
  EXPECT_TRUE(exists(2));
}

// A link among the checkpoints is none of them: what it leads to stays.
TEST_F(CheckpointSeries, LeavesLinks) {
  write(1, 2);
  on_first_rank([&] {
    std::filesystem::create_directory(folder_ / "kept");
    for (const char* name : {"step1.h5", "step1.h5.parts"}) {
      std::filesystem::rename(folder_ / name, folder_ / ("kept/" + std::string(name)));
    }
    std::filesystem::create_symlink("kept/step1.h5", path_of(1));
  });
  for (const int step : {2, 3, 4}) {
    write(step, 2);
  }
  EXPECT_FALSE(std::filesystem::exists(path_of(2)));
  EXPECT_TRUE(runtime_.restore("linked", path_of(1)));
  job::barrier();
}

}  // namespace
}  // namespace locum
