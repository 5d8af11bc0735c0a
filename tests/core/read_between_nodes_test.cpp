// Store::read() of objects of another node.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "core/store.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/future_nodes.hpp"

namespace locum::tests {
namespace {

class ReadBetweenNodes : public FutureNodes {
 protected:
  ReadBetweenNodes() { std::iota(values_.begin(), values_.end(), 1.0); }

  std::vector<double> values_ = std::vector<double>(count);
};

TEST_F(ReadBetweenNodes, BringsAllOrSomeAndKeepsNoCopy) {
  const std::string name = world_.name_at(1, maker_.number(), "field ");
  const Key key = maker_.put(name, values_).value();
  std::vector<double> all(count + 5, -1.0);
  EXPECT_EQ(reader_.read(key, std::span(all)).value(), count);
  EXPECT_TRUE(std::ranges::equal(std::span(all).first(count), values_));
  EXPECT_EQ(all[count], -1.0);
  all.assign(count, 0.0);
  EXPECT_EQ(reader_.read(name, std::span(all)).value(), count);
  EXPECT_EQ(all, values_);
  std::array<double, 3> some{};
  EXPECT_EQ(reader_.read(name, std::span(some), {.part = {.offset = 500, .count = 3}}).value(), 3U);
  EXPECT_EQ(some, (std::array{501.0, 502.0, 503.0}));
  EXPECT_EQ(reader_.read(key, std::span(some), {.slab = {.start = {1}, .count = {3}, .stride = {2}}}).value(),
            3U);
  EXPECT_EQ(some, (std::array{2.0, 4.0, 6.0}));
  EXPECT_EQ(world_.connector(2).usage().own_copies, 0U);

  const auto small = reader_.read(name, std::span(some));
  EXPECT_EQ(code_of(small), Errc::invalid_argument);
  EXPECT_NE(std::string(small.error().what()).find(name), std::string::npos) << small.error();
  std::vector<float> floats(count);
  EXPECT_EQ(code_of(reader_.read(key, std::span(floats))), Errc::type_mismatch);
  EXPECT_EQ(code_of(reader_.read("nobody's", std::span(all))), Errc::not_found);
}

// Elements that are arrays themselves: their extents are checked, which come with a part.
TEST_F(ReadBetweenNodes, BringsArraysOfArrays) {
  using Point = std::array<double, 4>;
  std::vector<Point> points(count / 4);
  std::memcpy(points.data(), values_.data(), count * sizeof(double));
  const std::string name = world_.name_at(1, maker_.number(), "points ");
  const Key key = maker_.put(name, points).value();
  for (const bool by_name : {false, true}) {
    std::vector<Point> mine(points.size());
    const auto read = by_name ? reader_.read(name, std::span(mine)) : reader_.read(key, std::span(mine));
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(mine, points);
    std::vector<Point> two(2);
    ASSERT_TRUE(reader_.read(key, std::span(two), {.slab = {.start = {5}, .count = {2}}}));
    EXPECT_EQ(two[1], points[6]);
    const auto part = by_name ? reader_.read(name, std::span(two), {.part = {.offset = 7, .count = 2}})
                              : reader_.read(key, std::span(two), {.part = {.offset = 7, .count = 2}});
    ASSERT_TRUE(part) << part.error();
    EXPECT_TRUE(std::ranges::equal(two, std::span(points).subspan(7, 2)));
    const auto view = reader_.get<Point[]>(key, {.part = {.offset = 3, .count = 2}});
    ASSERT_TRUE(view) << view.error();
    EXPECT_EQ((*view)[1], points[4]);
    std::vector<std::array<double, 2>> others(2);
    EXPECT_EQ(code_of(reader_.read(key, std::span(others), {.part = {.offset = 0, .count = 2}})),
              Errc::type_mismatch);
    std::vector<std::array<double, 2>> other(2 * points.size());
    EXPECT_EQ(code_of(reader_.read(key, std::span(other))), Errc::type_mismatch);
  }
}

}  // namespace
}  // namespace locum::tests
