// Streams of steps in HDF5 files: written by some ranks, read by others, by this library and by HDF5 alone.
#include <gtest/gtest.h>
#include <hdf5.h>
#include <mpi.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/containers.hpp"
#include "core/step_reader.hpp"
#include "core/step_writer.hpp"
#include "mpi/runtime/runtime.hpp"
#include "tests/core/forked_child.hpp"
#include "tests/mpi/job.hpp"
#include "tests/mpi/shared_folder.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t ny = 120;
constexpr std::uint64_t nx = 200;
constexpr std::uint64_t steps = 5;

double value_at(std::uint64_t step, std::uint64_t y, std::uint64_t x) {
  return static_cast<double>(step * 1'000'000 + y * nx + x);
}

/// Ranks 0 to `count` - 1; null on the others.
class FirstRanks {
 public:
  explicit FirstRanks(int count) {
    MPI_Comm_split(MPI_COMM_WORLD, job::rank() < count ? 0 : MPI_UNDEFINED, 0, &ranks_);
  }
  FirstRanks(const FirstRanks&) = delete;
  FirstRanks& operator=(const FirstRanks&) = delete;
  ~FirstRanks() {
    if (ranks_ != MPI_COMM_NULL) {
      MPI_Comm_free(&ranks_);
    }
  }
  [[nodiscard]] bool has_me() const { return ranks_ != MPI_COMM_NULL; }
  [[nodiscard]] MPI_Comm get() const { return ranks_; }

 private:
  MPI_Comm ranks_ = MPI_COMM_NULL;
};

void write_step(OutputStep& step, std::uint64_t number, std::uint64_t writer, std::uint64_t writers) {
  const std::uint64_t from = ny * writer / writers;
  const std::uint64_t rows = ny * (writer + 1) / writers - from;
  const auto block =
      step.create<double>("T", {.shape = {ny, nx}, .start = {from, 0ULL}, .count = {rows, nx}}).value();
  for (std::uint64_t y = 0; y < rows; ++y) {
    for (std::uint64_t x = 0; x < nx; ++x) {
      block[y * nx + x] = value_at(number, from + y, x);
    }
  }
  step.put("particles", std::vector<std::int32_t>(writer + number, static_cast<std::int32_t>(writer)));
  std::vector<std::array<float, 3>> velocities(4, {1, 2, static_cast<float>(writer)});
  step.put("velocity", velocities);
  if (writer == 0) {
    step.put("time", 0.5 * static_cast<double>(number));
    step.put("notes", std::map<std::string, int>{{"step", static_cast<int>(number)}});
  }
}

void write_steps(Runtime& runtime, const std::string& path, int writers) {
  const FirstRanks ranks(writers);
  if (ranks.has_me()) {
    StepWriter out(runtime, "run", ranks.get(), {.file = path});
    for (std::uint64_t number = 0; number < steps; ++number) {
      auto step = out.begin({.deadline = 60s}).value();
      write_step(step, number, static_cast<std::uint64_t>(job::rank()), static_cast<std::uint64_t>(writers));
      step.end().value();
    }
    out.close().value();
  }
  job::barrier();
}

