#include "shm/names/name_wait.hpp"

#include <algorithm>
#include <chrono>

#include "core/base/blocking_wait.hpp"
#include "shm/segment/futex.hpp"
#include "shm/segment/kill_point.hpp"

namespace locum::shm {

namespace {

/// A sleeper looks again this often. Not needed after a death (NameTable::repair() wakes all): it is for a
/// writer that was stopped, as by a debugger, before it woke anybody, and for a flag that a stray store
/// cleared.
constexpr std::chrono::milliseconds longest_sleep{200};

}  // namespace

NameWait::NameWait(Shard& shard) noexcept
    : shard_(shard), seen_(shard.published.load(std::memory_order_acquire)) {
  // A read-modify-write, not a store: it is ordered after the last taker's, and so sees what that linked.
  (void)shard.waiting.fetch_or(shard_awaited, std::memory_order_acq_rel);
  LOCUM_KILL_POINT("wait: flag up");
}

void NameWait::sleep(Deadline::Clock::time_point moment) noexcept {
  const BlockingWait blocking;
  futex_wait(shard_.published, seen_, std::min(moment, Deadline::Clock::now() + longest_sleep));
}

void NameWait::wake_all(Shard& shard) noexcept {
  shard.published.fetch_add(1, std::memory_order_acq_rel);
  LOCUM_KILL_POINT("wake: counted");
  futex_wake_all(shard.published);
  LOCUM_KILL_POINT("wake: woken");
}

}  // namespace locum::shm
