// Streams of steps in groups of Zarr: written, read as steps, and read as arrays.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <complex>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/containers.hpp"
#include "tests/transport/storage/zarr/zarr_steps.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;

TEST_F(ZarrSteps, OfOneWriterAreReadAgain) {
  using Complex = std::complex<float>;
  constexpr std::uint64_t steps = 3;
  {
    StepWriter out(side(), "s", {.file = path()});
    for (std::uint64_t number = 0; number < steps; ++number) {
      write(out, [&](OutputStep& step) {
        put_rows(step, number, 0, ny);
        step.put("time", 0.5 * static_cast<double>(number));
        step.put("fields/counts", std::vector<std::int32_t>{1, 2, static_cast<std::int32_t>(number)});
        step.put("velocity", std::vector<std::array<float, 3>>(4, {1, 2, static_cast<float>(number)}));
        step.put("wave", std::vector<Complex>(2, Complex(1, static_cast<float>(number))));
        step.put("none", std::vector<double>());
        step.put("step", number);
      }).value();
    }
    out.close({.deadline = 20s}).value();
  }
  StepReader in = reader();
  for (std::uint64_t number = 0; number < steps; ++number) {
    const auto step = in.next(20s).value();
    EXPECT_EQ(step.number(), number);
    EXPECT_EQ(step.variables().size(), 7U);
    expect_rows(step, number);
    EXPECT_EQ(*step.get<double>("time").value(), 0.5 * static_cast<double>(number));
    EXPECT_EQ(*step.get<std::uint64_t>("step").value(), number);
    EXPECT_EQ(step.joined<std::int32_t>("fields/counts").value(),
              (std::vector<std::int32_t>{1, 2, static_cast<std::int32_t>(number)}));
    const auto velocity = step.get<std::array<float, 3>[]>("velocity", {.writer = 0}).value();
    EXPECT_EQ(velocity->size(), 4U);
    EXPECT_EQ((*velocity)[3][2], static_cast<float>(number));
    EXPECT_EQ(step.joined<Complex>("wave").value().back(), Complex(1, static_cast<float>(number)));
    EXPECT_TRUE(step.joined<double>("none").value().empty());
    EXPECT_EQ(step.read<float>("T").error().code(), Errc::type_mismatch);
    const auto box = step.read<double>("T", {.start = {3, 1}, .count = {4, 3}, .stride = {5, 2}}).value();
    EXPECT_EQ(box.array()(2, 1), value_of(number, 13, 3));
  }
  EXPECT_EQ(in.next(20s).error().code(), Errc::end_of_stream);
  expect_arrays(steps);
  const ZarrGroup all = group();
  EXPECT_EQ(elements_in<double>(all.array("time").value())[2], 1.0);
  EXPECT_EQ(all.array("velocity").value().shape(), Extents(steps, 4, 3));
  EXPECT_EQ(all.attributes()["locum_steps"]["state"].text(), "ended");
  // Where a rank was not killed, nothing is left that others would wonder at.
  EXPECT_FALSE(std::filesystem::exists(path() + "/.tmp"));
  EXPECT_FALSE(std::filesystem::exists(path() + ".lock"));
}

