// Streams of steps between ranks: random arrays, blocks and boxes.
#include <gtest/gtest.h>
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "core/step_reader.hpp"
#include "core/step_writer.hpp"
#include "mpi/runtime.hpp"
#include "tests/core/sanitized.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;
using namespace locum::literals;

struct Cut {
  std::vector<std::uint64_t> start;
  std::vector<std::uint64_t> count;
};

Extents extents_from(const std::vector<std::uint64_t>& values) {
  Extents extents;
  extents.rank = static_cast<std::uint8_t>(values.size());
  std::ranges::copy(values, extents.values.begin());
  return extents;
}

void cut(std::mt19937& random, const Cut& whole, std::size_t parts, std::vector<Cut>& cuts) {
  const std::size_t dimension = random() % whole.count.size();
  if (parts == 1 || whole.count[dimension] < 2) {
    cuts.push_back(whole);
    return;
  }
  const std::uint64_t at = 1 + random() % (whole.count[dimension] - 1);
  Cut lower = whole;
  lower.count[dimension] = at;
  Cut upper = whole;
  upper.count[dimension] -= at;
  upper.start[dimension] += at;
  cut(random, lower, parts / 2, cuts);
  cut(random, upper, parts - parts / 2, cuts);
}

/// What the element at this place of an array holds in a step.
std::uint64_t value_at(std::uint64_t step, std::uint64_t place) {
  return step * 1'000'003 + place;
}

template <class Visit>
void for_each_place(const std::vector<std::uint64_t>& shape, const Hyperslab& box, Visit visit) {
  std::vector<std::uint64_t> index(shape.size());
  for (std::size_t number = 0;; ++number) {
    std::uint64_t place = 0;
    for (std::size_t at = 0; at < shape.size(); ++at) {
      const std::uint64_t stride = box.stride.size() == 0 ? 1 : box.stride[at];
      place = place * shape[at] + box.start[at] + index[at] * stride;
    }
    visit(number, place);
    std::size_t at = shape.size();
    while (at > 0 && ++index[at - 1] == box.count[at - 1]) {
      index[--at] = 0;
    }
    if (at == 0) {
      return;
    }
  }
}

Hyperslab random_box(std::mt19937& random, const std::vector<std::uint64_t>& shape) {
  std::vector<std::uint64_t> start(shape.size());
  std::vector<std::uint64_t> count(shape.size());
  std::vector<std::uint64_t> stride(shape.size());
  for (std::size_t at = 0; at < shape.size(); ++at) {
    start[at] = random() % shape[at];
    stride[at] = 1 + random() % 3;
    count[at] = 1 + random() % (1 + (shape[at] - 1 - start[at]) / stride[at]);
  }
  return {extents_from(start), extents_from(count), extents_from(stride)};
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
    std::vector<std::vector<Cut>> cuts(steps);
    for (auto& one : cuts) {
      cut(random, {std::vector<std::uint64_t>(shape.size()), shape}, 1 + random() % (3 * writers), one);
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
          const Cut& mine = cuts[n][at];
          const GlobalBlock block{extents_from(shape), extents_from(mine.start), extents_from(mine.count)};
          const auto elements = step.create<std::uint64_t>("V", block).value();
          for_each_place(shape, {block.start, block.count}, [&](std::size_t number, std::uint64_t place) {
            elements[number] = value_at(n, place);
          });
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
        const Hyperslab box = random_box(mine, shape);
        const auto elements = step.read<std::uint64_t>("V", box).value();
        EXPECT_EQ(elements.extents(), box.count);
        std::vector<std::uint64_t> copied(elements.size());
        EXPECT_EQ(step.read("V", std::span(copied), box).value(), copied.size());
        for_each_place(shape, box, [&](std::size_t number, std::uint64_t place) {
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
