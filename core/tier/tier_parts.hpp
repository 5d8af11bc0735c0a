#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "core/base/wall_clock.hpp"
#include "core/node/promised.hpp"
#include "core/object/address.hpp"
#include "core/object/internal_stores.hpp"
#include "core/ports/connector.hpp"
#include "core/ports/expiring.hpp"
#include "core/tier/memory_room.hpp"
#include "core/tier/name_claims.hpp"
#include "core/tier/tier.hpp"
#include "core/tier/tier_stores.hpp"
#include "core/tier/unwritten_names.hpp"
#include "core/value/error.hpp"

namespace locum {

/// Whether an object has expired, swept or not. In memory others find it until it is.
[[nodiscard]] inline bool has_expired(const ObjectView& object) noexcept {
  const std::uint64_t end = object.expires_ns();
  return end != 0 && end <= nanoseconds_since_1970();
}
/// What a copy of an object is made with, under a name in a store: it lives as long as the object still does,
/// in whole milliseconds, rounded down. None: there is none left. Refers to the object.
[[nodiscard]] inline std::optional<ObjectMeta> meta_of_copy(const ObjectView& object, std::uint32_t store,
                                                            std::string_view name) {
  constexpr std::uint64_t ns_in_ms = 1'000'000;
  const ObjectFacts facts = object.facts();
  ObjectMeta meta{.store = store,
                  .element_bytes = facts.element_bytes,
                  .type_hash = facts.type_hash,
                  .type_name = facts.type_name,
                  .name = name,
                  .layout = facts.layout,
                  .extents = facts.extents};
  if (const std::uint64_t end = object.expires_ns(); end != 0) {
    const std::uint64_t now = nanoseconds_since_1970();
    meta.lifetime_ms = end > now ? (end - now) / ns_in_ms : 0;
    if (meta.lifetime_ms == 0) {
      return std::nullopt;
    }
  }
  return meta;
}

/// Whether an error says that there is no such object.
[[nodiscard]] inline bool says_absent(const Error& error) noexcept {
  return error.code() == Errc::not_found || error.code() == Errc::stale;
}

/// Whether an error of putting into memory what the backend has says that it has no place there: there is no
/// room, or the name is still bound to an object that is leaving memory.
[[nodiscard]] inline bool has_no_place(const Error& error) noexcept {
  return error.code() == Errc::out_of_memory || error.code() == Errc::key_exists;
}

/// What the parts of a tier share.
struct TierParts {
  TierParts(std::shared_ptr<Connector> memory, std::shared_ptr<Connector> backend, TierOptions given)
      : front(std::move(memory)),
        back(std::move(backend)),
        options(std::move(given)),
        stores(options.open_in_back),
        unwritten(front, options.unwritten_store),
        room(front, stores, unwritten, options.timeout),
        claims(front, room, options.claims_store, options.lost_node_peers) {}

  /// Whether the object of that name is in the backend, too: any but those of the library itself.
  [[nodiscard]] static bool is_tiered(std::uint32_t store, std::string_view name) noexcept {
    return !name.empty() && store != registry && !is_reserved(name);
  }
  [[nodiscard]] static bool is_tiered(const Address& address) noexcept {
    return is_tiered(address.key.store, address.name);
  }
  [[nodiscard]] Deadline::Clock::time_point until(Deadline deadline) const {
    return deadline.moment(options.timeout);
  }
  /// Memory has objects in that store that live so long. False: nobody would evict them.
  [[nodiscard]] bool expect_expiry(std::uint32_t store, std::uint64_t lifetime_ms) const {
    const std::chrono::milliseconds lifetime(lifetime_ms);
    Expiring* const expiring = front->capability<Expiring>();
    if (expiring != nullptr && !options.expect_expiry) {
      (void)expiring->expect(store, lifetime);
    }
    return expiring != nullptr &&
           (!options.expect_expiry || options.expect_expiry(store, lifetime).has_value());
  }

  const std::shared_ptr<Connector> front;
  const std::shared_ptr<Connector> back;
  const TierOptions options;
  TierStores stores;
  UnwrittenNames unwritten;
  MemoryRoom room;
  NameClaims claims;
};

}  // namespace locum
