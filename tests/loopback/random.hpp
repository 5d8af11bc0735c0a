#pragma once

#include <chrono>
#include <cstdint>

namespace locum::loopback {

/// Durations between two bounds, inclusive.
struct Range {
  std::chrono::nanoseconds least{};
  std::chrono::nanoseconds most{};
};

/// Pseudo-random numbers that depend only on the seed, on every machine; the standard's distributions differ
/// between libraries. The generator is SplitMix64 (Steele, Lea and Flood 2014).
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t next() noexcept {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t word = state_;
    word = (word ^ (word >> 30U)) * 0xBF58476D1CE4E5B9U;
    word = (word ^ (word >> 27U)) * 0x94D049BB133111EBU;
    return word ^ (word >> 31U);
  }
  /// One of 0 … count - 1. REQUIRES: count > 0.
  std::uint64_t below(std::uint64_t count) noexcept {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(next()) * count) >> 64U);
  }
  /// Draws nothing if there is only one possibility.
  std::chrono::nanoseconds within(const Range& range) noexcept {
    if (range.most <= range.least) {
      return range.least;
    }
    const auto width = static_cast<std::uint64_t>((range.most - range.least).count()) + 1;
    return range.least + std::chrono::nanoseconds(static_cast<std::int64_t>(below(width)));
  }
  /// True with this probability; draws nothing if it is zero.
  bool chance(double probability) noexcept {
    return probability > 0 && static_cast<double>(next() >> 11U) * 0x1p-53 < probability;
  }

 private:
  std::uint64_t state_;
};

}  // namespace locum::loopback
