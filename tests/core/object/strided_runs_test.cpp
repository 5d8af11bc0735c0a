#include "core/object/strided_runs.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/core/connector_samples.hpp"
#include "tests/core/hyperslab_samples.hpp"

namespace locum::tests {

namespace {

ObjectFacts facts_of(const ArraySample& array) {
  ObjectFacts facts;
  facts.size_bytes = array.bytes.size();
  facts.element_bytes = array.element_bytes;
  facts.layout = Layout::array;
  facts.extents = array.extents;
  facts.type_name = "element[]";
  return facts;
}

ArraySample plain_array(const Extents& extents, std::uint32_t element_bytes) {
  ArraySample array{extents, element_bytes, {}};
  std::uint64_t bytes = element_bytes;
  for (const std::uint64_t extent : extents.span()) {
    bytes *= extent;
  }
  array.bytes = pattern(bytes, bytes);
  return array;
}

std::uint64_t first_run(const ArraySample& array, const Hyperslab& slab) {
  return StridedRuns::of(slab, array.element_bytes, facts_of(array)).value().run_at(0).bytes;
}

TEST(StridedRuns, PackWhatANestedLoopPacks) {
  HyperslabSampler sampler(1);
  for (int round = 0; round < 4000; ++round) {
    const std::size_t rank = 1 + static_cast<std::size_t>(round) % 5;
    const ArraySample array = sampler.array(rank, rank < 3 ? 40 : 9);
    const Hyperslab slab = sampler.slab(array.extents);
    const auto expected = packed(array, slab);
    const auto runs = StridedRuns::of(slab, array.element_bytes, facts_of(array));
    ASSERT_TRUE(runs) << runs.error() << slab;
    ASSERT_EQ(runs->bytes(), expected.size());
    std::vector<std::byte> whole(expected.size());
    runs->gather(array.bytes.data(), 0, whole);
    ASSERT_EQ(whole, expected) << slab;
    // Beginning and ending anywhere, also within an element.
    for (int piece = 0; piece < 4; ++piece) {
      const std::uint64_t from = sampler.below(expected.size());
      std::vector<std::byte> some(1 + sampler.below(expected.size() - from));
      runs->gather(array.bytes.data(), from, some);
      ASSERT_TRUE(std::ranges::equal(some, std::span(expected).subspan(from, some.size()))) << slab;
      const ByteRange run = runs->run_at(from);
      ASSERT_LE(run.offset + run.bytes, array.bytes.size());
      ASSERT_LE(run.bytes, expected.size() - from);
      ASSERT_TRUE(std::ranges::equal(std::span(array.bytes).subspan(run.offset, run.bytes),
                                     std::span(expected).subspan(from, run.bytes)))
          << slab;
    }
  }
}

TEST(StridedRuns, AreMergedWhereTheyTouch) {
  const ArraySample field = plain_array({4, 5, 6}, 8);
  EXPECT_EQ(first_run(field, {.start = {0, 0, 0}, .count = {4, 5, 6}}), 4U * 5 * 6 * 8) << "the whole array";
  EXPECT_EQ(first_run(field, {.start = {1, 0, 0}, .count = {2, 5, 6}}), 2U * 5 * 6 * 8) << "whole planes";
  EXPECT_EQ(first_run(field, {.start = {3, 1, 0}, .count = {1, 3, 6}}), 3U * 6 * 8) << "rows of one plane";
  EXPECT_EQ(first_run(field, {.start = {3, 1, 2}, .count = {1, 1, 4}}), 4U * 8) << "part of a row";
  EXPECT_EQ(first_run(field, {.start = {3, 1, 2}, .count = {1, 1, 1}, .stride = {7, 7, 7}}), 8U)
      << "an element";
  EXPECT_EQ(first_run(field, {.start = {0, 1, 0}, .count = {4, 3, 6}}), 3U * 6 * 8) << "rows of each plane";
  EXPECT_EQ(first_run(field, {.start = {0, 0, 1}, .count = {4, 5, 5}}), 5U * 8) << "part of each row";
  EXPECT_EQ(first_run(field, {.start = {0, 0, 0}, .count = {4, 5, 3}, .stride = {1, 1, 2}}), 8U);
  EXPECT_EQ(first_run(field, {.start = {0, 0, 0}, .count = {2, 5, 6}, .stride = {2, 1, 1}}), 5U * 6 * 8)
      << "every second plane";
  const ArraySample thin = plain_array({7, 1, 1}, 4);
  EXPECT_EQ(first_run(thin, {.start = {2, 0, 0}, .count = {5, 1, 1}}), 5U * 4);
}

TEST(StridedRuns, RefuseWhatTheArrayDoesNotHave) {
  const ArraySample array = plain_array({6, 10}, 4);
  for (const Hyperslab& slab : wrong_hyperslabs(6, 10)) {
    EXPECT_EQ(code_of(StridedRuns::of(slab, 4, facts_of(array))), Errc::invalid_argument) << slab;
  }
  const Hyperslab huge{.start = {0, 0}, .count = {std::uint64_t{1} << 32U, std::uint64_t{1} << 30U}};
  EXPECT_EQ(code_of(packed_bytes(huge, 4)), Errc::invalid_argument) << "2^64 bytes";
  EXPECT_EQ(code_of(packed_bytes(huge, 8)), Errc::invalid_argument);
  EXPECT_EQ(packed_bytes({.start = {9, 9}, .count = {3, 5}}, 8).value(), 120U);
  const Hyperslab right{.start = {0, 0}, .count = {2, 2}};
  EXPECT_TRUE(StridedRuns::of(right, 4, facts_of(array)));
  for (const std::uint64_t element_bytes : {0, 1, 3, 5, 8}) {
    EXPECT_EQ(code_of(StridedRuns::of(right, element_bytes, facts_of(array))),
              element_bytes == 0 ? Errc::invalid_argument : Errc::type_mismatch);
  }
  ObjectFacts facts = facts_of(array);
  facts.layout = Layout::bytes;
  EXPECT_EQ(code_of(StridedRuns::of(right, 4, facts)), Errc::invalid_argument);
}

// Extents that do not match the object's size are refused.
TEST(StridedRuns, RefuseExtentsThatWereOverwritten) {
  constexpr std::uint64_t most = ~std::uint64_t{0};
  const Hyperslab right{.start = {0, 0}, .count = {1, 1}};
  const ArraySample array = plain_array({6, 10}, 4);
  for (const Extents& extents :
       {Extents(6, 11), Extents(7, 10), Extents(5, 10), Extents(12, 10), Extents(most, most),
        Extents(most, 10), Extents(6, most), Extents(2, 60), Extents(std::uint64_t{1} << 62U, 4),
        Extents(most / 4, 4), Extents((std::uint64_t{1} << 61U) + 30, 2)}) {  // 2^64 bytes too many
    ObjectFacts facts = facts_of(array);
    facts.extents = extents;
    EXPECT_EQ(code_of(StridedRuns::of(right, 4, facts)), Errc::corrupt) << extents[0] << " " << extents[1];
  }
  ObjectFacts facts = facts_of(array);
  facts.whole = false;
  EXPECT_EQ(code_of(StridedRuns::of(right, 4, facts)), Errc::corrupt);
  facts = facts_of(array);
  facts.extents = Extents(60);
  EXPECT_EQ(code_of(StridedRuns::of(right, 4, facts)), Errc::invalid_argument)
      << "another number of dimensions";
  facts.extents = Extents(0, 10);
  facts.size_bytes = 0;
  EXPECT_EQ(code_of(StridedRuns::of(right, 4, facts)), Errc::invalid_argument) << "of no elements";
}

TEST(StridedRuns, MayHaveNoElements) {
  const ArraySample array = plain_array({6, 10}, 4);
  for (const Hyperslab& slab : empty_hyperslabs(6, 10)) {
    EXPECT_EQ(packed_bytes(slab, 4).value(), 0U) << slab;
    EXPECT_EQ(StridedRuns::of(slab, 4, facts_of(array)).value().bytes(), 0U) << slab;
  }
  const ArraySample nothing = plain_array({0, 10}, 4);
  EXPECT_EQ(StridedRuns::of({.start = {0, 9}, .count = {0, 1}}, 4, facts_of(nothing)).value().bytes(), 0U);
  EXPECT_EQ(code_of(StridedRuns::of({.start = {1, 9}, .count = {0, 1}}, 4, facts_of(nothing))),
            Errc::invalid_argument);
  EXPECT_EQ(code_of(StridedRuns::of({.start = {0, 10}, .count = {0, 1}}, 4, facts_of(nothing))),
            Errc::invalid_argument);
}

}  // namespace
}  // namespace locum::tests