void expect_step(const InputStep& step, std::uint64_t number, std::uint64_t writers) {
  EXPECT_EQ(step.number(), number);
  EXPECT_EQ(step.variables().size(), 5U);
  EXPECT_EQ(step.shape("T").value(), Extents(ny, nx));
  EXPECT_EQ(step.blocks("T").value().size(), writers);
  const std::array<std::uint64_t, 2> start{17 + static_cast<std::uint64_t>(job::rank()), 3};
  const Hyperslab box{.start = {start[0], start[1]}, .count = {40, 50}, .stride = {2, 3}};
  const auto view = step.read<double>("T", box).value();
  const auto array = view.array();
  for (std::uint64_t y = 0; y < 40; ++y) {
    for (std::uint64_t x = 0; x < 50; ++x) {
      ASSERT_EQ(array(y, x), value_at(number, start[0] + 2 * y, start[1] + 3 * x));
    }
  }
  std::vector<double> whole(ny * nx);
  EXPECT_EQ(step.read<double>("T", std::span(whole)).value(), whole.size());
  EXPECT_EQ(whole.back(), value_at(number, ny - 1, nx - 1));
  EXPECT_EQ(*step.get<double>("time").value(), 0.5 * static_cast<double>(number));
  using Notes = std::map<std::string, int>;
  EXPECT_EQ(step.get<Notes>("notes").value()->at("step"), static_cast<int>(number));
  std::vector<std::int32_t> particles;
  for (std::uint64_t writer = 0; writer < writers; ++writer) {
    particles.insert(particles.end(), writer + number, static_cast<std::int32_t>(writer));
    const auto velocity =
        step.get<std::array<float, 3>[]>("velocity", {.writer = static_cast<int>(writer)}).value();
    EXPECT_EQ(velocity->size(), 4U);
    EXPECT_EQ((*velocity)[3][2], static_cast<float>(writer));
  }
  EXPECT_EQ(step.joined<std::int32_t>("particles").value(), particles);
}

TEST(StepFiles, AreReadByAnyNumberOfRanks) {
  const job::SharedFolder folder;
  for (int writers = 1; writers <= job::size(); ++writers) {
    const std::string path = folder / ("run" + std::to_string(writers) + ".h5");
    {
      Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
      write_steps(runtime, path, writers);
    }
    Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
    for (const int readers : {job::size(), 1}) {
      const FirstRanks ranks(readers);
      if (ranks.has_me()) {
        StepReader in(runtime, "any", ranks.get(), {.file = path});
        for (std::uint64_t number = 0; number < steps; ++number) {
          expect_step(in.next(60s).value(), number, static_cast<std::uint64_t>(writers));
        }
        const auto end = in.next(60s);
        EXPECT_EQ(end ? Errc{} : end.error().code(), Errc::end_of_stream);
      }
      job::barrier();
    }
  }
}

TEST(StepFiles, AreReadWhileTheyAreWritten) {
  const job::SharedFolder folder;
  const std::string path = folder / "run.h5";
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
  const auto writers = static_cast<std::uint64_t>(job::size());
  StepWriter out(runtime, "run", MPI_COMM_WORLD, {.file = path});
  job::barrier();  // the file is there
  {
    StepReader in(runtime, "any", MPI_COMM_WORLD, {.file = path});
    EXPECT_EQ(in.next(1ms).error().code(), Errc::timeout);
    for (std::uint64_t number = 0; number < steps; ++number) {
      auto step = out.begin({.deadline = 60s}).value();
      write_step(step, number, static_cast<std::uint64_t>(job::rank()), writers);
      step.end().value();
      expect_step(in.next(60s).value(), number, writers);
    }
    job::barrier();
  }
  job::barrier();
  out.close().value();
}

// The last rank leaves a step without end(). The file says so, also when its job is over.
TEST(StepFiles, SayWhyTheirStreamHasFailed) {
  const job::SharedFolder folder;
  const std::string path = folder / "run.h5";
  const auto writers = static_cast<std::uint64_t>(job::size());
  const auto expect_failure = [&](Runtime& runtime) {
    StepReader in(runtime, "any", MPI_COMM_WORLD, {.file = path});
    expect_step(in.next(60s).value(), 0, writers);
    const auto behind = in.next(60s);
    EXPECT_EQ(behind ? Errc{} : behind.error().code(), Errc::broken_promise);
    const std::string expected = "rank " + std::to_string(job::size() - 1) + " of the writer left step 1";
    EXPECT_EQ(behind.error().text().substr(0, expected.size()), expected);
    job::barrier();
  };
  {
    Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
    {
      StepWriter out(runtime, "run", MPI_COMM_WORLD, {.file = path});
      auto step = out.begin({.deadline = 60s}).value();
      write_step(step, 0, static_cast<std::uint64_t>(job::rank()), writers);
      step.end().value();
      {
        auto forgotten = out.begin({.deadline = 60s}).value();
        if (job::rank() + 1 != job::size()) {
          forgotten.end().value();
        }
      }
      const auto closed = out.close({.deadline = 60s});
      EXPECT_EQ(closed ? Errc{} : closed.error().code(), Errc::broken_promise);
    }
    job::barrier();
    expect_failure(runtime);
  }
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
  expect_failure(runtime);
}

