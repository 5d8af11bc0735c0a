#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include <locum/ports/capability.hpp>

namespace locum {

/// Returns the interval of sweeps for objects with that lifetime: an expired object may still be found for
/// that interval and the duration of a sweep.
[[nodiscard]] constexpr std::chrono::milliseconds sweep_interval_of(
    std::chrono::milliseconds lifetime) noexcept {
  return std::clamp(lifetime / 8, std::chrono::milliseconds(20), std::chrono::milliseconds(1000));
}

/// Interface of a connector whose objects expire at the end of their lifetime (ObjectMeta::lifetime_ms),
/// counted from their seal, unless they are evicted before. A put under the name of an expired object
/// succeeds, whether or not it was swept. Any thread may call.
class Expiring : public Capability {
 public:
  /// Announces objects with that lifetime in a store. Returns the longest interval between sweeps.
  [[nodiscard]] virtual std::chrono::milliseconds expect(std::uint32_t /*store*/,
                                                         std::chrono::milliseconds lifetime) {
    return sweep_interval_of(lifetime);
  }
  /// Notifies that a store was dropped.
  virtual void forget(std::uint32_t /*store*/) {}
  /// Evicts expired objects: in memory of nodes those that this process owns. Ends in bounded time, and
  /// leaves the rest to the next sweep.
  virtual void sweep() noexcept = 0;
};

}  // namespace locum
