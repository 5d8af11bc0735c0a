#pragma once

#include <cstdint>

#include "core/value/deadline.hpp"
#include "shm/segment/layout.hpp"

namespace locum::shm {

/// How a thread waits in shared memory for a name to be bound: it sleeps on a word of the name's shard, and a
/// thread that binds a new name in that shard, in any process of the node, wakes all waiters. One object per
/// look-up: made before it, and slept on if that found nothing. (NameWatch notifies a process of names for
/// which none of its threads waits.)
///
/// Invariant (tests/shm/interleavings/names_test.cpp): a waiter reads `published`, then sets `waiting`, looks
/// up, and sleeps on `published`. A writer links the new name, then takes `waiting`, and only if it was set
/// increments `published` and wakes, after releasing the shard's lock. So a taken flag is always followed by
/// an increment, by the writer or by the adopter of a dead writer.
class NameWait {
 public:
  /// From here on binding a new name in the shard wakes this one.
  explicit NameWait(Shard& shard) noexcept;
  /// Sleeps until woken since this was made, at most until `moment`. May return early, after a fifth of a
  /// second at the latest; the caller looks up again, with a new object.
  void sleep(Deadline::Clock::time_point moment) noexcept;

  /// Wakes all waiters for names of the shard. REQUIRES: the caller has taken their flag, or acts for a
  /// process that may have.
  static void wake_all(Shard& shard) noexcept;

 private:
  Shard& shard_;
  const std::uint32_t seen_;
};

}  // namespace locum::shm
