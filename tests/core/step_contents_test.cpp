#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <thread>
#include <vector>

#include "core/step_reader.hpp"
#include "core/step_writer.hpp"
#include "tests/core/steps_fixture.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;

TEST_F(Steps, RefuseABlockOutsideItsArray) {
  StepWriter out(side(), "s");
  auto step = out.begin().value();
  const auto code = [&](const GlobalBlock& block) { return step.create<int>("V", block).error().code(); };
  EXPECT_EQ(code({.shape = {4, 4}, .start = {3, 0}, .count = {2, 1}}), Errc::invalid_argument);
  EXPECT_EQ(code({.shape = {4, 4}, .start = {0}, .count = {2, 1}}), Errc::invalid_argument);
  EXPECT_EQ(code({.shape = {4}, .start = {0, 0}, .count = {2, 1}}), Errc::invalid_argument);
  EXPECT_EQ(code({.shape = {4}, .start = {~std::uint64_t{0}}, .count = {2}}), Errc::invalid_argument);
  EXPECT_EQ(step.put("V", std::vector<int>(3), {.shape = {4}, .start = {0}, .count = {4}}).error().code(),
            Errc::invalid_argument);
  EXPECT_EQ(
      step.create<int>("V", {.shape = {4, 4}, .start = {3, 0}, .count = {2, 1}}).error().text(),
      "this block, 2 x 1 elements from [3, 0] (counted from 0) on, is not within its array, whose shape is "
      "4 x 4; give the start and the shape of the whole array");
  step.discard();
}

// As those who write for other languages, which know types that the library does not.
TEST_F(Steps, FailByWhatTheirWriterRefuses) {
  StepWriter out(side(), "s", {.when_full = WhenFull::drop_oldest});
  {
    auto step = out.begin().value();
    const auto refused = step.fail("V", Error(Errc::unsupported, "it is red"));
    EXPECT_STREQ(refused.error().what(), "unsupported: it is red [key s: V] [rank 0]");
    EXPECT_EQ(step.end().error().code(), Errc::unsupported);
    EXPECT_EQ(step.fail("V", Error(Errc::unsupported, "it is red")).error().code(), Errc::invalid_argument);
  }
  EXPECT_FALSE(out.begin());
  auto step = out.begin().value();
  (void)step.fail("V", Error(Errc::unsupported, "it is red"));
  step.put("V", 1);
  EXPECT_TRUE(step.end());
}

TEST_F(Steps, CannotBeReadAfterTheirRelease) {
  StepWriter out(side(), "s");
  auto written = out.begin().value();
  written.put("V", std::vector<int>{1, 2, 3}, {.shape = {3}, .start = {0}, .count = {3}});
  written.end().value();
  StepReader in(side(), "s");
  auto step = in.next(1s).value();
  const auto kept = step.read<int>("V").value();
  step.release();
  EXPECT_EQ(step.read<int>("V").error().code(), Errc::invalid_argument);
  EXPECT_EQ(step.get<int[]>("V").error().code(), Errc::invalid_argument);
  EXPECT_EQ(step.joined<int>("V").error().code(), Errc::invalid_argument);
  out.begin().value().discard();
  EXPECT_EQ(kept[2], 3);
}

// As interfaces of other languages do for arrays that the program still has.
TEST_F(Steps, KeepBlocksThatOutliveThem) {
  StepWriter out(side(), "s");
  const auto block = [](OutputStep& step, int value) {
    const auto made = step.create<int>("V", {.shape = {4}, .start = {0}, .count = {4}}).value();
    std::ranges::fill(made, value);
    return std::as_bytes(made);
  };
  const auto value_of = [](const RawView& kept) {
    int value = 0;
    std::memcpy(&value, kept.bytes().data() + 3 * sizeof value, sizeof value);
    return value;
  };
  auto step = out.begin().value();
  const auto ended = block(step, 1);
  EXPECT_EQ(step.keep(ended.data() + 1).error().code(), Errc::invalid_argument);
  const RawView of_ended = step.keep(ended.data()).value();
  EXPECT_EQ(of_ended.bytes().data(), ended.data());  // in place
  EXPECT_EQ(step.keep(ended.data()).error().code(), Errc::invalid_argument);
  step.end().value();
  EXPECT_EQ(step.keep(ended.data()).error().code(), Errc::invalid_argument);
  step = out.begin().value();
  const RawView of_discarded = step.keep(block(step, 2).data()).value();
  step.discard();
  {
    StepReader in(side(), "s");
    EXPECT_EQ(in.next(1s).value().read<int>("V").value()[3], 1);
  }
  for (int number = 0; number < 3; ++number) {  // their memory is not used for these
    step = out.begin().value();
    (void)block(step, 3);
    step.discard();
  }
  EXPECT_EQ(value_of(of_ended), 1);
  EXPECT_EQ(value_of(of_discarded), 2);

  step = out.begin().value();
  const auto left = block(step, 4);
  node.session->close();
  EXPECT_EQ(step.keep(left.data()).error().code(), Errc::closed);
  EXPECT_EQ(value_of(of_discarded), 2);
  EXPECT_EQ(std::to_integer<int>(left[0]), 4);  // stays as long as the step
}

