#pragma once

#include <locum/when_full.hpp>

namespace locum {

/// Behaviour of a call that stores an object if the node has no memory for it: `{.when_full =
/// locum::WhenFull::wait}`, or `fail`, the default. A put has no object that it could drop instead, so the
/// other policies of a stream of steps do not compile here. A policy that is known only at run time is
/// assigned: `locum::RoomPolicy policy; if (patient) { policy = locum::WhenFull::wait; }`.
class RoomPolicy {
 public:
  /// Selects `fail`: the call returns `out_of_memory` at once.
  constexpr RoomPolicy() noexcept = default;
  /// Selects `wait`: the call waits until memory of the node is free; see Store, *Room*.
  consteval RoomPolicy(WhenFull policy) : waits_(policy == WhenFull::wait) {
    if (policy != WhenFull::wait && policy != WhenFull::fail) {
      throw "locum: a put waits or fails if the node is full; only a stream of steps drops something";
    }
  }

  [[nodiscard]] constexpr bool waits() const noexcept { return waits_; }

 private:
  bool waits_ = false;
};

}  // namespace locum
