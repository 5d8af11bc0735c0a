// Where files are: paths that are given by a program which changes its working folder afterwards, or that
// lead there by symbolic links; and files of which a part is missing.
#include <gtest/gtest.h>
#include <hdf5.h>
#include <mpi.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/step_reader.hpp"
#include "core/step_writer.hpp"
#include "mpi/runtime/runtime.hpp"
#include "tests/mpi/job.hpp"
#include "tests/mpi/shared_folder.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

/// Two folders; afterwards the working folder is the one that it was before.
class FilePlaces : public testing::Test {
 protected:
  FilePlaces() {
    on_first_rank([&] {
      std::filesystem::create_directory(first_);
      std::filesystem::create_directory(second_);
    });
  }
  FilePlaces(const FilePlaces&) = delete;
  FilePlaces& operator=(const FilePlaces&) = delete;
  ~FilePlaces() override { std::filesystem::current_path(before_); }

  template <class Change>
  static void on_first_rank(Change change) {
    if (job::rank() == 0) {
      change();
    }
    job::barrier();
  }
  static void write_step(StepWriter& out, int value) {
    auto step = out.begin({.deadline = 60s}).value();
    step.put("value", std::vector<int>(3, value));
    step.end().value();
  }
  void write_steps(const std::string& path) {
    {
      StepWriter out(runtime_, "run", MPI_COMM_WORLD, {.file = path});
      for (const int value : {0, 1, 2}) {
        write_step(out, value);
      }
      out.close({.deadline = 60s}).value();
    }
    job::barrier();
  }
  /// The values of the steps, and how reading ends. Collective.
  struct Found {
    std::vector<int> values;
    Error end;
  };
  [[nodiscard]] static Found rest_of(StepReader& in) {
    std::vector<int> values;
    auto step = in.next(60s);
    for (; step; step = in.next(60s)) {
      values.push_back(step->get<int[]>("value", {.writer = 0}).value()->front());
    }
    job::barrier();
    return {values, step.error()};
  }
  [[nodiscard]] Found read(const StepReaderOptions& options, MPI_Comm ranks = MPI_COMM_WORLD) {
    StepReader in(runtime_, "any", ranks, options);
    return rest_of(in);
  }
  void expect_whole(const std::string& path) {
    const Found found = read({.file = path});
    EXPECT_EQ(found.values, (std::vector<int>{0, 1, 2})) << path;
    EXPECT_EQ(found.end.code(), Errc::end_of_stream) << path << ": " << found.end.what();
  }
  [[nodiscard]] int restored(const std::string& path, const RestoreOptions& options = {}) {
    const std::string name = "again" + std::to_string(++restores_);
    (void)runtime_.restore(name, path, options).value();
    return runtime_.store(name).get<int[]>("value").value()->front();
  }
  void put(int value) {
    on_first_rank([&] { (void)store_.replace("value", std::vector<int>(20'000, value)).value(); });
  }

  const job::SharedFolder folder_;
  const std::string first_ = folder_ / "first";
  const std::string second_ = folder_ / "second";
  const std::filesystem::path before_ = std::filesystem::current_path();
  Runtime runtime_{MPI_COMM_WORLD, {.memory_bytes = 64_MiB, .timeout = 20s, .collective_timeout = 60s}};
  const Store store_ = runtime_.store("fields");
  int restores_ = 0;
};

TEST_F(FilePlaces, OfStepsAreThoseOfTheConstructor) {
  std::filesystem::current_path(first_);
  {
    StepWriter out(runtime_, "run", MPI_COMM_WORLD, {.file = "run.h5"});
    write_step(out, 0);
    std::filesystem::current_path(second_);
    write_step(out, 1);
    write_step(out, 2);
    out.close({.deadline = 60s}).value();
  }
  job::barrier();
  EXPECT_TRUE(std::filesystem::is_empty(second_));
  expect_whole("../first/run.h5");
  std::filesystem::current_path(first_);
  StepReader in(runtime_, "any", MPI_COMM_WORLD, {.file = "run.h5"});
  std::filesystem::current_path(second_);
  const Found found = rest_of(in);
  EXPECT_EQ(found.values.size(), 3U) << found.end.what();
}

TEST_F(FilePlaces, OfCheckpointsAreThoseOfTheCall) {
  std::filesystem::current_path(first_);
  put(1);
  auto written = runtime_.checkpoint_async("fields", "step1.h5", {.keep = 1, .incremental = true});
  std::filesystem::current_path(second_);
  ASSERT_TRUE(written.get(60s)) << written.get(60s).error().what();
  EXPECT_EQ(written.get(60s).value().path, "step1.h5");
  std::filesystem::current_path(first_);
  written = runtime_.checkpoint_async("fields", "step2.h5", {.keep = 1, .incremental = true});
  std::filesystem::current_path(second_);
  ASSERT_TRUE(written.get(60s)) << written.get(60s).error().what();
  EXPECT_GT(written.get(60s).value().reused_bytes, 0U);
  job::barrier();
  EXPECT_TRUE(std::filesystem::is_empty(second_));
  EXPECT_FALSE(std::filesystem::exists(first_ + "/step1.h5"));
  std::filesystem::current_path(first_);
  (void)runtime_.restore("lazy", "step2.h5", {.lazy = true}).value();
  std::filesystem::current_path(second_);
  EXPECT_EQ(runtime_.store("lazy").get<int[]>("value").value()->front(), 1);
  job::barrier();
}

TEST_F(FilePlaces, AreWhereLinksLead) {
  write_steps(first_ + "/run.h5");
  put(1);
  (void)runtime_.checkpoint("fields", first_ + "/step.h5").value();
  on_first_rank([&] {
    std::filesystem::create_symlink("../first/run.h5", second_ + "/latest.h5");
    std::filesystem::create_symlink("../first/step.h5", second_ + "/step.h5");
    std::filesystem::create_symlink("first/new.h5", folder_ / "new.h5");  // there is no such file yet
    std::filesystem::create_directory_symlink(first_, folder_ / "linked");
  });
  expect_whole(second_ + "/latest.h5");
  expect_whole(folder_ / "linked/run.h5");
  EXPECT_EQ(restored(second_ + "/step.h5"), 1);
  EXPECT_EQ(restored(second_ + "/step.h5", {.lazy = true}), 1);
  // Written by a link: the file to which it leads, and the link stays.
  put(2);
  (void)runtime_.checkpoint("fields", second_ + "/step.h5").value();
  EXPECT_EQ(restored(first_ + "/step.h5"), 2);
  write_steps(folder_ / "new.h5");
  expect_whole(first_ + "/new.h5");
  expect_whole(folder_ / "new.h5");
  EXPECT_TRUE(std::filesystem::is_symlink(second_ + "/step.h5"));
  EXPECT_TRUE(std::filesystem::is_symlink(folder_ / "new.h5"));
  EXPECT_FALSE(std::filesystem::exists(second_ + "/step.h5.parts"));
  job::barrier();
}

TEST_F(FilePlaces, WithoutAListedStepAreIncomplete) {
  const std::string path = first_ + "/run.h5";
  write_steps(path);
  on_first_rank([&] { std::filesystem::rename(path + ".steps/000001.h5", folder_ / "1.h5"); });
  Found found = read({.file = path});
  EXPECT_EQ(found.values, std::vector<int>{0});
  EXPECT_EQ(found.end.code(), Errc::not_found);
  EXPECT_NE(std::string(found.end.what()).find("run.h5.steps/000001.h5"), std::string::npos)
      << found.end.what();
  EXPECT_EQ(read({.file = path, .every = 2}).values, (std::vector<int>{0, 2})) << "it is not needed";
  on_first_rank([&] {
    std::filesystem::rename(folder_ / "1.h5", path + ".steps/000001.h5");
    std::filesystem::remove(path + ".steps/000002.h5");
  });
  found = read({.file = path});
  EXPECT_EQ(found.values.size(), 2U);
  EXPECT_EQ(found.end.code(), Errc::not_found) << found.end.what();
  EXPECT_EQ(read({.start_at = StartAt::newest, .file = path}).end.code(), Errc::not_found);
}

TEST_F(FilePlaces, WithoutTheirFolderOrAPartAreIncomplete) {
  const std::string path = first_ + "/run.h5";
  write_steps(path);
  on_first_rank([&] { std::filesystem::rename(path, first_ + "/renamed.h5"); });
  const Found renamed = read({.file = first_ + "/renamed.h5"});
  EXPECT_TRUE(renamed.values.empty());
  EXPECT_EQ(renamed.end.code(), Errc::not_found) << renamed.end.what();
  on_first_rank([&] {
    std::filesystem::rename(first_ + "/renamed.h5", path);
    std::filesystem::remove(path + ".steps/000001.0.h5");
  });
  const Found found = read({.file = path}, MPI_COMM_SELF);
  EXPECT_EQ(found.values, std::vector<int>{0});
  EXPECT_EQ(found.end.code(), Errc::not_found);
  EXPECT_NE(std::string(found.end.what()).find("000001.0.h5"), std::string::npos) << found.end.what();
  // The ranks read a step together: where one of them cannot, all learn of it.
  const Found together = read({.file = path});
  EXPECT_EQ(together.values, std::vector<int>{0});
  EXPECT_EQ(together.end.code(), Errc::not_found) << together.end.what();
}

// As a job leaves it that was killed: the list is behind, and a step before the last one is missing.
TEST_F(FilePlaces, WithoutAStepBeforeTheLastAreIncomplete) {
  const std::string path = first_ + "/run.h5";
  write_steps(path);
  on_first_rank([&] {
    const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    const hid_t group = H5Gopen2(file, "/.locum", H5P_DEFAULT);
    const hid_t scalar = H5Screate(H5S_SCALAR);
    const auto set = [&](const char* name, std::uint64_t value) {
      EXPECT_GE(H5Adelete(group, name), 0);
      const hid_t attribute = H5Acreate2(group, name, H5T_STD_U64LE, scalar, H5P_DEFAULT, H5P_DEFAULT);
      EXPECT_GE(H5Awrite(attribute, H5T_NATIVE_UINT64, &value), 0);
      H5Aclose(attribute);
    };
    set("steps", 1);
    set("ended", 0);
    H5Sclose(scalar);
    H5Gclose(group);
    H5Fclose(file);
  });
  Found found = read({.file = path});
  EXPECT_EQ(found.values.size(), 3U);
  EXPECT_EQ(found.end.code(), Errc::peer_lost) << found.end.what();
  on_first_rank([&] { std::filesystem::remove(path + ".steps/000001.h5"); });
  found = read({.file = path});
  EXPECT_EQ(found.values.size(), 1U);
  EXPECT_EQ(found.end.code(), Errc::not_found) << found.end.what();
}

}  // namespace
}  // namespace locum
