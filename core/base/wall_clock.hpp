#pragma once

#include <chrono>
#include <cstdint>
#include <limits>

namespace locum {

/// The system's clock, which other processes read, too. It may be set, also back.
[[nodiscard]] inline std::uint64_t nanoseconds_since_1970() noexcept {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::system_clock::now().time_since_epoch())
                                        .count());
}

/// That many milliseconds from now, in nanoseconds since 1970; or the last moment there is.
[[nodiscard]] inline std::uint64_t moment_after(std::uint64_t ms) noexcept {
  constexpr std::uint64_t ns_in_ms = 1'000'000;
  const std::uint64_t now = nanoseconds_since_1970();
  const std::uint64_t room = std::numeric_limits<std::uint64_t>::max() - now;
  return ms > room / ns_in_ms ? now + room : now + ms * ns_in_ms;
}

}  // namespace locum
