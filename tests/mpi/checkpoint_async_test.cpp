// Checkpoints in the background: what is written is what was there when the call was made; all ranks learn
// how it ended.
#include <gtest/gtest.h>
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "mpi/runtime/runtime.hpp"
#include "tests/mpi/job.hpp"
#include "tests/mpi/shared_folder.hpp"
#include "tests/mpi/small_files.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

constexpr RuntimeOptions of_async{.memory_bytes = 256_MiB, .timeout = 20s, .collective_timeout = 60s};
constexpr std::size_t values_of_one = 128 * 1024;  // doubles: 1 MiB
constexpr int objects_of_one = 3;

std::string object_name(int rank, int object) {
  return "T/" + std::to_string(rank) + "/" + std::to_string(object);
}

/// All objects of a round, this rank's, have the round's number.
void put_values(const Store& store, double round) {
  for (int object = 0; object < objects_of_one; ++object) {
    (void)store.replace(object_name(job::rank(), object), std::vector<double>(values_of_one, round)).value();
    (void)store.replace("small/" + object_name(job::rank(), object), round).value();
  }
}

void expect_values(const Store& store, double round) {
  for (int rank = 0; rank < job::size(); ++rank) {
    for (int object = 0; object < objects_of_one; ++object) {
      const auto values = store.get<double[]>(object_name(rank, object)).value();
      ASSERT_EQ(values.size(), values_of_one);
      EXPECT_EQ(values[0], round);
      EXPECT_EQ(values[values_of_one - 1], round);
      EXPECT_EQ(*store.get<double>("small/" + object_name(rank, object)).value(), round);
    }
  }
}

std::size_t files_in(const std::string& folder) {
  std::size_t files = 0;
  std::error_code none;
  for (const auto& each : std::filesystem::directory_iterator(folder, none)) {
    files += each.is_regular_file() ? 1 : 0;
  }
  return files;
}

class CheckpointAsync : public testing::Test {
 protected:
  job::SharedFolder folder_;
  const std::string path_ = folder_ / "step1.h5";
  std::unique_ptr<Runtime> runtime_ = std::make_unique<Runtime>(MPI_COMM_WORLD, of_async);
  Store store_ = runtime_->store("fields");
};

TEST_F(CheckpointAsync, WritesWhatWasThereWhenItWasCalled) {
  put_values(store_, 1);
  const auto begun = runtime_->checkpoint_async("fields", path_);
  put_values(store_, 2);
  for (int object = 0; object < objects_of_one; object += 2) {
    (void)store_.evict(object_name(job::rank(), object)).value();
  }
  const CheckpointReport report = begun.get(60s).value();
  EXPECT_EQ(report.objects, static_cast<std::uint64_t>(2 * objects_of_one * job::size()));
  EXPECT_EQ(report.files, static_cast<std::uint64_t>(runtime_->nodes()));
  EXPECT_EQ(report.path, path_);
  EXPECT_EQ(begun.get().value().bytes, report.bytes) << "may be read again";
  const CheckpointReport restored = runtime_->restore("again", path_).value();
  EXPECT_EQ(restored.objects, report.objects);
  EXPECT_EQ(restored.bytes, report.bytes);
  expect_values(runtime_->store("again"), 1);
}

TEST_F(CheckpointAsync, GoesOnWhereNobodyWaits) {
  put_values(store_, 1);
  (void)runtime_->checkpoint_async("fields", path_);
  auto unwanted = runtime_->checkpoint_async("fields", folder_ / "step2.h5");
  unwanted.cancel();
  EXPECT_TRUE(unwanted.get().error().code() == Errc::cancelled || unwanted.get());
  put_values(store_, 2);
  runtime_.reset();  // waits for both
  EXPECT_TRUE(std::filesystem::exists(path_));
  Runtime next(MPI_COMM_WORLD, of_async);
  for (const char* name : {"step1.h5", "step2.h5"}) {
    (void)next.restore(name, folder_ / name).value();
    expect_values(next.store(name), 1);
  }
}

TEST_F(CheckpointAsync, RunsBesideOthersOfOtherPaths) {
  std::vector<AsyncResult<CheckpointReport>> begun;
  for (const int step : {1, 2, 3}) {
    put_values(store_, step);
    begun.push_back(
        runtime_->checkpoint_async("fields", folder_ / ("step" + std::to_string(step) + ".h5"), {.keep = 2}));
  }
  (void)runtime_->checkpoint("fields", folder_ / "other.h5").value();
  for (const auto& each : begun) {
    EXPECT_TRUE(each.get(60s)) << each.get().error().what();
  }
  const CheckpointReport latest = runtime_->restore_latest("again", folder_ / "step*.h5").value();
  EXPECT_EQ(latest.number, 3U);
  expect_values(runtime_->store("again"), 3);
  (void)runtime_->restore("other", folder_ / "other.h5").value();
  expect_values(runtime_->store("other"), 3);
}

