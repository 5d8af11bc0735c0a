#include "jobs/shallow_water/picture.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace {

using jobs::Color;
using shallow_water::Account;
using shallow_water::Float;

TEST(PoolPicture, MarksTheFloats) {
  Account account{.cells = 4};
  const std::vector<double> depths(16, 1.0);
  account.add(depths);
  const std::vector<Float> floats{{.x_m = 2.5, .y_m = 5.0, .group = 0}, {.x_m = 7.5, .y_m = 5.0, .group = 1}};
  const auto with = shallow_water::draw_pool(account, depths, floats).pixels();
  const auto without = shallow_water::draw_pool(account, depths, {}).pixels();
  long changed = 0;
  long left_of_the_middle = 0;
  const int width = shallow_water::draw_pool(account, depths, {}).width();
  for (std::size_t at = 0; at < with.size(); ++at) {
    if (with[at] != without[at]) {
      ++changed;
      left_of_the_middle += static_cast<int>(at) % width < 16 + 256 ? 1 : 0;
    }
  }
  EXPECT_EQ(changed, 2 * 4) << "two pixels by two each";
  EXPECT_EQ(left_of_the_middle, 4);
}

}  // namespace
