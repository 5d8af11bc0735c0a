#pragma once

#include <cstdint>

#include "core/deadline.hpp"
#include "shm/segment/layout.hpp"

namespace locum::shm {

/// Sleeps until somebody wakes `word`, unless it no longer holds `expected`, and at most until `moment`.
/// Returns for any reason; the caller looks again. Works between processes.
void futex_wait(Word32& word, std::uint32_t expected, Deadline::Clock::time_point moment) noexcept;
/// Wakes all who sleep on `word`.
void futex_wake_all(Word32& word) noexcept;

}  // namespace locum::shm