// Of the same size as the one that it takes the place of.
TEST(StepFiles, AreNotReadUnderTheNameOfAnotherStep) {
  if (job::size() > 1) {
    GTEST_SKIP() << "one rank changes the files";
  }
  const job::SharedFolder folder;
  for (const std::string of_step : {".h5", ".0.h5"}) {
    const std::string path = folder / ("run" + std::to_string(of_step.size()) + ".h5");
    Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
    write_steps(runtime, path, 1);
    std::filesystem::copy_file(path + ".steps/000001" + of_step, path + ".steps/000002" + of_step,
                               std::filesystem::copy_options::overwrite_existing);
    StepReader in(runtime, "any", MPI_COMM_WORLD, {.file = path});
    expect_step(in.next(60s).value(), 0, 1);
    expect_step(in.next(60s).value(), 1, 1);
    const auto wrong = in.next(60s);
    EXPECT_EQ(wrong ? Errc{} : wrong.error().code(), Errc::corrupt) << of_step;
  }
}

TEST(StepFiles, StayTheRanksWhenAChildOfItDestroysTheWriter) {
  const job::SharedFolder folder;
  const std::string path = folder / "run.h5";
  const auto writers = static_cast<std::uint64_t>(job::size());
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
  std::optional<StepWriter> out(std::in_place, runtime, "run", MPI_COMM_WORLD,
                                StepWriterOptions{.file = path});
  const auto write = [&](std::uint64_t number) {
    auto step = out->begin({.deadline = 60s}).value();
    write_step(step, number, static_cast<std::uint64_t>(job::rank()), writers);
    step.end().value();
  };
  write(0);
  job::barrier();
  const int status = tests::status_of_child([&] {
    const auto closed = out->close();
    out.reset();
    return closed.error().code() == Errc::closed ? 0 : 1;
  });
  EXPECT_EQ(status, 0);
  job::barrier();
  {
    StepReader in(runtime, "any", MPI_COMM_WORLD, {.file = path});
    expect_step(in.next(60s).value(), 0, writers);
    EXPECT_EQ(in.next(100ms).error().code(), Errc::timeout) << "the rank still writes";
    job::barrier();
    write(1);
    expect_step(in.next(60s).value(), 1, writers);
    job::barrier();
  }
  out->close().value();
}

/// The numbers of all steps that a reader of these ranks finds.
std::vector<std::uint64_t> numbers_of(StepReader& in) {
  std::vector<std::uint64_t> numbers;
  auto step = in.next(60s);
  for (; step; step = in.next(60s)) {
    numbers.push_back(step->number());
    expect_step(*step, step->number(), static_cast<std::uint64_t>(job::size()));
  }
  EXPECT_EQ(step.error().code(), Errc::end_of_stream) << step.error().what();
  return numbers;
}

TEST(StepFiles, BeginWhereTheReaderWants) {
  const job::SharedFolder folder;
  const std::string path = folder / "run.h5";
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
  write_steps(runtime, path, job::size());
  using Numbers = std::vector<std::uint64_t>;
  const auto read = [&](StepReaderOptions options) {
    options.file = path;
    StepReader in(runtime, "any", MPI_COMM_WORLD, options);
    Numbers numbers = numbers_of(in);
    job::barrier();
    return numbers;
  };
  EXPECT_EQ(read({.first_step = 3}), (Numbers{3, 4}));
  EXPECT_EQ(read({.every = 2}), (Numbers{0, 2, 4}));
  EXPECT_EQ(read({.first_step = 1, .every = 3}), (Numbers{1, 4}));
  EXPECT_EQ(read({.first_step = 17}), Numbers());
  EXPECT_EQ(read({.start_at = StartAt::newest}), Numbers{4});
  EXPECT_EQ(read({.start_at = StartAt::next}), Numbers());
  // Two readers of one file at a time, each on its own.
  StepReader first(runtime, "any", MPI_COMM_WORLD, {.file = path});
  StepReader second(runtime, "any", MPI_COMM_WORLD, {.file = path, .first_step = 2});
  EXPECT_EQ(first.next(60s).value().number(), 0U);
  EXPECT_EQ(second.next(60s).value().number(), 2U);
  EXPECT_EQ(first.next(60s).value().number(), 1U);
  EXPECT_EQ(numbers_of(second), (Numbers{3, 4}));
  EXPECT_EQ(numbers_of(first), (Numbers{2, 3, 4}));
  job::barrier();
}

