// A variable of a step has one type and one shape, and is read as that type.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/raw_array.hpp"
#include "core/step_reader.hpp"
#include "core/step_writer.hpp"
#include "core/steps/step_search.hpp"
#include "tests/core/steps_fixture.hpp"

namespace locum::tests::step_types_test {
namespace {

using namespace std::chrono_literals;
using Vector = std::array<double, 3>;

class StepTypes : public Steps {
 protected:
  /// Writes one step by that many ranks, and reads it.
  void exchange(std::size_t ranks, const std::function<void(OutputStep&, std::size_t)>& write,
                const std::function<void(const InputStep&)>& read) {
    std::vector<std::thread> writers;
    for (std::size_t index = 0; index < ranks; ++index) {
      writers.emplace_back([this, index, ranks, &write] {
        StepWriter out(side(index, ranks, 1000), "s", {.rendezvous_readers = 1});
        auto step = out.begin({.deadline = 60s}).value();
        write(step, index);
        step.end().value();
        out.close({.deadline = 60s}).value();
      });
    }
    {
      StepReader in(side(), "s");
      read(in.next(60s).value());
    }
    for (std::thread& writer : writers) {
      writer.join();
    }
  }
};

template <class R>
::testing::AssertionResult refuses(const R& result, const std::string& asked, const std::string& stored) {
  if (result) {
    return ::testing::AssertionFailure() << "a value";
  }
  const std::string text = result.error().what();
  if (result.error().code() != Errc::type_mismatch || text.find("[key s: v]") == std::string::npos ||
      text.find("asked for " + asked + ",") == std::string::npos ||
      text.find(" as " + stored + ";") == std::string::npos) {
    return ::testing::AssertionFailure() << text;
  }
  return ::testing::AssertionSuccess();
}

TEST_F(StepTypes, AreThoseThatTheWriterGave) {
  for (const std::size_t ranks : {1U, 2U, 4U}) {
    const std::size_t each = 4 / ranks;
    const auto write = [each](OutputStep& step, std::size_t index) {
      const std::span<Vector> block =
          step.create<Vector>("v", {.shape = {4}, .start = {each * index}, .count = {each}}).value();
      for (std::size_t at = 0; at < each; ++at) {
        block[at] = {static_cast<double>(each * index + at), 10, 20};
      }
    };
    exchange(ranks, write, [](const InputStep& step) {
      EXPECT_TRUE(refuses(step.read<double>("v"), "f64[]", "f64[3][]"));
      EXPECT_TRUE(refuses(step.read<std::uint64_t>("v"), "u64[]", "f64[3][]"));
      EXPECT_TRUE(refuses(step.read<double>("v", {.start = {1}, .count = {2}}), "f64[]", "f64[3][]"));
      EXPECT_TRUE(
          refuses(step.read<double>("v", {.start = {0}, .count = {2}, .stride = {2}}), "f64[]", "f64[3][]"));
      EXPECT_TRUE(refuses(step.read<double>("v", {.start = {0}, .count = {0}}), "f64[]", "f64[3][]"));
      std::vector<double> mine(12);
      EXPECT_TRUE(refuses(step.read("v", std::span(mine).first(4)), "f64[]", "f64[3][]"));
      EXPECT_TRUE(refuses(step.read("v", std::span(mine)), "f64[]", "f64[3][]"));
      EXPECT_TRUE(refuses(step.read("v", locum::array(mine.data(), {4}, {3})), "f64[]", "f64[3][]"));
      EXPECT_TRUE(refuses(step.joined<double>("v"), "f64[]", "f64[3][]"));
      EXPECT_TRUE(refuses(step.get<double[]>("v", {.writer = 0}), "f64[]", "f64[3][]"));
      EXPECT_TRUE(refuses(step.get<std::vector<float>>("v", {.writer = 0}), "f32[]", "f64[3][]"));
      EXPECT_EQ(step.read<Vector>("v").value()[3], (Vector{3, 10, 20}));
      EXPECT_EQ(step.read<Vector>("v", {.start = {1}, .count = {2}}).value()[1][0], 2);
      EXPECT_EQ(step.get<Vector[]>("v", {.writer = 0}).value()[0][2], 20);
      EXPECT_EQ(step.get<std::vector<Vector>>("v", {.writer = 0}).value()->front()[1], 10);
      EXPECT_EQ(step.joined<Vector>("v").value().size(), 4U);
      std::vector<Vector> vectors(4);
      EXPECT_EQ(step.read("v", std::span(vectors)).value(), 4U);
      EXPECT_EQ(vectors[2][0], 2);
    });
  }
}

TEST_F(StepTypes, OfElementsAreNotThoseOfArraysOfThem) {
  const auto write = [](OutputStep& step, std::size_t index) {
    const std::span<double> block =
        step.create<double>("v", {.shape = {4, 3}, .start = {2 * index, 0}, .count = {2, 3}}).value();
    std::ranges::fill(block, 1.0);
    step.put("n", std::vector<int>(3));
  };
  exchange(2, write, [](const InputStep& step) {
    EXPECT_TRUE(refuses(step.read<Vector>("v"), "f64[3][]", "f64[]"));
    EXPECT_TRUE(refuses(step.read<Vector>("v", {.start = {1, 0}, .count = {2, 3}}), "f64[3][]", "f64[]"));
    EXPECT_TRUE(refuses(step.read<Vector>("v", {.start = {1}, .count = {2}}), "f64[3][]", "f64[]"));
    std::vector<Vector> vectors(12);
    EXPECT_TRUE(refuses(step.read("v", std::span(vectors)), "f64[3][]", "f64[]"));
    EXPECT_EQ(step.joined<float>("n").error().code(), Errc::type_mismatch);
    EXPECT_EQ(step.joined<std::uint32_t>("n").error().code(), Errc::type_mismatch);
    EXPECT_EQ(step.joined<int>("n").value().size(), 6U);
    EXPECT_EQ(step.read<double>("v").value().size(), 12U);
  });
}

// A stream in memory fails at such a step; one that is read from a file may have it.
TEST_F(StepTypes, OfAVariableAreTheSameOnAllRanks) {
  std::vector<detail::StepRecord> parts(2);
  for (std::uint32_t writer = 0; writer < 2; ++writer) {
    parts[writer].variables.push_back({"y", writer == 0 ? "f64[]" : "f32[]", {}});
    parts[writer].blocks.push_back({.writer = writer, .rank = 1});
  }
  const detail::StepRecord step = detail::merged(parts);
  for (const char* const type : {"f64[]", "f32[]", ""}) {
    const auto found = detail::find_blocks(step, "y", type);
    ASSERT_FALSE(found);
    EXPECT_STREQ(found.error().what(),
                 "type_mismatch: a variable of a step has one type: writer 1 gave it f32[], writer 0 "
                 "f64[]; let all blocks of it have the same, or give some of them another name");
    EXPECT_EQ(detail::find_global_array(step, "y", type).error().code(), Errc::type_mismatch);
  }
  EXPECT_EQ(detail::blocks_named(step, "y").value().size(), 2U) << "which reads nothing";
}

TEST_F(StepTypes, OfAVariableHaveOneShapeOnAllRanks) {
  const auto write = [](OutputStep& step, std::size_t index) {
    step.put("z", std::vector<int>(2), {.shape = {8 + index}, .start = {2 * index}, .count = {2}});
  };
  exchange(3, write, [](const InputStep& step) {
    const auto text_of = [](const auto& result) { return result ? "a value" : result.error().what(); };
    const std::string shapes =
        "invalid_argument: a variable of a step has one shape: writer 0 gave it 8, writer 1 9; let "
        "all blocks of it have the same, or give some of them another name [key s: z]";
    EXPECT_EQ(text_of(step.read<int>("z")), shapes);
    EXPECT_EQ(text_of(step.get<int[]>("z", {.writer = 2})), shapes);
  });
}

TEST_F(StepTypes, OfAVariableAreTheSameInAllBlocksOfARank) {
  StepWriter out(side(), "s");
  {
    auto step = out.begin().value();
    step.put("y", std::vector<double>(3));
    step.put("y", std::vector<float>(3));
    const auto ended = step.end();
    ASSERT_FALSE(ended);
    EXPECT_STREQ(ended.error().what(),
                 "type_mismatch: a variable of a step has one type: this rank gave it f64[], then f32[]; let "
                 "all blocks of it have the same, or give some of them another name [key s: y] [rank 0]");
  }
  EXPECT_EQ(out.begin().error().code(), Errc::type_mismatch) << "which is told again";
}

TEST_F(StepTypes, OfNoElementsAreCheckedToo) {
  const auto write = [](OutputStep& step, std::size_t index) {
    const std::uint64_t count = index == 0 ? 3 : 0;
    (void)step.create<double>("T", {.shape = {3}, .start = {3 * index}, .count = {count}}).value();
    step.put("none", std::vector<double>{}, {.shape = {0}, .start = {0}, .count = {0}});
    (void)step.create<double>("flat", {.shape = {4, 0}, .start = {2 * index, 0}, .count = {2, 0}}).value();
    step.put("local", std::vector<int>(index));
    step.put("gaps", locum::array(static_cast<const float*>(nullptr), {0, 3}, {5, 1}));
  };
  exchange(2, write, [](const InputStep& step) {
    for (const std::uint64_t start : {0U, 2U, 3U}) {
      const auto view = step.read<double>("T", {.start = {start}, .count = {0}});
      ASSERT_TRUE(view) << view.error();
      EXPECT_TRUE(view->empty());
      EXPECT_TRUE(static_cast<bool>(*view));
      EXPECT_EQ(view->extents(), Extents(0));
      std::vector<double> none;
      EXPECT_EQ(step.read("T", std::span(none), {.start = {start}, .count = {0}}).value(), 0U);
      EXPECT_EQ(step.read("T", locum::array(none.data(), {0}), {.start = {start}, .count = {0}}).value(), 0U);
    }
    EXPECT_EQ(step.read<double>("T", {.start = {4}, .count = {0}}).error().code(), Errc::invalid_argument);
    EXPECT_EQ(step.read<float>("T", {.start = {3}, .count = {0}}).error().code(), Errc::type_mismatch);
    EXPECT_TRUE(step.read<double>("none").value().empty());
    EXPECT_EQ(step.read<double>("flat").value().extents(), Extents(4, 0));
    EXPECT_EQ(step.read<double>("flat", {.start = {4, 0}, .count = {0, 0}}).value().extents(), Extents(0, 0));
    EXPECT_EQ(step.get<int[]>("local", {.writer = 0}).value().size(), 0U);
    EXPECT_EQ(step.joined<int>("local").value().size(), 1U);
    EXPECT_EQ(step.joined<float>("gaps").value().size(), 0U);
    EXPECT_EQ(step.get<float[]>("gaps", {.writer = 1}).value().extents(), Extents(0, 3));
  });
}

// What bindings of other languages and file formats do.
TEST_F(StepTypes, MayBeKnownAtRunTimeOnly) {
  const ElementType f64 = ElementType::named("f64").value();
  const auto write = [&](OutputStep& step, std::size_t index) {
    const auto block =
        step.create("v", f64, {.shape = {4, 3}, .start = {2 * index, 0}, .count = {2, 3}}).value();
    ASSERT_EQ(block.size(), 6 * sizeof(double));
    for (std::size_t at = 0; at < 6; ++at) {
      const double value = static_cast<double>(6 * index + at);
      std::memcpy(&block[at * sizeof value], &value, sizeof value);
    }
    const std::array<std::int16_t, 2> local{static_cast<std::int16_t>(index), 7};
    const ElementType i16 = ElementType::of<std::int16_t>();
    EXPECT_TRUE(step.put_encoded("local", i16, std::as_bytes(std::span(local)), {.count = {2}}));
    const std::array<std::int64_t, 1> backwards{-static_cast<std::int64_t>(sizeof(std::int16_t))};
    const std::array<std::int16_t, 2> ascending{static_cast<std::int16_t>(2 * index), 1};
    EXPECT_TRUE(step.put_encoded("turned", ConstRawArray(&ascending[1], i16, {2}, backwards),
                                 {.shape = {4}, .start = {2 * (1 - index)}}));
    step.put("name", std::string("a value"));
    step.put("list", std::vector<std::string>{"no", "array", "of", "numbers"});
  };
  exchange(2, write, [&](const InputStep& step) {
    EXPECT_EQ(step.read<double>("v").value()[11], 11) << "as what it is";
    EXPECT_EQ(step.joined<std::int16_t>("local").value(), (std::vector<std::int16_t>{0, 7, 1, 7}));

    std::map<std::string, Variable> variables;
    for (const Variable& variable : step.variables()) {
      variables[variable.name] = variable;
    }
    EXPECT_EQ(variables["v"].element, f64);
    EXPECT_EQ(variables["local"].element.name(), "i16");
    EXPECT_EQ(variables["name"].element.name(), "char");
    EXPECT_FALSE(variables["list"].element);

    const auto whole = step.read("v", f64).value();
    ASSERT_EQ(whole.size(), 12 * sizeof(double));
    const auto value_at = [](std::span<const std::byte> bytes, std::size_t index) {
      double value = 0;
      std::memcpy(&value, &bytes[index * sizeof value], sizeof value);
      return value;
    };
    EXPECT_EQ(value_at(whole.span(), 7), 7);
    const auto box = step.read("v", f64, {.start = {1, 1}, .count = {2, 2}}).value();
    EXPECT_EQ(value_at(box.span(), 1), 5);
    EXPECT_EQ(value_at(box.span(), 3), 8) << "of the other writer";
    const auto in_place = step.read("v", f64, {.start = {3, 1}, .count = {1, 2}}).value();
    EXPECT_EQ(value_at(in_place.span(), 0), 10);

    std::array<double, 4> mine{};
    const auto memory = std::as_writable_bytes(std::span(mine));
    EXPECT_EQ(step.read("v", f64, memory, {.start = {1, 1}, .count = {2, 2}}).value(), 4U);
    EXPECT_EQ(mine, (std::array<double, 4>{4, 5, 7, 8}));
    EXPECT_EQ(step.read("v", f64, memory).error().code(), Errc::invalid_argument) << "too little memory";
    EXPECT_EQ(step.read("v", f64, memory.first(12)).error().code(), Errc::invalid_argument) << "no elements";
    EXPECT_TRUE(refuses(step.read("v", ElementType::of<float>()), "f32[]", "f64[]")) << "that is v";

    std::array<double, 4> by_columns{};
    const std::array<std::int64_t, 2> strides{sizeof(double), 2 * sizeof(double)};
    const RawArray transposed(by_columns.data(), f64, {2, 2}, strides);
    EXPECT_EQ(step.read("v", transposed, {.start = {1, 1}, .count = {2, 2}}).value(), 4U);
    EXPECT_EQ(by_columns, (std::array<double, 4>{4, 7, 5, 8}));
    EXPECT_EQ(step.read("v", transposed).error().code(), Errc::invalid_argument) << "other extents";
    EXPECT_EQ(step.read<std::int16_t>("turned").value()[3], 0);
  });
}

TEST_F(StepTypes, OfElementsThatAreNoneAreRefused) {
  StepWriter out(side(), "s", {.when_full = WhenFull::drop_oldest});
  const std::array<std::byte, 9> bytes{};
  const ElementType f32 = ElementType::of<float>();
  {
    auto step = out.begin().value();
    EXPECT_EQ(step.create("v", ElementType(), {.count = {2}}).error().code(), Errc::invalid_argument);
    EXPECT_EQ(step.end().error().code(), Errc::invalid_argument) << "the variable is missing";
  }
  EXPECT_FALSE(out.begin());
  {
    auto step = out.begin().value();
    for (const std::size_t size : {0U, 7U, 9U}) {
      const Written written = step.put_encoded("v", f32, std::span(bytes).first(size), {.count = {2}});
      ASSERT_FALSE(written) << size;
      EXPECT_EQ(written.error().code(), Errc::invalid_argument);
    }
    EXPECT_TRUE(step.put_encoded("v", f32, std::span(bytes).first(8), {.count = {2}}));
    EXPECT_TRUE(step.end());
  }
  {
    auto step = out.begin().value();
    step.end();
    EXPECT_EQ(step.create("v", f32, {.count = {2}}).error().code(), Errc::invalid_argument) << "it has ended";
  }
  EXPECT_EQ(out.begin().error().code(), Errc::invalid_argument) << "which is told";
}

TEST_F(StepTypes, OfAStepThatWasMovedAreNotKnown) {
  StepWriter out(side(), "s");
  {
    auto step = out.begin().value();
    step.put("v", 1.0);
    step.end().value();
  }
  StepReader in(side(), "s");
  auto step = in.next(60s).value();
  const InputStep moved = std::move(step);
  EXPECT_TRUE(step.variables().empty());
  EXPECT_EQ(step.shape("v").error().code(), Errc::invalid_argument);
  EXPECT_EQ(step.blocks("v").error().code(), Errc::invalid_argument);
  EXPECT_EQ(step.get<double>("v").error().code(), Errc::invalid_argument);
  EXPECT_EQ(*moved.get<double>("v").value(), 1.0);
}

}  // namespace
}  // namespace locum::tests::step_types_test
