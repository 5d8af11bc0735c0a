#pragma once

#include <cstdint>
#include <optional>

#include "shm/segment/segment.hpp"

namespace locum::shm {

/// Who owns the share of a dead process, by node rank; none while the process lives, as far as can be seen.
///
/// For who rings bells: without a lock and without a system call. Whether a rank is dead, Lives decides.
///
/// `Share::adopter` alone is not believed: a stray store may have written it. A process that owns the share
/// of another holds the `life` of both in one thread, which the words of the two locks say; so one such store
/// sends no bell to the wrong process. (Two can, onto the word of who has adopted a rank, naming that rank,
/// and onto the word of that rank, within the second in which neither is put right: then an eviction is heard
/// of when the owner wakes for another reason.) Who is about to hand a share on, or has just got it, may not
/// be seen for a moment.
[[nodiscard]] std::optional<std::uint32_t> adopter_of(const Segment& segment, std::uint32_t rank) noexcept;

}  // namespace locum::shm
