#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>

#include "bench/interleave.hpp"

namespace locum::bench {

/// Work of a chosen length, in registers: it uses neither the caches nor the memory that concurrent copies
/// need.
class Compute {
 public:
  /// Measures the speed of this thread's core: some milliseconds.
  Compute() {
    constexpr int looks = 5;
    steps_ = 200'000;
    double least = timed([&] { run(); });
    for (int look = 1; look < looks; ++look) {
      least = std::min(least, timed([&] { run(); }));
    }
    steps_a_second_ = static_cast<double>(steps_) / least;
  }
  /// Makes a run of it take about that long.
  void fit(double seconds) { steps_ = static_cast<std::uint64_t>(steps_a_second_ * seconds); }
  void run() const {
    double sum = 1;
    for (std::uint64_t step = 0; step < steps_; ++step) {
      sum += 1.0 / sum;
    }
    benchmark::DoNotOptimize(sum);
  }

 private:
  std::uint64_t steps_ = 0;
  double steps_a_second_ = 0;
};

}  // namespace locum::bench
