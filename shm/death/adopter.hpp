#pragma once

#include <cstdint>
#include <optional>

#include "shm/segment/segment.hpp"

namespace locum::shm {

/// The owner of a dead process's share, by node rank; none while the process is alive, as far as known.
///
/// For ringing bells: takes no lock and no system call. LifeLocks decides whether a rank is dead.
///
/// `Share::adopter` alone is not trusted: a stray store may have written it. A process that owns the share of
/// another holds the `life` of both in one thread, which the words of the two locks show; so a single stray
/// store sends no bell to the wrong process. (Two can, onto the word for a rank's adopter, naming that rank,
/// and onto the word of that rank, within the second until both are rewritten: the owner then notices an
/// eviction when it wakes for another reason.) An owner that is about to pass a share on, or has just got it,
/// may be invisible for a moment.
[[nodiscard]] std::optional<std::uint32_t> adopter_of(const Segment& segment, std::uint32_t rank) noexcept;

}  // namespace locum::shm
