#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace locum::bench {

/// The quantile `q` of all samples; the median for 0.5. REQUIRES: not empty.
[[nodiscard]] inline double quantile(std::vector<double> samples, double q) {
  const auto nth = static_cast<std::size_t>(q * static_cast<double>(samples.size() - 1) + 0.5);
  std::nth_element(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(nth), samples.end());
  return samples[nth];
}

[[nodiscard]] inline double median(std::vector<double> samples) {
  return quantile(std::move(samples), 0.5);
}

}  // namespace locum::bench
