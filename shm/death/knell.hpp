#pragma once

#include <cstdint>

#include "shm/segment/segment.hpp"

namespace locum::shm {

/// How a process that only reads hears that something it owns was evicted: who hands an entry back rings the
/// bell of its owner, if the owner listens. The owner listens again once it has collected, so that a bell is
/// rung once per look of the owner's, however much is evicted.
///
/// No eviction is overlooked: who evicts hands back and then asks whether the owner listens; the owner
/// listens and then looks whether something was handed back; all four are sequentially consistent. Somebody
/// who dies between the two leaves what he took out of sight to be recovered, or rings no bell: the owner
/// wakes once a minute for that.

/// The process whose bell counts for a rank: itself, or who has adopted it.
[[nodiscard]] std::uint32_t owner_of(const Segment& segment, std::uint32_t rank) noexcept;

/// Something of this rank's is dead since.
void toll(const Segment& segment, std::uint32_t rank) noexcept;

}  // namespace locum::shm
