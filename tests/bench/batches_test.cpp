#include "bench/scaling/batches.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace {

using scaling::batch_medians;
using scaling::median_of;

TEST(Batches, HaveTheMiddleSample) {
  EXPECT_EQ(median_of(std::vector<double>{3, 1, 2}), 2);
  EXPECT_EQ(median_of(std::vector<double>{4, 1, 2, 3}), 2.5);
  EXPECT_EQ(median_of(std::vector<double>{7}), 7);
}

TEST(Batches, OfFewSamplesAreTheSamples) {
  EXPECT_EQ(batch_medians(std::vector<double>{5, 1, 9}, 4), (std::vector<double>{5, 1, 9}));
  EXPECT_TRUE(batch_medians({}, 4).empty());
}

TEST(Batches, AreConsecutiveAndHaveAllSamples) {
  std::vector<double> samples(1003);
  std::iota(samples.begin(), samples.end(), 0);
  const auto medians = batch_medians(samples, 10);
  ASSERT_EQ(medians.size(), 10U);
  for (std::size_t i = 0; i < medians.size(); ++i) {
    EXPECT_NEAR(medians[i], 100.3 * (static_cast<double>(i) + 0.5) - 0.5, 1);
  }
}

}  // namespace
