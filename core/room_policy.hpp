#pragma once

#include <cstdint>

namespace locum {

/// Treatment of a step for which the stream has no room. For puts, see RoomPolicy.
enum class WhenFull : std::uint8_t {
  wait,         ///< begin() waits until readers have released a step, also for the first reader
  drop_oldest,  ///< the oldest step that no reader has begun is dropped; if there is none, the new one
  drop_newest,  ///< the new step is dropped
  fail,         ///< begin() returns `queue_full` at once, on all ranks of the writer
};

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
