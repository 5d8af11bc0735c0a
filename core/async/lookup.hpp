#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "core/async/turn.hpp"
#include "core/object/object_record.hpp"
#include "core/ports/connector.hpp"
#include "core/rpc/rpc_channel.hpp"

namespace locum {

/// A wanted object: an Address that owns its name, and the wanted part of it. If the object is on this node,
/// or arrives in a reply anyway, it is shown whole.
struct Lookup {
  Lookup(const Address& address, Deadline::Clock::time_point latest, Selection of_it = {},
         bool waits_for_it = false, bool is_new_here = false)
      : key(address.key),
        name(address.name),
        name_hash(address.name_hash),
        size_bytes(address.size_bytes),
        most_along(address.most_along),
        part(std::move(of_it)),
        waits(waits_for_it),
        has_no_copy(is_new_here),
        until(latest) {}

  [[nodiscard]] bool by_name() const noexcept { return !name.empty(); }
  [[nodiscard]] bool of_all() const noexcept { return part.index() == 0; }
  [[nodiscard]] Address address() const {
    Address same = by_name() ? Address(key.store, name) : Address(key, name_hash, size_bytes);
    same.most_along = most_along;
    return same;
  }
  /// Its key or name, for errors.
  [[nodiscard]] std::string text() const { return by_name() ? name : to_string(key); }

  /// Whether all bytes of such an object of another node can be received in `memory`: a checksum is of the
  /// whole block.
  [[nodiscard]] bool fits_memory(const ObjectRecord& record) const noexcept {
    return of_all() && !record.has_checksum() && record.size_bytes != 0 && record.size_bytes <= memory.size();
  }

  /// Whether its request may travel with others: no thread waits for an object that counts.
  [[nodiscard]] Urgency urgency() const noexcept { return turn == nullptr ? Urgency::now : Urgency::soon; }
  /// When it currently gives up.
  [[nodiscard]] Deadline::Clock::time_point latest() const noexcept {
    return turn == nullptr ? until : turn->until();
  }

  Key key;
  std::string name;
  std::uint64_t name_hash;
  std::uint64_t size_bytes;
  std::uint32_t most_along;
  Selection part;
  bool waits;        ///< for an unbound name, until somebody puts it
  bool has_no_copy;  ///< whether the call has seen that its node has no copy of it, and no flight
  Deadline::Clock::time_point until;
  /// Where what is requested from another node may be received; empty: in memory of this process. Nothing
  /// writes there once the search has ended.
  std::span<std::byte> memory;
  Turn* turn = nullptr;  ///< by which the fetched object counts; null: it does not count
};

}  // namespace locum
