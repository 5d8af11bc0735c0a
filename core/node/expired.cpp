#include "core/node/expired.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <span>
#include <vector>

#include "core/base/unless_out_of_memory.hpp"
#include "core/base/wall_clock.hpp"
#include "core/node/node_memory.hpp"
#include "core/node/reference.hpp"
#include "core/object/object_tail.hpp"

namespace locum {

namespace {

bool has_expired(const Arena& arena, const ObjectRecord& record, std::uint64_t now) {
  return record.has_expiry() && holds(arena, record) && expiry_of(arena.data(record.offset), record) <= now;
}

}  // namespace

std::optional<std::uint64_t> expired_generation(Directory& directory, NodeTable& table, const Arena& arena,
                                                std::uint32_t store, std::string_view name,
                                                WaitBudget budget) {
  const auto pin = directory.find(store, name, budget);
  if (!pin) {
    return std::nullopt;
  }
  const bool is_over = has_expired(arena, *pin->record, nanoseconds_since_1970());
  const std::uint64_t generation = pin->generation;
  table.release(pin->id);
  return is_over && generation != 0 ? std::optional(generation) : std::nullopt;
}

// A reference goes with the object that it refers to.
void evict_expired(Connector& connector, NodeTable& table, const Arena& arena) noexcept {
  (void)unless_out_of_memory([&] {
    const std::uint64_t now = nanoseconds_since_1970();
    std::vector<Address> over;
    for (const Key& key : table.own_keys(Having::lifetime)) {
      const auto pin = table.pin(key);
      if (!pin) {
        continue;
      }
      if (pin->record->type_hash != reference_type_hash && has_expired(arena, *pin->record, now)) {
        over.emplace_back(key);
      }
      table.release(pin->id);
    }
    constexpr std::size_t most = 4096;
    const auto until = Deadline::Clock::now() + std::chrono::seconds(1);
    std::vector<Result<bool>> evicted;
    for (std::size_t from = 0; from < over.size() && Deadline::Clock::now() < until; from += most) {
      const auto some = std::span<const Address>(over).subspan(from, std::min(most, over.size() - from));
      evicted.assign(some.size(), Result<bool>(false));
      connector.evict_batch(some, evicted, until);
    }
  });
}

}  // namespace locum
