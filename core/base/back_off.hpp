#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

namespace locum {

/// The pause before a retry: doubles each time, up to a longest pause of at most an hour.
class BackOff {
 public:
  using Duration = std::chrono::steady_clock::duration;

  constexpr BackOff(Duration first, std::chrono::milliseconds longest) noexcept
      : pause_(first),
        longest_(
            std::max<Duration>(first, std::min<std::chrono::milliseconds>(longest, std::chrono::hours(1)))) {}

  /// The next pause, without consuming it.
  [[nodiscard]] constexpr Duration pause() const noexcept { return pause_; }
  /// The next pause; the one after it is longer.
  constexpr Duration next() noexcept { return std::exchange(pause_, std::min(2 * pause_, longest_)); }

 private:
  Duration pause_;
  Duration longest_;
};

}  // namespace locum
