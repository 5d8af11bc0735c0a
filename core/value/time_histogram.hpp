#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include <locum/deadline.hpp>

namespace locum {

/// Histogram of times: four counts for each power of two of nanoseconds. Any thread may add and read, without
/// a lock; a concurrent read may miss the last ones.
class TimeHistogram {
 public:
  void add(std::chrono::nanoseconds time) noexcept {
    times_[bucket_of(time.count() < 0 ? 0 : static_cast<std::uint64_t>(time.count()))].fetch_add(
        1, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t count() const noexcept;
  /// Returns the time that this share of all did not exceed, at most a quarter too long: 0.5 gives the
  /// median; 0.99 of a hundred times gives the last but one. 0 if there are none.
  [[nodiscard]] std::chrono::nanoseconds quantile(double share) const noexcept;

 private:
  static constexpr std::size_t buckets = 252;
  static std::size_t bucket_of(std::uint64_t ns) noexcept {
    if (ns < 4) {
      return ns;
    }
    const auto power = static_cast<unsigned>(std::bit_width(ns)) - 1;
    return (power - 1) * 4 + ((ns >> (power - 2)) & 3U);
  }
  static std::uint64_t longest_in(std::size_t bucket) noexcept {
    return bucket < 4 ? bucket : ((5 + bucket % 4) << (bucket / 4 - 1)) - 1;
  }

  std::array<std::atomic<std::uint64_t>, buckets> times_{};
};

}  // namespace locum
