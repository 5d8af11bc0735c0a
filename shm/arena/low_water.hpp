#pragma once

#include <algorithm>
#include <cstdint>

namespace locum::shm {

/// The lowest level over the last one to two windows: what was not needed in all that time. Its owner locks,
/// and measures the time.
class LowWater {
 public:
  /// Forgets the past.
  void start(std::uint64_t level) noexcept {
    before_ = 0;
    now_ = level;
  }
  /// The level may have fallen.
  void note(std::uint64_t level) noexcept { now_ = std::min(now_, level); }
  /// Ends a window: the lowest level of it and the one before it.
  [[nodiscard]] std::uint64_t turn(std::uint64_t level) noexcept {
    const std::uint64_t lowest = std::min(before_, now_);
    before_ = now_;
    now_ = level;
    return lowest;
  }

 private:
  std::uint64_t before_ = 0;
  std::uint64_t now_ = 0;
};

}  // namespace locum::shm
