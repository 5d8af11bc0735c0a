#include "jobs/shallow_water/account.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace {

using shallow_water::Account;

TEST(Account, TakesMeanRangeAndHistogram) {
  Account account{.cells = 2};
  account.add(std::vector{1.0, 1.5});
  account.add(std::vector{0.5, 1.25});
  EXPECT_DOUBLE_EQ(account.mean_depth_m(), 4.25 / 4);
  EXPECT_EQ(account.lowest_m, 0.5);
  EXPECT_EQ(account.highest_m, 1.5);
  EXPECT_EQ(account.histogram.front(), 1U) << "what lies below";
  EXPECT_EQ(account.histogram.back(), 1U) << "what lies above";
  EXPECT_EQ(std::accumulate(account.histogram.begin(), account.histogram.end(), 0U), 4U);
}

TEST(Account, DoesNotDependOnTheOrder) {
  std::vector<double> depths(1000);
  for (std::size_t at = 0; at < depths.size(); ++at) {
    depths[at] = 0.8 + 0.6 / static_cast<double>(at + 1);
  }
  Account forwards{.cells = 10};
  forwards.add(depths);
  std::ranges::reverse(depths);
  Account backwards{.cells = 10};
  backwards.add(depths);
  EXPECT_EQ(forwards, backwards);
}

TEST(Account, IsReducedToThatOfAllRanks) {
  int rank = 0;
  int ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  Account mine{.cells = 4, .time_s = 2.0, .floats = 3};
  mine.add(std::vector{1.0 + rank, 1.0});
  const Account all = shallow_water::reduce(mine, MPI_COMM_WORLD);
  if (rank != 0) {
    return;
  }
  Account expected{.cells = 4, .time_s = 2.0, .floats = 3 * static_cast<std::uint64_t>(ranks)};
  for (int one = 0; one < ranks; ++one) {
    expected.add(std::vector{1.0 + one, 1.0});
  }
  EXPECT_EQ(all, expected);
}

}  // namespace