TEST(StepFiles, ShowTheNewestStepWhileTheyAreWritten) {
  const job::SharedFolder folder;
  const std::string path = folder / "run.h5";
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
  const auto writers = static_cast<std::uint64_t>(job::size());
  StepWriter out(runtime, "run", MPI_COMM_WORLD, {.file = path});
  const FirstRanks one(1);
  std::optional<StepReader> viewer;
  if (one.has_me()) {
    viewer.emplace(runtime, "any", one.get(), StepReaderOptions{.file = path});
  }
  job::barrier();  // the file is there
  {
    StepReader all(runtime, "any", MPI_COMM_WORLD, {.file = path});
    for (std::uint64_t number = 0; number < 3; ++number) {
      auto step = out.begin({.deadline = 60s}).value();
      write_step(step, number, static_cast<std::uint64_t>(job::rank()), writers);
      step.end().value();
      EXPECT_EQ(all.next(60s).value().number(), number);  // it is shown now
    }
    if (job::size() > 1) {
      EXPECT_EQ(all.latest(60s).error().code(), Errc::invalid_argument);
    }
    if (viewer) {
      EXPECT_EQ(viewer->latest(60s).value().number(), 2U);
    }
    StepReader newest(runtime, "any", MPI_COMM_WORLD, {.start_at = StartAt::newest, .file = path});
    const auto step = newest.next(60s);
    ASSERT_TRUE(step) << step.error().what();
    expect_step(*step, 2, writers);
    job::barrier();
  }
  viewer.reset();
  job::barrier();
  out.close().value();
}

// Whatever one of them has done with, the others still read.
TEST(StepFiles, AreReadByReadersThatDoNotDisturbEachOther) {
  const job::SharedFolder folder;
  const std::string path = folder / "run.h5";
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
  write_steps(runtime, path, job::size());
  std::optional<StepReader> one(std::in_place, runtime, "any", MPI_COMM_WORLD,
                                StepReaderOptions{.file = path});
  StepReader other(runtime, "any", MPI_COMM_WORLD, {.file = path});
  const auto step = other.next(60s).value();
  one->next(60s).value().release();
  one.reset();
  job::barrier();
  expect_step(step, 0, static_cast<std::uint64_t>(job::size()));
  job::barrier();
}

// As h5py does: a step is a group, a global array one dataset.
TEST(StepFiles, AreReadByHdf5Alone) {
  const job::SharedFolder folder;
  const std::string path = folder / "run.h5";
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
  write_steps(runtime, path, job::size());
  if (job::rank() == 0) {
    const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    ASSERT_GE(file, 0);
    const auto read = [file](const char* name, hid_t type, auto& into) {
      const hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
      ASSERT_GE(dataset, 0) << name;
      const hid_t space = H5Dget_space(dataset);
      ASSERT_EQ(H5Sget_simple_extent_npoints(space), static_cast<hssize_t>(into.size())) << name;
      EXPECT_GE(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, into.data()), 0) << name;
      H5Sclose(space);
      H5Dclose(dataset);
    };
    std::vector<double> whole(ny * nx);
    read("/step/000003/T", H5T_NATIVE_DOUBLE, whole);
    EXPECT_EQ(whole[nx + 7], value_at(3, 1, 7));
    EXPECT_EQ(whole.back(), value_at(3, ny - 1, nx - 1));
    std::array<double, 1> time{};
    read("/step/000003/time", H5T_NATIVE_DOUBLE, time);
    EXPECT_EQ(time[0], 1.5);
    const std::string last = job::size() == 1 ? "" : "/" + std::to_string(job::last());
    std::vector<std::int32_t> particles(static_cast<std::size_t>(job::last()) + 3);
    read(("/step/000003/particles" + last).c_str(), H5T_NATIVE_INT32, particles);
    EXPECT_EQ(particles.back(), job::last());
    H5Fclose(file);
  }
}

