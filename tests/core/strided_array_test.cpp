#include "core/strided_array.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "core/store.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/session_fixture.hpp"

namespace locum {
namespace {

using tests::code_of;
using tests::SessionFixture;

/// A field of ny x nx cells and one layer of ghost cells, which hold `ghost`; cell (j, i) holds 100 j + i.
struct Ghosted {
  static constexpr int ny = 4;
  static constexpr int nx = 5;
  static constexpr double ghost = -1.0;
  std::vector<double> cells = std::vector<double>((ny + 2) * (nx + 2), ghost);

  Ghosted() {
    const auto inside = interior();
    for (int j = 0; j < ny; ++j) {
      for (int i = 0; i < nx; ++i) {
        inside(j, i) = 100.0 * j + i;
      }
    }
  }
  [[nodiscard]] StridedArray<double> interior() { return array(&cells[nx + 3], {ny, nx}, {nx + 2, 1}); }
};

class StridedArrayTest : public ::testing::Test {
 protected:
  const SessionFixture one_;
  const Store store_ = one_.store();
};

TEST_F(StridedArrayTest, IsStoredWithoutItsGaps) {
  Ghosted field;
  const Key key = store_.put("T", field.interior()).value();
  const auto view = store_.get<double[]>(key).value();
  EXPECT_EQ(view.extents(), Extents(Ghosted::ny, Ghosted::nx));
  const auto cells = view.array();
  for (int j = 0; j < Ghosted::ny; ++j) {
    for (int i = 0; i < Ghosted::nx; ++i) {
      EXPECT_EQ(cells(j, i), 100.0 * j + i);
    }
  }
  EXPECT_EQ(store_.info("T").value().type, "f64[]");
}

TEST_F(StridedArrayTest, IsStoredOfAnyDimensionsAndStrides) {
  std::vector<int> numbers(2 * 3 * 4 * 5);
  std::iota(numbers.begin(), numbers.end(), 0);
  // Transposed, reversed, and every second element.
  const auto odd = array(&numbers[4], {4, 2, 3, 3}, {5, 60, 20, -2});
  const auto view = store_.get<int[]>(store_.put(odd).value()).value();
  ASSERT_EQ(view.extents(), Extents(4, 2, 3, 3));
  const auto stored = view.array();
  for (int a = 0; a < 4; ++a) {
    for (int b = 0; b < 2; ++b) {
      for (int c = 0; c < 3; ++c) {
        for (int d = 0; d < 3; ++d) {
          EXPECT_EQ(stored(a, b, c, d), 4 + 5 * a + 60 * b + 20 * c - 2 * d);
        }
      }
    }
  }
  const auto column = array(&numbers[1], {3}, {20});
  const auto few = store_.get<int[]>(store_.put(column).value()).value();
  EXPECT_EQ(std::vector<int>(few.begin(), few.end()), (std::vector<int>{1, 21, 41}));
  const auto none = array(numbers.data(), {3, 0, 2}, {1, 1, 1});
  EXPECT_EQ(store_.get<int[]>(store_.put(none).value()).value().size(), 0U);
}

TEST_F(StridedArrayTest, KeepsArraysInItsElements) {
  const std::vector<std::array<double, 3>> points{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, {10, 11, 12}};
  const Key key = store_.put(array(points.data(), {2}, {2})).value();
  EXPECT_EQ(store_.get<double[]>(key).value().extents(), Extents(2, 3));
  std::vector<std::array<double, 3>> back(2);
  EXPECT_EQ(store_.read(key, std::span(back)).value(), 2U);
  EXPECT_EQ(back[1], points[2]);
}

TEST_F(StridedArrayTest, IsRefusedWithoutExtentsOrWithTooFewStrides) {
  double cell = 0.0;
  EXPECT_EQ(code_of(store_.put(array(&cell, Extents()))), Errc::invalid_argument);
  EXPECT_EQ(code_of(store_.put(array(&cell, {1, 1}, {1}))), Errc::invalid_argument);
  EXPECT_EQ(code_of(store_.put(array(&cell, {1, -1}, {1, 1}))), Errc::invalid_argument);
  const auto huge = std::uint64_t{1} << 62U;
  EXPECT_EQ(code_of(store_.put(array(&cell, {huge, huge}, {1, 1}))), Errc::invalid_argument);
  EXPECT_EQ(code_of(store_.put(array(&cell, {huge, huge}))), Errc::invalid_argument);
}

TEST_F(StridedArrayTest, IsReadIntoAllOrSomeOfIt) {
  std::vector<double> numbers(24);
  std::iota(numbers.begin(), numbers.end(), 0.0);
  store_.put("T", array(numbers.data(), {4, 6})).value();

  std::vector<double> all(30, -1.0);
  EXPECT_EQ(store_.read("T", std::span(all)).value(), 24U);
  EXPECT_EQ(all[23], 23.0);
  EXPECT_EQ(all[24], -1.0) << "beyond the object's elements";
  std::array<double, 3> three{};
  EXPECT_EQ(store_.read("T", std::span(three), {.part = {.offset = 7, .count = 3}}).value(), 3U);
  EXPECT_EQ(three, (std::array<double, 3>{7, 8, 9}));

  Ghosted field;
  const auto inside = field.interior();
  EXPECT_EQ(store_.read("T", inside, {.slab = {.start = {0, 1}, .count = {4, 5}}}).value(), 20U);
  EXPECT_EQ(inside(3, 4), 23.0);
  EXPECT_EQ(field.cells[Ghosted::nx + 2], Ghosted::ghost);
  EXPECT_EQ(field.cells[2 * (Ghosted::nx + 2) - 1], Ghosted::ghost);
  EXPECT_EQ(std::ranges::count(field.cells, Ghosted::ghost), 6 * 7 - 20);
}

TEST_F(StridedArrayTest, IsReadIntoMemoryThatFitsOrNotAtAll) {
  const std::vector<double> numbers(24, 1.0);
  store_.put("T", array(numbers.data(), {4, 6})).value();
  std::vector<double> few(23);
  EXPECT_EQ(code_of(store_.read("T", std::span(few))), Errc::invalid_argument);
  std::vector<double> cells(24);
  EXPECT_EQ(code_of(store_.read("T", array(cells.data(), {6, 4}))), Errc::invalid_argument);
  EXPECT_EQ(code_of(store_.read("T", array(cells.data(), {24}))), Errc::invalid_argument);
  EXPECT_EQ(code_of(store_.read("T", array(cells.data(), {6}), {.part = {.count = 7}})),
            Errc::invalid_argument);
  EXPECT_TRUE(store_.read("T", array(cells.data(), {7}), {.part = {.count = 7}}));
  EXPECT_TRUE(store_.read("T", array(cells.data(), {24}), {.part = {.count = 24}}))
      << "a part has one extent";
  EXPECT_EQ(code_of(store_.read("T", array(cells.data(), {4, 6}), {.part = {.count = 24}})),
            Errc::invalid_argument);
  std::vector<float> others(24);
  EXPECT_EQ(code_of(store_.read("T", std::span(others))), Errc::type_mismatch);
  EXPECT_EQ(code_of(store_.read("none", std::span(cells))), Errc::not_found);
}

TEST_F(StridedArrayTest, CountsOneCopy) {
  const Key key = store_.put(std::vector<double>(100)).value();
  std::vector<double> mine(100);
  EXPECT_TRUE(store_.read(key, std::span(mine)));
  EXPECT_EQ(one_.read_bytes(Path::shm_copy), 800U);
  EXPECT_EQ(one_.read_bytes(Path::shm_view), 0U);
}

}  // namespace
}  // namespace locum
