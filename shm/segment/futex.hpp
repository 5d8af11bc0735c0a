#pragma once

#include <cstdint>

#include "core/value/deadline.hpp"
#include "shm/segment/layout.hpp"

namespace locum::shm {

/// Sleeps until `word` is woken, unless it no longer holds `expected`, at most until `moment`. May return
/// early; the caller rechecks. Works between processes.
void futex_wait(Word32& word, std::uint32_t expected, Deadline::Clock::time_point moment) noexcept;
/// Wakes all that sleep on `word`.
void futex_wake_all(Word32& word) noexcept;

}  // namespace locum::shm