TEST(StepFiles, HaveArraysOfNoElements) {
  const job::SharedFolder folder;
  const std::string path = folder / "run.h5";
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
  {
    StepWriter out(runtime, "run", MPI_COMM_WORLD, {.file = path});
    auto step = out.begin({.deadline = 60s}).value();
    (void)step.create<double>("whole", {.shape = {0, 4}, .start = {0, 0}, .count = {0, 4}}).value();
    // Of more ranks than rows: those behind the first have none.
    const std::uint64_t rows = job::rank() == 0 ? 1 : 0;
    const auto row =
        step.create<double>("row", {.shape = {1, 4}, .start = {1 - rows, 0}, .count = {rows, 4}});
    std::ranges::fill(row.value(), 2.5);
    step.put("local", std::vector<std::int32_t>());
    step.end().value();
    out.close({.deadline = 60s}).value();
  }
  job::barrier();
  if (job::rank() == 0) {
    const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    ASSERT_GE(file, 0);
    const auto expect_extents = [file](const char* name, std::array<hsize_t, 2> expected) {
      const hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
      const hid_t space = H5Dget_space(dataset);
      std::array<hsize_t, 2> extents{9, 9};
      EXPECT_EQ(H5Sget_simple_extent_dims(space, extents.data(), nullptr), 2) << name;
      EXPECT_EQ(extents, expected) << name;
      H5Sclose(space);
      H5Dclose(dataset);
    };
    expect_extents("/step/000000/whole", {0, 4});
    expect_extents("/step/000000/row", {1, 4});
    H5Fclose(file);
  }
  {
    StepReader in(runtime, "any", MPI_COMM_WORLD, {.file = path});
    const auto step = in.next(60s).value();
    EXPECT_EQ(step.shape("whole").value(), Extents(0, 4));
    const auto row = step.read<double>("row");
    ASSERT_TRUE(row) << row.error().what();
    EXPECT_EQ(row->size(), 4U);
    EXPECT_EQ((*row)[3], 2.5);
    EXPECT_TRUE(step.joined<std::int32_t>("local").value().empty());
  }
  job::barrier();
}

// The second block of a rank has a name of its own.
TEST(StepFiles, HaveSeveralLocalBlocksOfOneRank) {
  const job::SharedFolder folder;
  const std::string path = folder / "run.h5";
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
  {
    StepWriter out(runtime, "run", MPI_COMM_WORLD, {.file = path});
    auto step = out.begin({.deadline = 60s}).value();
    for (const int number : {1, 2, 3}) {
      step.put("particles", std::vector<std::int32_t>(5, 10 * job::rank() + number));
    }
    step.end().value();
    out.close({.deadline = 60s}).value();
  }
  job::barrier();
  if (job::rank() == 0) {
    const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    ASSERT_GE(file, 0);
    const std::string writer = "/step/000000/particles/" + std::to_string(job::last());
    for (const std::string& name : {writer, writer + ".1", writer + ".2"}) {
      EXPECT_GT(H5Oexists_by_name(file, name.c_str(), H5P_DEFAULT), 0) << name;
    }
    H5Fclose(file);
  }
  {
    StepReader in(runtime, "any", MPI_COMM_WORLD, {.file = path});
    EXPECT_EQ(in.next(60s).value().blocks("particles").value().size(),
              3U * static_cast<std::size_t>(job::size()));
  }
  job::barrier();
}

