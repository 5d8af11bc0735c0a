#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace scaling {

/// Counts of durations in buckets whose width grows with the duration, as HdrHistogram has them: any number
/// of samples in the same memory, and each quantile within 1/128 of its value. Durations are whole
/// nanoseconds; those below 128 ns have a bucket each.
class Histogram {
 public:
  void add(double seconds) {
    constexpr double nano = 1e9;
    constexpr double most = 9e18;
    const double nanoseconds = std::isnan(seconds) ? 0 : std::clamp(seconds * nano, 0.0, most);
    const std::size_t bucket = bucket_of(static_cast<std::uint64_t>(nanoseconds + 0.5));
    if (bucket >= counts_.size()) {
      counts_.resize(bucket + 1);
    }
    ++counts_[bucket];
    ++count_;
  }

  [[nodiscard]] std::uint64_t count() const { return count_; }

  /// The smallest duration, in seconds, that at least the share `q` of all samples does not exceed; the
  /// middle of its bucket. NaN without samples.
  [[nodiscard]] double quantile(double q) const {
    if (count_ == 0) {
      return std::numeric_limits<double>::quiet_NaN();
    }
    const auto wanted = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
      seen += counts_[bucket];
      if (seen >= std::max<std::uint64_t>(wanted, 1)) {
        return middle_of(bucket) * 1e-9;
      }
    }
    return middle_of(counts_.size() - 1) * 1e-9;
  }

 private:
  static constexpr int sub_bits = 6;  ///< 64 buckets for each power of two
  static constexpr std::uint64_t linear = std::uint64_t{2} << sub_bits;

  [[nodiscard]] static int shift_of(std::uint64_t value) {
    return value < linear ? 0 : static_cast<int>(std::bit_width(value)) - sub_bits - 1;
  }
  [[nodiscard]] static std::size_t bucket_of(std::uint64_t value) {
    const int shift = shift_of(value);
    return (static_cast<std::size_t>(shift) << sub_bits) + static_cast<std::size_t>(value >> shift);
  }
  [[nodiscard]] static double middle_of(std::size_t bucket) {
    if (bucket < linear) {
      return static_cast<double>(bucket);
    }
    const std::size_t shift = (bucket >> sub_bits) - 1;
    const std::uint64_t first = (bucket - (shift << sub_bits)) << shift;
    return static_cast<double>(first) + static_cast<double>((std::uint64_t{1} << shift) - 1) / 2;
  }

  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
};

}  // namespace scaling
