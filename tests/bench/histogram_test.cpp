#include "bench/scaling/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace {

using scaling::Histogram;

TEST(Histogram, HasNoQuantileWithoutSamples) {
  EXPECT_TRUE(std::isnan(Histogram().quantile(0.5)));
}

TEST(Histogram, IsExactForShortDurations) {
  Histogram histogram;
  for (int nanoseconds = 1; nanoseconds <= 100; ++nanoseconds) {
    histogram.add(nanoseconds * 1e-9);
  }
  EXPECT_EQ(histogram.count(), 100U);
  EXPECT_DOUBLE_EQ(histogram.quantile(0.5), 50e-9);
  EXPECT_DOUBLE_EQ(histogram.quantile(0.99), 99e-9);
  EXPECT_DOUBLE_EQ(histogram.quantile(0), 1e-9);
  EXPECT_DOUBLE_EQ(histogram.quantile(1), 100e-9);
}

TEST(Histogram, IsWithinOnePartIn128OfTheSample) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> exponent(-9, 3);
  std::vector<double> samples;
  Histogram histogram;
  for (int i = 0; i < 10'001; ++i) {
    samples.push_back(std::pow(10.0, exponent(random)));
    histogram.add(samples.back());
  }
  std::sort(samples.begin(), samples.end());
  for (const double q : {0.01, 0.1, 0.5, 0.9, 0.99, 0.999}) {
    const double exact = samples[static_cast<std::size_t>(std::ceil(q * 10'001)) - 1];
    EXPECT_NEAR(histogram.quantile(q), exact, exact / 128 + 1e-9) << q;
  }
}

TEST(Histogram, SeparatesATailFromTheRest) {
  Histogram histogram;
  for (int i = 0; i < 999; ++i) {
    histogram.add(1e-6);
  }
  histogram.add(1);
  EXPECT_NEAR(histogram.quantile(0.999), 1e-6, 1e-8);
  EXPECT_NEAR(histogram.quantile(0.9991), 1, 0.01);
}

TEST(Histogram, TakesWhatIsNoDuration) {
  Histogram histogram;
  histogram.add(-1);
  histogram.add(std::nan(""));
  histogram.add(1e300);
  EXPECT_EQ(histogram.count(), 3U);
  EXPECT_EQ(histogram.quantile(0.5), 0);
  EXPECT_GT(histogram.quantile(1), 1e9);
}

}  // namespace
