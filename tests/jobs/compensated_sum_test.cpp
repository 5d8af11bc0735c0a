#include "jobs/gray_scott/compensated_sum.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace {

using gray_scott::CompensatedSum;

TEST(CompensatedSum, KeepsWhatAPlainSumLoses) {
  std::vector<double> values(10'001, 1e-16);
  values[0] = 1.0;
  ASSERT_EQ(std::accumulate(values.begin(), values.end(), 0.0), 1.0);
  CompensatedSum sum;
  sum.add(values);
  EXPECT_DOUBLE_EQ(sum.value(), 1.0 + 1e-12);
}

TEST(CompensatedSum, SurvivesCancellation) {
  std::vector<double> values;
  for (int i = 0; i < 100; ++i) {
    values.insert(values.end(), {1e100, 1.0, -1e100});
  }
  CompensatedSum sum;
  sum.add(values);
  EXPECT_EQ(sum.value(), 100.0);
}

TEST(CompensatedSum, AddsPartsOfAnyLength) {
  std::vector<double> values(100);
  std::iota(values.begin(), values.end(), 1.0);
  for (std::size_t first = 0; first <= values.size(); ++first) {
    CompensatedSum sum;
    sum.add(std::span(values).first(first));
    sum.add(std::span(values).subspan(first));
    ASSERT_EQ(sum.value(), 5050.0) << first;
  }
}

}  // namespace
