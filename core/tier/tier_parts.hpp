#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "core/node/promised.hpp"
#include "core/object/address.hpp"
#include "core/object/internal_stores.hpp"
#include "core/ports/connector.hpp"
#include "core/tier/memory_room.hpp"
#include "core/tier/name_claims.hpp"
#include "core/tier/tier.hpp"
#include "core/tier/tier_stores.hpp"
#include "core/tier/unwritten_names.hpp"

namespace locum {

/// What a copy of an object is made with, under a name in a store.
[[nodiscard]] inline ObjectMeta meta_of_copy(const ObjectFacts& facts, std::uint32_t store,
                                             std::string_view name) {
  return {.store = store,
          .element_bytes = facts.element_bytes,
          .type_hash = facts.type_hash,
          .type_name = facts.type_name,
          .name = name,
          .layout = facts.layout,
          .extents = facts.extents};
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
        claims(front, room, options.claims_store, options.lost_mates) {}

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

  const std::shared_ptr<Connector> front;
  const std::shared_ptr<Connector> back;
  const TierOptions options;
  TierStores stores;
  UnwrittenNames unwritten;
  MemoryRoom room;
  NameClaims claims;
};

}  // namespace locum