TEST_F(CheckpointAsync, WritesOnePathOneAfterTheOther) {
  for (int round = 1; round <= 3; ++round) {
    put_values(store_, round);
    const auto begun = runtime_->checkpoint_async("fields", path_);
    // Refused, unless it is complete by now.
    const auto second = runtime_->checkpoint("fields", path_);
    EXPECT_TRUE(second || second.error().code() == Errc::system);
    ASSERT_TRUE(begun.get(60s)) << begun.get().error().what();
  }
  // Who has the result may begin the next one.
  (void)runtime_->restore("again", path_).value();
  expect_values(runtime_->store("again"), 3);
  EXPECT_EQ(files_in(path_ + ".parts"), static_cast<std::size_t>(runtime_->nodes()));
  EXPECT_EQ(files_in(folder_.path()), 1U) << "no lock, and nothing in progress, is left";
}

TEST_F(CheckpointAsync, LeavesNothingInTheStoreThatGrows) {
  (void)store_.put(job::rank()).value();
  const auto counted = [&] { return runtime_->store("locum.checkpoints").keys().value().size(); };
  (void)runtime_->checkpoint_async("fields", path_).get(60s).value();
  std::size_t most = 0;
  for (int round = 0; round < 5; ++round) {
    (void)runtime_->checkpoint_async("fields", path_).get(60s).value();
    most = std::max(most, counted());
  }
  EXPECT_LE(most, static_cast<std::size_t>(2 * runtime_->nodes() + 2));
}

TEST_F(CheckpointAsync, TellsAllRanksWhatFailed) {
  put_values(store_, 1);
  EXPECT_EQ(runtime_->checkpoint_async("nobody's", path_).get().error().code(), Errc::not_found);
  const auto nowhere = runtime_->checkpoint_async("fields", folder_ / "no such folder/x.h5");
  EXPECT_TRUE(nowhere.ready());
  EXPECT_EQ(nowhere.get().error().code(), Errc::system);
  (void)runtime_->checkpoint("fields", path_).value();
  put_values(store_, 2);
  {
    const job::SmallFiles limit(1U << 20U);
    const auto full = runtime_->checkpoint_async("fields", path_);
    EXPECT_EQ(full.get(60s).error().code(), Errc::system);
  }
  job::barrier();
  (void)runtime_->restore("again", path_).value();
  expect_values(runtime_->store("again"), 1);
  EXPECT_EQ(files_in(path_ + ".parts"), static_cast<std::size_t>(runtime_->nodes()));
}

// What fails after the call has returned: the folder is gone by then.
TEST_F(CheckpointAsync, TellsAllRanksWhatFailsLater) {
  put_values(store_, 1);
  // It may be complete before its folder is gone: then again.
  bool failed = false;
  for (int attempt = 0; attempt < 50 && !failed; ++attempt) {
    if (job::rank() == 0) {
      std::filesystem::create_directory(folder_ / "gone");
    }
    job::barrier();
    const auto begun = runtime_->checkpoint_async("fields", folder_ / "gone/step1.h5");
    if (job::rank() == 0) {
      std::error_code ignored;
      while (std::filesystem::exists(folder_ / "gone") && !begun.ready()) {
        std::filesystem::remove_all(folder_ / "gone", ignored);
      }
    }
    const auto end = begun.get(60s);
    const auto ended = job::everybodys(end ? -1 : static_cast<int>(end.error().code()));
    for (const int each : ended) {
      EXPECT_EQ(each, ended[0]) << "all ranks learn the same";
    }
    failed = !end;
    if (failed) {
      EXPECT_NE(begun.state(), nullptr) << "it failed at once";
      EXPECT_EQ(end.error().code(), Errc::system) << end.error().what();
    }
    job::barrier();
  }
  EXPECT_TRUE(failed) << "no attempt lost its folder in time";
  EXPECT_TRUE(runtime_->checkpoint_async("fields", path_).get(60s)) << "the next one is not concerned";
}

TEST_F(CheckpointAsync, StopsWhenTheRuntimeIsClosedAtOnce) {
  put_values(store_, 1);
  (void)runtime_->checkpoint("fields", path_).value();
  put_values(store_, 2);
  if (job::rank() == 0) {
    (void)store_.put(std::vector<double>(16 << 20)).value();  // 128 MiB
  }
  job::barrier();
  const auto begun = runtime_->checkpoint_async("fields", path_);
  const int nodes = runtime_->nodes();
  runtime_->close(Deadline::Clock::now());
  const auto end = begun.get(20s);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code(), Errc::timeout) << end.error().what();
  job::barrier();
  EXPECT_EQ(files_in(path_ + ".parts"), static_cast<std::size_t>(nodes)) << "those of the older one";
  EXPECT_EQ(files_in(folder_.path()), 1U);
  Runtime next(MPI_COMM_WORLD, of_async);
  (void)next.restore("again", path_).value();
  expect_values(next.store("again"), 1);
}

}  // namespace
}  // namespace locum
