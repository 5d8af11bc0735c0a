// Streams of steps between ranks: random arrays, blocks and boxes.
#include <gtest/gtest.h>
#include <mpi.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "core/step_reader.hpp"
#include "core/step_writer.hpp"
#include "mpi/runtime/runtime.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/core/step_arrays.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;
using namespace locum::literals;

/// What the element at this place of an array holds in a step.
std::uint64_t value_at(std::uint64_t step, std::uint64_t place) {
  return step * 1'000'003 + place;
}

class StepsOfRanks : public ::testing::Test {
 protected:
  Runtime runtime{MPI_COMM_WORLD, {.memory_bytes = 64_MiB}};
  const std::size_t ranks = static_cast<std::size_t>(runtime.size());
  const std::size_t rank = static_cast<std::size_t>(runtime.rank());
};

// All ranks read; so many of them have written before. All draw the same numbers.
TEST_F(StepsOfRanks, CarryAnyBoxOfAnyDecomposition) {
  std::mt19937 random(static_cast<unsigned>(ranks));
  const int turns = tests::sanitized ? 3 : 12;
  for (int turn = 0; turn < turns; ++turn) {
    const std::size_t writers = 1 + random() % ranks;
    std::vector<std::uint64_t> shape(1 + random() % 3);
    for (auto& extent : shape) {
      extent = 1 + random() % 40;
    }
    constexpr std::uint64_t steps = 3;
    std::vector<std::vector<tests::Cut>> cuts(steps);
    for (auto& one : cuts) {
      tests::cut(random, {std::vector<std::uint64_t>(shape.size()), shape}, 1 + random() % (3 * writers),
                 one);
    }
    const std::string stream = "s" + std::to_string(turn);
    MPI_Comm side = MPI_COMM_NULL;
    MPI_Comm_split(MPI_COMM_WORLD, rank < writers ? 0 : MPI_UNDEFINED, 0, &side);
    std::optional<StepWriter> out;
    if (rank < writers) {
      out.emplace(runtime, stream, side);
      MPI_Comm_free(&side);
      for (std::uint64_t n = 0; n < steps; ++n) {
        auto step = out->begin({.deadline = 60s}).value();
        for (std::size_t at = rank; at < cuts[n].size(); at += writers) {
          const tests::Cut& mine = cuts[n][at];
          const GlobalBlock block{tests::extents_from(shape), tests::extents_from(mine.start),
                                  tests::extents_from(mine.count)};
          const auto elements = step.create<std::uint64_t>("V", block).value();
          tests::for_each_place(
              shape, {block.start, block.count},
              [&](std::size_t number, std::uint64_t place) { elements[number] = value_at(n, place); });
        }
        if (rank == 0) {
          step.put("time", 0.25 * static_cast<double>(n));
        }
        step.put("particles", std::vector<std::uint64_t>(rank + n, rank));
        step.end().value();
      }
    }
    std::mt19937 mine(random() + static_cast<unsigned>(rank));
    StepReader in(runtime, stream, MPI_COMM_WORLD);
    for (std::uint64_t n = 0; n < steps; ++n) {
      const auto step = in.next(60s).value();
      ASSERT_EQ(step.number(), n);
      EXPECT_EQ(*step.get<double>("time").value(), 0.25 * static_cast<double>(n));
      for (int boxes = 0; boxes < 4; ++boxes) {
        const Hyperslab box = tests::random_box(mine, shape);
        const auto elements = step.read<std::uint64_t>("V", box).value();
        EXPECT_EQ(elements.extents(), box.count);
        std::vector<std::uint64_t> copied(elements.size());
        EXPECT_EQ(step.read("V", std::span(copied), box).value(), copied.size());
        tests::for_each_place(shape, box, [&](std::size_t number, std::uint64_t place) {
          ASSERT_EQ(elements[number], value_at(n, place));
          ASSERT_EQ(copied[number], value_at(n, place));
        });
      }
      std::vector<std::uint64_t> particles;
      for (std::size_t writer = 0; writer < writers; ++writer) {
        particles.insert(particles.end(), writer + n, writer);
      }
      EXPECT_EQ(step.joined<std::uint64_t>("particles").value(), particles);
    }
    if (out) {
      out->close({.deadline = 60s}).value();
    }
    EXPECT_EQ(in.next(60s).error().code(), Errc::end_of_stream);
  }
}

}  // namespace
}  // namespace locum
