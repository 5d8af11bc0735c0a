#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace scaling {

/// The middle one of some samples; the mean of the two in the middle of an even number. REQUIRES: not empty.
[[nodiscard]] inline double median_of(std::span<const double> samples) {
  std::vector<double> sorted(samples.begin(), samples.end());
  std::sort(sorted.begin(), sorted.end());
  const std::size_t half = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/// The medians of at most `most` batches of consecutive samples, all batches equally long but for one sample.
/// Repetitions that follow each other resemble each other, since the machine changes its speed slowly:
/// batches do so less, so that two runs are compared by their batches.
[[nodiscard]] inline std::vector<double> batch_medians(std::span<const double> samples, std::size_t most) {
  const std::size_t batches = std::min(samples.size(), most);
  std::vector<double> medians;
  for (std::size_t batch = 0; batch < batches; ++batch) {
    const std::size_t begin = samples.size() * batch / batches;
    const std::size_t end = samples.size() * (batch + 1) / batches;
    medians.push_back(median_of(samples.subspan(begin, end - begin)));
  }
  return medians;
}

}  // namespace scaling