TEST_F(Steps, NameWhoWroteWhat) {
  std::vector<std::thread> threads;
  for (const std::size_t index : {0U, 1U}) {
    threads.emplace_back([this, index] {
      StepWriter out(side(index, 2, 1000), "s", {.rendezvous_readers = 1});
      auto step = out.begin({.deadline = 10s}).value();
      step.put("rank", static_cast<int>(index));
      step.put("shapes", std::vector<int>(2), {.shape = {4 + index}, .start = {2 * index}, .count = {2}});
      step.end().value();
      out.close({.deadline = 10s}).value();
    });
  }
  {
    StepReader in(side(), "s");
    const auto step = in.next(10s).value();
    EXPECT_EQ(step.get<int>("rank").error().code(), Errc::invalid_argument);
    EXPECT_EQ(*step.get<int>("rank", {.writer = 1}).value(), 1);
    EXPECT_EQ(step.get<int>("rank", {.writer = 2}).error().code(), Errc::not_found);
    EXPECT_EQ(step.get<int>("nobody's").error().code(), Errc::not_found);
    EXPECT_EQ(step.read<int>("nobody's").error().code(), Errc::not_found);
    EXPECT_EQ(step.joined<int>("nobody's").error().code(), Errc::not_found);
    EXPECT_EQ(step.read<int>("shapes").error().code(), Errc::invalid_argument);
    EXPECT_EQ(step.read<int>("rank").error().code(), Errc::invalid_argument);
    EXPECT_EQ(step.get<double>("rank", {.writer = 1}).error().code(), Errc::type_mismatch);
    ASSERT_EQ(step.variables().size(), 3U);
    EXPECT_EQ(step.variables()[0].name, "rank");
    EXPECT_EQ(step.variables()[0].type, "i32");
    EXPECT_EQ(step.variables()[0].blocks, 2U);
    EXPECT_EQ(step.variables()[0].size_bytes, 8U);
    EXPECT_EQ(step.variables()[1].shape, Extents(4));
    EXPECT_EQ(step.shape("shapes").error().code(), Errc::invalid_argument);  // the writers disagree
    EXPECT_EQ(step.shape("rank").error().code(), Errc::invalid_argument);
    EXPECT_EQ(step.shape("nobody's").error().code(), Errc::not_found);
    EXPECT_EQ(step.blocks("nobody's").error().code(), Errc::not_found);
    const auto blocks = step.blocks("shapes").value();
    ASSERT_EQ(blocks.size(), 2U);
    EXPECT_EQ(blocks[1].writer, 1);
    EXPECT_EQ(blocks[1].start[0], 2U);
    EXPECT_EQ(blocks[1].count, Extents(2));
    EXPECT_EQ(blocks[1].size_bytes, 2 * sizeof(int));
    EXPECT_TRUE(blocks[1].is_here);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

// As a tool does it that shows any stream.
TEST_F(Steps, AreReadWithoutKnowingTheirTypes) {
  StepWriter out(side(), "s");
  auto written = out.begin().value();
  written.put("V", std::vector<int>{1, 2, 3, 4}, {.shape = {3, 4}, .start = {1, 0}, .count = {2, 2}});
  written.put("words", std::vector<std::string>{"far", "away"});
  written.end().value();
  StepReader in(side(), "s");
  auto step = in.next(1s).value();
  EXPECT_EQ(step.shape("V").value(), Extents(3, 4));
  const StepBlock block = step.blocks("V").value().at(0);
  EXPECT_EQ(block.start[0], 1U);
  EXPECT_EQ(block.start[1], 0U);
  EXPECT_EQ(block.count, Extents(2, 2));
  const auto read = step.read<int>("V", {.start = block.start, .count = block.count}).value();
  EXPECT_EQ(read[3], 4);
  const auto bytes = step.get_bytes("V").value();
  ASSERT_EQ(bytes.size(), 4 * sizeof(int));
  EXPECT_EQ(static_cast<const void*>(bytes.data()), read.data());
  EXPECT_EQ(step.variables()[1].type, "vector<char[]>");
  EXPECT_EQ(step.get_bytes("words").value().size(), step.blocks("words").value()[0].size_bytes);
  EXPECT_EQ(step.get_bytes("nobody's").error().code(), Errc::not_found);
  step.release();
  EXPECT_EQ(step.get_bytes("V").error().code(), Errc::invalid_argument);
}

}  // namespace
}  // namespace locum::tests