TEST_F(ZarrSteps, OfSeveralWritersHaveTheirBoxesAsChunks) {
  constexpr std::size_t ranks = 4;
  std::vector<std::thread> threads;
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([this, rank] {
      StepWriter out = writer(rank, ranks);
      for (std::uint64_t number = 0; number < 5; ++number) {
        write(out, [&](OutputStep& step) {
          put_rows(step, number, rank * ny / ranks, (rank + 1) * ny / ranks);
        }).value();
      }
      out.close({.deadline = 20s}).value();
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  expect_arrays(5);
  EXPECT_EQ(group().array("T").value().chunks(), Extents(1, ny / ranks, nx));
  StepReader in = reader();
  for (std::uint64_t number = 0; number < 5; ++number) {
    const auto step = in.next(20s).value();
    EXPECT_EQ(step.blocks("T").value().size(), ranks);
    expect_rows(step, number);
  }
}

// Boxes of other extents cut each other's chunks, and ranks begin them at the same time.
TEST_F(ZarrSteps, OfUnequalBoxesLoseNothing) {
  constexpr std::array<std::uint64_t, 6> ends{0, 5, 7, 16, 17, ny};
  std::vector<std::thread> threads;
  for (std::size_t rank = 0; rank + 1 < ends.size(); ++rank) {
    threads.emplace_back([&, rank] {
      StepWriter out = writer(rank, ends.size() - 1);
      for (std::uint64_t number = 0; number < 20; ++number) {
        write(out, [&](OutputStep& step) { put_rows(step, number, ends[rank], ends[rank + 1]); }).value();
      }
      out.close({.deadline = 20s}).value();
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  expect_arrays(20);
}

// Boxes of more than 64 MiB are cut into chunks, and read piece by piece.
TEST_F(ZarrSteps, OfLargeBoxesHaveEqualChunks) {
  constexpr std::uint64_t rows = 70;
  constexpr std::uint64_t columns = std::uint64_t{1} << 20U;
  {
    StepWriter out(side(), "s", {.queue_steps = 1, .file = path()});
    write(out, [](OutputStep& step) {
      const auto block = step.create<std::uint8_t>(
                                 "U", {.shape = {rows, columns}, .start = {0, 0}, .count = {rows, columns}})
                             .value();
      for (std::uint64_t row = 0; row < rows; ++row) {
        std::fill_n(block.begin() + static_cast<std::ptrdiff_t>(row * columns), columns,
                    static_cast<std::uint8_t>(row + 1));
      }
    }).value();
    out.close({.deadline = 20s}).value();
  }
  EXPECT_EQ(group().array("U").value().chunks(), Extents(1, rows / 2, columns));
  StepReader in = reader();
  const auto whole = in.next(20s).value().read<std::uint8_t>("U").value();
  ASSERT_EQ(whole.size(), rows * columns);
  for (std::uint64_t row = 0; row < rows; ++row) {
    const auto first = whole.begin() + static_cast<std::ptrdiff_t>(row * columns);
    ASSERT_TRUE(std::all_of(first, first + static_cast<std::ptrdiff_t>(columns), [row](std::uint8_t one) {
      return one == row + 1;
    })) << row;
  }
}

TEST_F(ZarrSteps, LackVariablesThatTheirStepDoesNotHave) {
  constexpr std::uint64_t steps = 5;
  {
    StepWriter out(side(), "s", {.file = path()});
    for (std::uint64_t number = 0; number < steps; ++number) {
      write(out, [&](OutputStep& step) {
        put_rows(step, number, 0, ny);
        if (number == 0) {
          step.put("mesh", std::vector<std::int32_t>{1, 2});
        }
        if (number == 3) {
          step.put("late", std::vector<double>{4});
        }
      }).value();
    }
    out.close({.deadline = 20s}).value();
  }
  expect_arrays(steps);
  const ZarrGroup all = group();
  EXPECT_EQ(all.array("mesh").value().shape(), Extents(steps, 2));
  const auto numbers = elements_in<std::int32_t>(all.array("mesh").value());
  EXPECT_EQ(numbers[1], 2);
  EXPECT_EQ(numbers[2], std::numeric_limits<std::int32_t>::min());
  const auto late = elements_in<double>(all.array("late").value());
  EXPECT_TRUE(std::isnan(late[2]));
  EXPECT_EQ(late[3], 4);
  EXPECT_TRUE(std::isnan(late[4]));
  StepReader in = reader();
  for (std::uint64_t number = 0; number < steps; ++number) {
    const auto step = in.next(20s).value();
    EXPECT_EQ(step.blocks("mesh").has_value(), number == 0);
    EXPECT_EQ(step.blocks("late").has_value(), number == 3);
  }
}

// The first attempt is refused when all parts are written: no rank alone sees what is wrong with it.
TEST_F(ZarrSteps, HaveNothingOfAnAttemptThatFailed) {
  StepWriter out(side(), "s", {.file = path()});
  const auto put = [](OutputStep& step, double value) { step.put("x", std::vector<double>(2, value)); };
  write(out, [&](OutputStep& step) { put(step, 1); }).value();
  const auto refused = try_to_write(out, [&](OutputStep& step) {
    put(step, 2);
    put(step, 3);
    step.put("y", 4);
  });
  EXPECT_EQ(refused ? Errc{} : refused.error().code(), Errc::unsupported);
  write(out, [](OutputStep& step) { step.put("z", 5); }).value();
  out.close({.deadline = 20s}).value();
  const auto x = elements_in<double>(group().array("x").value());
  ASSERT_EQ(x.size(), 4U);
  EXPECT_EQ(x[1], 1);
  EXPECT_TRUE(std::isnan(x[2]));
  EXPECT_FALSE(group().exists("y").value());
  StepReader in = reader();
  (void)in.next(20s).value();
  EXPECT_EQ(in.next(20s).value().variables().size(), 1U);
}

// As a writer leaves it that is killed while it shows a step: the array T has grown, and another one not.
TEST_F(ZarrSteps, AreShownByTheFileOfTheGroupAlone) {
  StepWriter out(side(), "s", {.file = path()});
  write(out, [](OutputStep& step) {
    put_rows(step, 0, 0, ny);
    step.put("U", 1);
  }).value();
  std::filesystem::remove(path() + "/U/zarr.json");
  std::filesystem::create_directory(path() + "/U/zarr.json");  // which no file takes the place of
  const auto shown = try_to_write(out, [](OutputStep& step) {
    put_rows(step, 1, 0, ny);
    step.put("V", 1);
  });
  ASSERT_FALSE(shown);
  EXPECT_NE(shown.error().text().find("'U'"), std::string::npos) << shown.error().what();
  EXPECT_EQ(group().array("T").value().shape(), Extents(1, ny, nx)) << "before its writer ends";
  expect_arrays(1, false);
  (void)out.close({.deadline = 20s});
  expect_arrays(1, false);
  const ZarrGroup all = group();
  EXPECT_EQ(all.array("U").value().shape(), Extents(1));
  EXPECT_FALSE(all.exists("V").value());
  EXPECT_EQ(all.attributes()["locum_steps"]["state"].text(), "failed");
  EXPECT_EQ(group(false).array("T").value().shape(), Extents(2, ny, nx));
}

TEST_F(ZarrSteps, OfPartsOfAnArrayHaveTheseAlone) {
  {
    StepWriter out(side(), "s", {.file = path()});
    write(out, [](OutputStep& step) { put_rows(step, 0, 4, 9); }).value();
    out.close({.deadline = 20s}).value();
  }
  StepReader in = reader();
  const auto step = in.next(20s).value();
  EXPECT_EQ(step.read<double>("T", {.start = {4, 0}, .count = {5, nx}}).value()[0], value_of(0, 4, 0));
  EXPECT_EQ(step.read<double>("T").error().code(), Errc::not_found);
  const auto values = elements_in<double>(group().array("T").value());
  EXPECT_TRUE(std::isnan(values[0]));
  EXPECT_EQ(values[4 * nx], value_of(0, 4, 0));
}

TEST_F(ZarrSteps, AreReadWhileTheyAreWrittenAndAfterTheirWriterWasLost) {
  std::optional<StepWriter> out(std::in_place, side(), "s", StepWriterOptions{.file = path()});
  {
    StepReader in = reader();
    EXPECT_EQ(in.next(1ms).error().code(), Errc::timeout);
    for (std::uint64_t number = 0; number < 2; ++number) {
      write(*out, [&](OutputStep& step) { put_rows(step, number, 0, ny); }).value();
      expect_rows(in.next(20s).value(), number);
    }
    EXPECT_EQ(in.next(1ms).error().code(), Errc::timeout);
  }
  // As a writer that was killed leaves it: with no lock, and a part of the next step.
  const std::string copy = path("killed.zarr");
  std::filesystem::copy(path(), copy, std::filesystem::copy_options::recursive);
  std::filesystem::copy(copy + "/T/c/1", copy + "/T/c/2", std::filesystem::copy_options::recursive);
  {
    StepReader in(side(), "any", {.file = copy});
    expect_rows(in.next(20s).value(), 0);
    expect_rows(in.next(20s).value(), 1);
    EXPECT_EQ(in.next(20s).error().code(), Errc::peer_lost);
  }
  out->close({.deadline = 20s}).value();
}

}  // namespace
}  // namespace locum::tests
