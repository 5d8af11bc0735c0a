// Streams of steps in groups of Zarr: written by all ranks, read by these, by one rank, and as arrays.
#include <gtest/gtest.h>
#include <mpi.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "core/step_reader.hpp"
#include "core/step_writer.hpp"
#include "mpi/runtime/runtime.hpp"
#include "tests/mpi/job.hpp"
#include "tests/mpi/shared_folder.hpp"
#include "transport/storage/zarr/zarr_group.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t ny = 48;
constexpr std::uint64_t nx = 25;
constexpr std::uint64_t steps = 4;

double value_in(std::uint64_t step, std::uint64_t y, std::uint64_t x) {
  return static_cast<double>(step * 1'000'000 + y * nx + x);
}

std::uint64_t rank_number() {
  return static_cast<std::uint64_t>(job::rank());
}
std::uint64_t number_of_ranks() {
  return static_cast<std::uint64_t>(job::size());
}

/// Rows of this rank: equal ones, or those up to a multiple of an odd number.
std::array<std::uint64_t, 2> rows_of(bool are_equal) {
  const auto first = [&](std::uint64_t rank) {
    return are_equal || rank == 0 || rank == number_of_ranks() ? ny * rank / number_of_ranks()
                                                               : 11 * rank + 1;
  };
  return {first(rank_number()), first(rank_number() + 1)};
}

void write_step(StepWriter& out, std::uint64_t number) {
  auto step = out.begin({.deadline = 60s}).value();
  for (const bool are_equal : {true, false}) {
    const auto [from, to] = rows_of(are_equal);
    const auto block =
        step.create<double>(are_equal ? "T" : "odd/U",
                            {.shape = {ny, nx}, .start = {from, 0ULL}, .count = {to - from, nx}})
            .value();
    for (std::uint64_t at = 0; at < block.size(); ++at) {
      block[at] = value_in(number, from + at / nx, at % nx);
    }
  }
  if (job::rank() == 0) {
    step.put("time", 0.5 * static_cast<double>(number));
  }
  step.end({.deadline = 60s}).value();
}

void expect_step(const InputStep& step, std::uint64_t number) {
  EXPECT_EQ(step.number(), number);
  for (const char* name : {"T", "odd/U"}) {
    const Hyperslab box{.start = {rank_number(), 3}, .count = {20, 7}, .stride = {2, 3}};
    const auto view = step.read<double>(name, box).value();
    const auto array = view.array();
    for (std::uint64_t y = 0; y < 20; ++y) {
      for (std::uint64_t x = 0; x < 7; ++x) {
        ASSERT_EQ(array(y, x), value_in(number, rank_number() + 2 * y, 3 + 3 * x)) << name;
      }
    }
    EXPECT_EQ(step.blocks(name).value().size(), number_of_ranks());
  }
  EXPECT_EQ(*step.get<double>("time").value(), 0.5 * static_cast<double>(number));
}

TEST(StepsInZarr, AreReadAsStepsAndAsArrays) {
  const job::SharedFolder folder;
  const std::string path = folder / "run.zarr";
  {
    Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
    StepWriter out(runtime, "run", MPI_COMM_WORLD, {.file = path});
    StepReader in(runtime, "any", MPI_COMM_WORLD, {.file = path});
    for (std::uint64_t number = 0; number < steps; ++number) {
      write_step(out, number);
      expect_step(in.next(60s).value(), number);
    }
    job::barrier();
    out.close({.deadline = 60s}).value();
    EXPECT_EQ(in.next(60s).error().code(), Errc::end_of_stream);
    job::barrier();
  }
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
  {
    StepReader in(runtime, "any", MPI_COMM_WORLD, {.file = path, .first_step = 1, .every = 2});
    expect_step(in.next(60s).value(), 1);
    expect_step(in.next(60s).value(), 3);
    EXPECT_EQ(in.next(60s).error().code(), Errc::end_of_stream);
    job::barrier();
  }
  const ZarrGroup group =
      ZarrGroup::open(runtime.files("file:" + folder / ""), "run.zarr", {.consolidated = true}).value();
  for (const char* name : {"T", "odd/U"}) {
    const ZarrArray array = group.array(name).value();
    ASSERT_EQ(array.shape(), Extents(steps, ny, nx));
    const Array values = array.read({}, {.strict = true}).value();
    std::vector<double> elements(values.size());
    std::memcpy(elements.data(), values.bytes().data(), values.bytes().size());
    for (std::uint64_t at = 0; at < elements.size(); ++at) {
      const std::uint64_t cell = at % (ny * nx);
      ASSERT_EQ(elements[at], value_in(at / (ny * nx), cell / nx, cell % nx)) << name;
    }
  }
  EXPECT_EQ(group.array("T").value().chunks(), Extents(1, ny / number_of_ranks(), nx));
  EXPECT_EQ(group.array("time").value().shape(), Extents(steps));
  EXPECT_EQ(group.attributes()["locum_steps"]["writers"].as<std::uint64_t>().value(), number_of_ranks());
}

TEST(StepsInZarr, AreRefusedOnAllRanksWhereOneHasAnotherShape) {
  const job::SharedFolder folder;
  const std::string path = folder / "run.zarr";
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
  {
    StepWriter out(runtime, "run", MPI_COMM_WORLD, {.file = path});
    write_step(out, 0);
    job::barrier();
    auto step = out.begin({.deadline = 60s}).value();
    const auto [from, to] = rows_of(true);
    const std::uint64_t rows = job::rank() == job::last() ? ny + 1 : ny;
    step.create<double>("T", {.shape = {rows, nx}, .start = {from, 0ULL}, .count = {to - from, nx}}).value();
    const auto ended = step.end({.deadline = 60s});
    EXPECT_EQ(!ended, job::rank() == job::last());
    if (!ended) {
      EXPECT_EQ(ended.error().code(), Errc::invalid_argument);
      EXPECT_NE(ended.error().text().find("'T': it has the extents 49 x 25"), std::string::npos)
          << ended.error().text();
    }
    const auto closed = out.close({.deadline = 60s});
    EXPECT_EQ(closed ? Errc{} : closed.error().code(), Errc::invalid_argument) << closed.error().what();
  }
  job::barrier();
  {
    StepReader in(runtime, "any", MPI_COMM_WORLD, {.file = path});
    expect_step(in.next(60s).value(), 0);
    const auto behind = in.next(60s);
    EXPECT_EQ(behind ? Errc{} : behind.error().code(), Errc::invalid_argument);
    job::barrier();
  }
}

TEST(StepsInZarr, AreNotWrittenOver) {
  const job::SharedFolder folder;
  const std::string path = folder / "run.zarr";
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
  const auto code_of = [&] {
    Errc code{};
    try {
      StepWriter out(runtime, "run", MPI_COMM_WORLD, {.file = path});
      write_step(out, 0);
      out.close({.deadline = 60s}).value();
    } catch (const Error& error) {
      code = error.code();
    }
    job::barrier();
    return code;
  };
  EXPECT_EQ(code_of(), Errc{});
  EXPECT_EQ(code_of(), Errc::key_exists);
  StepReader in(runtime, "any", MPI_COMM_WORLD, {.file = path});
  expect_step(in.next(60s).value(), 0);
  job::barrier();
}

}  // namespace
}  // namespace locum
