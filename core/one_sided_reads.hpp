#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "exchange.hpp"
#include "held_object.hpp"
#include "nodes.hpp"
#include "object_wire.hpp"
#include "remote_memory.hpp"

namespace locum {

/// A lease that this rank was granted. The owner counts its time from when it granted it, this rank from when
/// it asked for it: so it is over here first, if the two clocks go at about the same speed.
struct LeaseHeld {
  int owner = 0;  ///< the rank that granted it
  std::uint64_t number = 0;
  Exchange::Clock::time_point until;
  RemoteKey key;

  /// What the answer to a question of that moment grants; nothing if it does not make sense.
  [[nodiscard]] static std::optional<LeaseHeld> of(const NodeAnswer& answer,
                                                   Exchange::Clock::time_point asked);
};

/// Reads what other ranks have leased out, one-sidedly. Only by who drives.
class OneSidedReads final {
 public:
  /// Whether the bytes are there, and were read while the lease lasted.
  using Then = std::function<void(bool good)>;

  OneSidedReads(std::shared_ptr<RemoteMemory> remote, std::shared_ptr<Exchange> exchange) noexcept
      : remote_(std::move(remote)), exchange_(std::move(exchange)) {}

  /// Whether it is worth asking one of these ranks for a lease.
  [[nodiscard]] bool reads(std::span<const int> ranks) const noexcept;
  /// Reads as much as there is room for in `into`, which stays until `then` is called; at once, or within a
  /// later step of the exchange. Tells the owner that it reads no more. Throws std::bad_alloc; nothing is
  /// read then, and the owner is told nothing. `then` must not fail for want of memory.
  void read(const LeaseHeld& lease, std::shared_ptr<HeldObject> into, Then then);
  /// Tells the owner so without having read.
  void decline(const LeaseHeld& lease) noexcept;

 private:
  const std::shared_ptr<RemoteMemory> remote_;
  const std::shared_ptr<Exchange> exchange_;
};

}  // namespace locum
