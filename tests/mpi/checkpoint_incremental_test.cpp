// Checkpoints that write only what the last one does not have: what they share, and what becomes of it.
#include <hdf5.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/mpi/checkpoint_series.hpp"
#include "tests/mpi/small_files.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;
using tests::CheckpointSeries;

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
