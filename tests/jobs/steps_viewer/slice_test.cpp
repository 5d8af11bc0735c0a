#include "jobs/steps_viewer/slice.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace {

using steps_viewer::Box;
using steps_viewer::Range;
using steps_viewer::Slice;

const std::vector<std::uint64_t> shape{10, 6, 8};

std::string resolved(const char* text) {
  return to_text(Slice(text).of(shape), shape);
}

std::string refusal(const char* text) {
  try {
    (void)Slice(text).of(shape);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Slice, TakesIndicesRangesAndStrides) {
  EXPECT_EQ(Slice("0:10,5,1::3").of(shape), (Box{{0, 10, 1}, {5, 1, 1, true}, {1, 3, 3}}));
  EXPECT_EQ(Slice("2:5, : ,7").of(shape), (Box{{2, 3, 1}, {0, 6, 1}, {7, 1, 1, true}}));
  EXPECT_EQ(Slice("0:9:4").of(shape)[0], (Range{0, 3, 4}));
  EXPECT_EQ(Slice("0:8:4").of(shape)[0], (Range{0, 2, 4}));
}

TEST(Slice, TakesTheOtherDimensionsWhole) {
  EXPECT_EQ(Slice().of(shape), Slice(":,:,:").of(shape));
  EXPECT_EQ(Slice("3").of(shape), Slice("3,:,:").of(shape));
  EXPECT_EQ(Slice("...,3").of(shape), Slice(":,:,3").of(shape));
  EXPECT_EQ(Slice("1,...,3").of(shape), Slice("1,:,3").of(shape));
  EXPECT_EQ(Slice("1,2,...,3").of(shape), Slice("1,2,3").of(shape));
  EXPECT_EQ(Slice("[1,2,3]").of(shape), Slice("1,2,3").of(shape));
  EXPECT_TRUE(Slice().is_whole());
}

TEST(Slice, CountsNegativeIndicesFromTheEnd) {
  EXPECT_EQ(resolved("-1"), "9,:,:");
  EXPECT_EQ(resolved("-3:-1"), "7:9,:,:");
  EXPECT_EQ(resolved("-100:100"), ":,:,:");
}

TEST(Slice, IsWrittenAsItIsRead) {
  for (const char* text : {"48:,:,::2", "0,1,2", "1:2,:5,::3", "2:9:2,3,:"}) {
    const std::vector<std::uint64_t> large{96, 96, 96};
    EXPECT_EQ(to_text(Slice(text).of(large), large), text);
  }
}

TEST(Slice, SaysWhatIsWrong) {
  EXPECT_EQ(refusal("10"), "\"10\" in the slice is not in dimension 0, which has 10 elements");
  EXPECT_EQ(refusal(":,-7"), "\"-7\" in the slice is not in dimension 1, which has 6 elements");
  EXPECT_EQ(refusal("4:4"), "\"4:4\" in the slice takes nothing of dimension 0, which has 10 elements");
  EXPECT_EQ(refusal("::0"), "\"::0\" in the slice has a stride below 1; write a positive one");
  EXPECT_EQ(refusal("1,2,3,4"), "the slice has 4 dimensions, the array has 3");
  EXPECT_EQ(refusal("...,..."), "\"...\" in the slice occurs twice; write it once at most");
  for (const char* text : {"", "a", "1,", "1:b", "1.5", "1:2:3:4"}) {
    EXPECT_NE(refusal(text).find("in the slice"), std::string::npos) << text;
  }
}

TEST(Slice, FindsTheMiddlePlane) {
  EXPECT_EQ(to_text(steps_viewer::middle_plane(shape), shape), "5,:,:");
  EXPECT_EQ(steps_viewer::middle_plane(std::vector<std::uint64_t>{4}),
            Slice().of(std::vector<std::uint64_t>{4}));
}

}  // namespace
