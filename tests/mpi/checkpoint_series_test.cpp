// Checkpoints of a series: which of them stay, what is never removed, and which is the latest.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <mpi.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "mpi/runtime.hpp"
#include "tests/mpi/job.hpp"
#include "tests/mpi/shared_folder.hpp"
#include "tests/mpi/small_files.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

constexpr RuntimeOptions of_series{.memory_bytes = 64_MiB, .timeout = 20s, .collective_timeout = 60s};

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
  Runtime runtime_{MPI_COMM_WORLD, of_series};
  const Store store_ = runtime_.store("fields");
  int restores_ = 0;
};

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

/// Objects that stay, and objects that are replaced in each step; each rank has one of each.
class IncrementalCheckpoints : public CheckpointSeries {
 protected:
  static constexpr std::size_t fixed_count = 64 * 1024;   // doubles: 512 KiB
  static constexpr std::size_t moving_count = 16 * 1024;  // 128 KiB
  static constexpr std::uint64_t fixed_bytes = fixed_count * sizeof(double);

  void SetUp() override {
    (void)store_.put(of_rank("fixed"), std::vector<double>(fixed_count, job::rank())).value();
  }
  [[nodiscard]] static std::string of_rank(const char* stem, int rank = job::rank()) {
    return std::string(stem) + '/' + std::to_string(rank);
  }
  static std::uint64_t ranks() { return static_cast<std::uint64_t>(job::size()); }
  void change(int step, std::size_t count = moving_count) {
    (void)store_.replace(of_rank("moving"), std::vector<double>(count, step)).value();
    (void)store_.replace(of_rank("step"), step).value();
  }
  CheckpointReport write(int step, std::uint32_t keep = 0) {
    return runtime_.checkpoint("fields", path_of(step), {.keep = keep, .incremental = true}).value();
  }
  void expect_step(const std::string& store, int step) {
    const Store again = runtime_.store(store);
    for (int rank = 0; rank < job::size(); ++rank) {
      const auto fixed = again.get<double[]>(of_rank("fixed", rank)).value();
      ASSERT_EQ(fixed.size(), fixed_count);
      EXPECT_EQ(std::ranges::count(*fixed, static_cast<double>(rank)),
                static_cast<std::ptrdiff_t>(fixed_count));
      const auto moving = again.get<double[]>(of_rank("moving", rank)).value();
      EXPECT_EQ(std::ranges::count(*moving, static_cast<double>(step)),
                static_cast<std::ptrdiff_t>(moving.size()));
    }
  }
  /// Of the files in the folder of parts that no other checkpoint has.
  [[nodiscard]] std::uint64_t own_bytes(int step) const {
    std::uint64_t bytes = 0;
    for (const auto& each : std::filesystem::directory_iterator(path_of(step) + ".parts")) {
      bytes += each.hard_link_count() == 1 ? each.file_size() : 0;
    }
    return bytes;
  }
  /// A file in the folder that an earlier checkpoint has written, and the object of a rank of its node.
  [[nodiscard]] std::string shared_file(int step) const {
    std::string oldest;
    for (const auto& each : std::filesystem::directory_iterator(path_of(step) + ".parts")) {
      if (each.hard_link_count() > 1 && (oldest.empty() || each.path().string() < oldest)) {
        oldest = each.path().string();
      }
    }
    return oldest;
  }
};

