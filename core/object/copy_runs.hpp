#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace locum {

/// Copies runs of a length that the compiler knows, which then needs no call for each.
template <std::size_t run_bytes>
void copy_known_runs(std::byte* into, std::int64_t into_step, const std::byte* from, std::int64_t from_step,
                     std::uint64_t count) noexcept {
  for (; count > 0; --count, into += into_step, from += from_step) {
    std::memcpy(into, from, run_bytes);
  }
}

/// Copies `count` runs of so many bytes; steps are the distances, in bytes, from one run to the next.
inline void copy_runs(std::byte* into, std::int64_t into_step, const std::byte* from, std::int64_t from_step,
                      std::uint64_t run_bytes, std::uint64_t count) noexcept {
  switch (run_bytes) {
    case 1:
      return copy_known_runs<1>(into, into_step, from, from_step, count);
    case 2:
      return copy_known_runs<2>(into, into_step, from, from_step, count);
    case 4:
      return copy_known_runs<4>(into, into_step, from, from_step, count);
    case 8:
      return copy_known_runs<8>(into, into_step, from, from_step, count);
    case 16:
      return copy_known_runs<16>(into, into_step, from, from_step, count);
    default:
      break;
  }
  for (; count > 0; --count, into += into_step, from += from_step) {
    std::memcpy(into, from, run_bytes);
  }
}

}  // namespace locum
