#include "bench/scaling/zipf.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <stdexcept>
#include <vector>

namespace {

using scaling::Zipf;

TEST(Zipf, DrawsTheFirstNumbersAsOftenAsItsFormulaSays) {
  constexpr int draws = 400'000;
  for (const std::uint64_t count : {2U, 3U, 100U, 10'000U}) {
    const Zipf zipf(count);
    std::mt19937_64 random(count);
    std::vector<int> seen(count);
    for (int i = 0; i < draws; ++i) {
      ++seen.at(zipf(random));
    }
    double sum = 0;
    for (std::uint64_t k = 1; k <= count; ++k) {
      sum += std::pow(static_cast<double>(k), -Zipf::ycsb_skew);
    }
    for (const std::size_t k : {0U, 1U}) {
      const double share = std::pow(static_cast<double>(k + 1), -Zipf::ycsb_skew) / sum;
      EXPECT_NEAR(seen[k] / double{draws}, share, 0.005) << count << ", " << k;
    }
    // Of the others the generator is an approximation: a tenth of the numbers is much more than a tenth of
    // the draws.
    int frequent = 0;
    for (std::size_t k = 0; k < (count + 9) / 10; ++k) {
      frequent += seen[k];
    }
    EXPECT_GT(frequent, draws * 0.3) << count;
  }
}

TEST(Zipf, StaysWithinItsCount) {
  std::mt19937_64 random(3);
  for (const std::uint64_t count : {1U, 2U, 3U, 7U}) {
    const Zipf zipf(count);
    for (int i = 0; i < 10'000; ++i) {
      ASSERT_LT(zipf(random), count);
    }
  }
}

TEST(Zipf, RefusesWhatIsNoDistribution) {
  EXPECT_THROW(Zipf(0), std::invalid_argument);
  EXPECT_THROW(Zipf(10, 1), std::invalid_argument);
}

}  // namespace