// Also where ranks of the writer or of the reader have no elements.
TEST(StepFiles, AreReadAsTheTypeThatWasWritten) {
  using Vector = std::array<double, 3>;
  const job::SharedFolder folder;
  const std::string path = folder / "run.h5";
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
  const auto from = static_cast<std::uint64_t>(std::min(job::rank(), 1));
  const std::uint64_t count = job::rank() == 0 ? 1 : job::rank() == job::last() ? 1 : 0;
  {
    StepWriter out(runtime, "run", MPI_COMM_WORLD, {.file = path});
    auto step = out.begin({.deadline = 60s}).value();
    const std::uint64_t shape = job::size() == 1 ? 1 : 2;
    const auto block =
        step.create<Vector>("v", {.shape = {shape}, .start = {from}, .count = {count}}).value();
    std::ranges::fill(block, Vector{1.0 * job::rank(), 2, 3});
    step.put("none", std::vector<double>());
    step.end().value();
    out.close({.deadline = 60s}).value();
  }
  job::barrier();
  {
    StepReader in(runtime, "any", MPI_COMM_WORLD, {.file = path});
    const auto step = in.next(60s).value();
    const auto code = [](const auto& result) { return result ? Errc{} : result.error().code(); };
    EXPECT_EQ(code(step.read<double>("v")), Errc::type_mismatch);
    EXPECT_EQ(code(step.read<double>("v", {.start = {0}, .count = {1}})), Errc::type_mismatch);
    EXPECT_EQ(code(step.get<double[]>("v", {.writer = 0})), Errc::type_mismatch);
    EXPECT_EQ(code(step.joined<double>("v")), Errc::type_mismatch);
    EXPECT_EQ(code(step.joined<float>("none")), Errc::type_mismatch);
    EXPECT_TRUE(step.joined<double>("none").value().empty());
    const auto mine = step.read<Vector>("v", {.start = {from}, .count = {count}});
    ASSERT_TRUE(mine) << mine.error();
    ASSERT_EQ(mine->size(), count);
    EXPECT_TRUE(count == 0 || (*mine)[0] == (Vector{1.0 * job::rank(), 2, 3}));
    EXPECT_EQ(step.get<Vector[]>("v", {.writer = job::rank()}).value().size(), count);
  }
  job::barrier();
}

TEST(StepFiles, AreNotWrittenOverAndSayWhatIsWrong) {
  const job::SharedFolder folder;
  const std::string path = folder / "run.h5";
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
  const auto first_error = [&](const std::string& file) {
    StepReader in(runtime, "any", MPI_COMM_WORLD, {.file = file});
    const auto step = in.next(5s);
    const Errc code = step ? Errc{} : step.error().code();
    job::barrier();
    return code;
  };
  EXPECT_EQ(first_error(path), Errc::not_found);
  write_steps(runtime, path, job::size());
  const auto opened = [&](const std::string& file) {
    Errc code{};
    try {
      StepWriter out(runtime, "run", MPI_COMM_WORLD, {.file = file});
      job::barrier();
    } catch (const Error& error) {
      code = error.code();
      job::barrier();
    }
    return code;
  };
  EXPECT_EQ(opened(path), Errc::key_exists);
  EXPECT_EQ(opened(folder / "no/such/folder.h5"), job::rank() == 0 ? Errc::system : Errc::key_exists);
  for (const StepReaderOptions& options :
       {StepReaderOptions{.group = "g", .file = path}, StepReaderOptions{.file = path, .every = 0},
        StepReaderOptions{.start_at = StartAt::newest, .file = path, .first_step = 1},
        StepReaderOptions{.first_step = 1}, StepReaderOptions{.every = 2}}) {
    EXPECT_THROW(StepReader(runtime, "any", MPI_COMM_WORLD, options), Error);
  }
  // Damage: the record of the first step, then the file itself.
  if (job::rank() == 0) {
    const std::string step = path + ".steps/000000.h5";
    std::string bytes(std::filesystem::file_size(step), '\0');
    std::ifstream(step, std::ios::binary).read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    const std::size_t at = bytes.find("map<char[]");  // nowhere but in the record
    ASSERT_NE(at, std::string::npos);
    bytes[at] = 'x';
    std::ofstream(step, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  job::barrier();
  EXPECT_EQ(first_error(path), Errc::corrupt);
  job::barrier();
  if (job::rank() == 0) {
    std::ofstream(path) << "text";
  }
  job::barrier();
  EXPECT_EQ(first_error(path), Errc::corrupt);
}

}  // namespace
}  // namespace locum