TEST_F(IncrementalCheckpoints, WriteWhatIsNewAndShareTheRest) {
  change(1);
  EXPECT_EQ(write(1).reused_bytes, 0U);
  change(2);
  CheckpointReport report = write(2);
  EXPECT_EQ(report.reused_bytes, ranks() * fixed_bytes);
  EXPECT_EQ(report.bytes, ranks() * (fixed_bytes + moving_count * sizeof(double) + sizeof(int)));
  EXPECT_EQ(report.files, static_cast<std::uint64_t>(runtime_.nodes()));
  change(3, 2 * moving_count);
  EXPECT_EQ(write(3).reused_bytes, ranks() * fixed_bytes);
  job::barrier();
  EXPECT_EQ(own_bytes(3) - own_bytes(2), ranks() * moving_count * sizeof(double))
      << "nothing else is written";
  EXPECT_LT(own_bytes(2), ranks() * (moving_count * sizeof(double) + 64 * 1024));
  job::barrier();
  on_first_rank([&] {  // the others may go in any order
    std::filesystem::remove(path_of(1));
    std::filesystem::remove_all(path_of(1) + ".parts");
    std::filesystem::remove_all(path_of(2) + ".parts");
    // The named file leads to the bytes, wherever they are.
    const hid_t file = H5Fopen(path_of(3).c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    for (int rank = 0; rank < job::size(); ++rank) {
      const hid_t data = H5Dopen2(file, of_rank("fixed", rank).c_str(), H5P_DEFAULT);
      std::vector<double> values(fixed_count, -1.0);
      EXPECT_GE(H5Dread(data, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
      EXPECT_EQ(std::ranges::count(values, rank), static_cast<std::ptrdiff_t>(fixed_count));
      H5Dclose(data);
    }
    H5Fclose(file);
  });
  EXPECT_EQ(runtime_.restore("again", path_of(3)).value().bytes,
            ranks() * (fixed_bytes + 2 * moving_count * sizeof(double) + sizeof(int)));
  expect_step("again", 3);
}

TEST_F(IncrementalCheckpoints, RollAndAreContinuedByTheNextJob) {
  for (const int step : {1, 2, 3, 4, 5}) {
    change(step);
    const auto written =
        runtime_.checkpoint_async("fields", path_of(step), {.keep = 2, .incremental = true}).get(60s).value();
    EXPECT_EQ(written.reused_bytes, step > 1 ? ranks() * fixed_bytes : 0);
  }
  expect_names(with_parts({4, 5}));
  CheckpointReport latest;
  EXPECT_EQ(restored(latest), 5);
  expect_step("again1", 5);
  // Restored objects are new ones: the first checkpoint is whole.
  EXPECT_EQ(runtime_.checkpoint("again1", path_of(6), {.incremental = true}).value().reused_bytes, 0U);
  EXPECT_GE(runtime_.checkpoint("again1", path_of(7), {.incremental = true}).value().reused_bytes,
            ranks() * fixed_bytes);
  (void)store_.replace(of_rank("fixed"), std::vector<double>(fixed_count, job::rank())).value();
  EXPECT_EQ(write(8, 1).reused_bytes, ranks() * moving_count * sizeof(double));
  expect_names(with_parts({6, 7, 8}));
}

// Objects that are not written again are not pinned meanwhile: the file has them as they were.
TEST_F(IncrementalCheckpoints, HaveWhatWasThereWhenTheyWereBegun) {
  change(1);
  (void)write(1);
  const auto begun = runtime_.checkpoint_async("fields", path_of(2), {.incremental = true});
  (void)store_.replace(of_rank("fixed"), 1.0).value();
  EXPECT_EQ(begun.get(60s).value().reused_bytes, ranks() * (fixed_bytes + moving_count * sizeof(double)));
  (void)runtime_.restore("again", path_of(2)).value();
  expect_step("again", 1);
}

TEST_F(IncrementalCheckpoints, ReplaceTheOneOfTheirPath) {
  for (const int step : {1, 2, 3}) {
    change(step);
    (void)write(9);
  }
  change(4);
  on_first_rank([] {});
  {
    const job::SmallFiles limit(100'000);
    EXPECT_FALSE(runtime_.checkpoint("fields", path_of(9), {.incremental = true}));
  }
  job::barrier();
  std::size_t files = 0;
  for (const auto& each : std::filesystem::directory_iterator(path_of(9) + ".parts")) {
    files += each.is_regular_file() ? 1 : 0;
  }
  EXPECT_EQ(files, static_cast<std::size_t>(2 * runtime_.nodes())) << "of the first, and of the third";
  job::barrier();
  EXPECT_EQ(runtime_.restore("again", path_of(9)).value().objects, 3 * ranks());
  expect_step("again", 3);
}

TEST_F(IncrementalCheckpoints, NameTheSharedFileThatIsMissing) {
  change(1);
  (void)write(1);
  change(2);
  (void)write(2);
  job::barrier();
  const std::string shared = shared_file(2);
  job::barrier();
  const auto damage = [&](const char* how, Errc code, auto change_file) {
    on_first_rank([&] { change_file(shared); });
    const auto refused = runtime_.restore(std::string("whole ") + how, path_of(2));
    ASSERT_FALSE(refused) << how;
    EXPECT_EQ(refused.error().code(), code) << refused.error().what();
    EXPECT_TRUE(refused.error().key().starts_with("fixed/")) << refused.error().what();
    EXPECT_NE(std::string(refused.error().what()).find(shared), std::string::npos) << refused.error().what();
    const std::string rest = std::string("rest ") + how;
    const CheckpointReport report = runtime_.restore(rest, path_of(2), {.skip_damaged = true}).value();
    EXPECT_EQ(report.objects + report.damaged_objects, 3 * ranks()) << how;
    EXPECT_GE(report.damaged_objects, 1U) << how;
    EXPECT_FALSE(report.damaged.empty());
    EXPECT_EQ(*runtime_.store(rest).get<int>("step/0").value(), 2) << "what is in other files is restored";
    if (std::string_view(how) != "changed") {  // which is found when the bytes are read
      const CheckpointReport lazily =
          runtime_.restore("lazy " + rest, path_of(2), {.skip_damaged = true, .lazy = true}).value();
      EXPECT_EQ(lazily.damaged_objects, report.damaged_objects) << how;
      EXPECT_EQ(lazily.objects, report.objects) << how;
    }
  };
  damage("changed", Errc::corrupt, [](const std::string& file) {
    std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(static_cast<std::streamoff>(fixed_bytes / 2));
    bytes.write("other bytes", 11);
  });
  damage("cut", Errc::corrupt, [](const std::string& file) {
    std::filesystem::resize_file(file, std::filesystem::file_size(file) - 1);
  });
  damage("removed", Errc::not_found, [](const std::string& file) { std::filesystem::remove(file); });
}

}  // namespace
}  // namespace locum
