#pragma once

#include <cstdint>

#include "shm/segment/segment.hpp"

namespace locum::shm {

/// How a process that only reads is notified of an eviction of its objects: a process that hands an entry
/// back rings the bell of the owner, if the owner listens. The owner listens again once it has collected, so
/// that the bell rings at most once per check of the owner, however much is evicted.
///
/// No eviction is overlooked: the evicting process hands back and then checks whether the owner listens; the
/// owner listens and then checks whether something was handed back; all four are sequentially consistent. A
/// process that dies between the two leaves its tombstones to be recovered, or rings no bell: the owner wakes
/// once a minute for that.

/// The process whose bell counts for a rank: the rank itself, or its adopter.
[[nodiscard]] std::uint32_t owner_of(const Segment& segment, std::uint32_t rank) noexcept;

/// Whether evicted objects of this rank's may be free, once its owner looks: handed back since it last did,
/// or viewed then. Those of an adopted rank that were viewed count as their owner's.
[[nodiscard]] bool may_have_evicted(const Segment& segment, std::uint32_t rank) noexcept;

/// An object of this rank's has been evicted.
void notify_eviction(const Segment& segment, std::uint32_t rank) noexcept;

}  // namespace locum::shm
