#pragma once

#include <cstdint>

namespace locum::detail {

/// The lane of threads that start while all others are in use, and of those that are ending.
inline constexpr std::uint32_t shared_lane = 32;

inline constexpr std::uint32_t unknown_lane = ~0U;
extern constinit thread_local std::uint32_t known_lane;  // unknown until the thread asks
[[nodiscard]] std::uint32_t take_lane() noexcept;

/// Returns a small number, at most `shared_lane`, that no two live threads of the process share, except
/// `shared_lane` itself: data kept per lane has one writer, and is changed without a locked instruction. A
/// thread takes the lowest free lane when it first asks and returns it when it ends; the next owner sees all
/// that its predecessor wrote.
[[nodiscard]] inline std::uint32_t thread_lane() noexcept {
  const std::uint32_t lane = known_lane;
  return lane != unknown_lane ? lane : take_lane();
}

}  // namespace locum::detail
