#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

namespace locum {

/// How long to pause before something is tried again: twice as long each time, up to a longest pause, which
/// is an hour at most.
class BackOff {
 public:
  using Duration = std::chrono::steady_clock::duration;

  constexpr BackOff(Duration first, std::chrono::milliseconds longest) noexcept
      : pause_(first),
        longest_(
            std::max<Duration>(first, std::min<std::chrono::milliseconds>(longest, std::chrono::hours(1)))) {}

  /// The next pause, which is not taken yet.
  [[nodiscard]] constexpr Duration pause() const noexcept { return pause_; }
  /// Takes it.
  constexpr Duration next() noexcept { return std::exchange(pause_, std::min(2 * pause_, longest_)); }

 private:
  Duration pause_;
  Duration longest_;
};

}  // namespace locum
