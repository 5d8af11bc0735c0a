#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace locum {

/// How often memory is swept for objects that live that long: an object may still be found after its end for
/// as long as that, and as long as the sweep takes.
[[nodiscard]] constexpr std::chrono::milliseconds sweep_interval_of(
    std::chrono::milliseconds lifetime) noexcept {
  return std::clamp(lifetime / 8, std::chrono::milliseconds(20), std::chrono::milliseconds(1000));
}

/// Of a connector whose objects expire at the end of their lifetime (ObjectMeta::lifetime_ms), counted from
/// their seal, unless they are evicted before. A put under the name of one that has expired succeeds, whether
/// or not it was swept. Any thread may call.
class Expiring {
 public:
  virtual ~Expiring() = default;

  /// From now on that store has objects that live that long. Returns how often to sweep at least.
  [[nodiscard]] virtual std::chrono::milliseconds expect(std::uint32_t /*store*/,
                                                         std::chrono::milliseconds lifetime) {
    return sweep_interval_of(lifetime);
  }
  /// That store was dropped.
  virtual void forget(std::uint32_t /*store*/) {}
  /// Evicts what has expired: in memory of nodes what this process owns. Ends in bounded time, and leaves the
  /// rest to the next sweep.
  virtual void sweep() noexcept = 0;
};

}  // namespace locum
