#pragma once

#include <cstdint>

#include "core/deadline.hpp"
#include "shm/segment/layout.hpp"

namespace locum::shm {

/// How a thread waits in shared memory for a name to be bound: it sleeps on a word of the name's shard, and
/// whoever binds a new name in that shard, in whichever process of the node, wakes all who do. One per look:
/// made before the look, and slept on if that found nothing. (How a process learns of names for which none of
/// its threads waits: NameWatch.)
///
/// Invariant (tests/shm/interleavings/names_test.cpp): who waits reads `published`, then sets `waiting`,
/// looks, and sleeps on `published`. Who binds a new name links it, then takes `waiting`, and only if it was
/// set counts `published` up and wakes, after it has let go of the shard's lock. So a flag is never taken
/// without a count that follows it, by the binder or by who adopts what a dead binder had.
class NameWait {
 public:
  /// From here on whoever binds a new name in the shard wakes this one.
  explicit NameWait(Shard& shard) noexcept;
  /// Sleeps until somebody has waked since this was made, and at most until `moment`. Returns for any reason,
  /// after a fifth of a second at the latest; the caller looks again, with another one.
  void sleep(Deadline::Clock::time_point moment) noexcept;

  /// Wakes all who wait for a name of the shard. REQUIRES: who calls has taken their flag, or stands in for
  /// one that may have.
  static void wake_all(Shard& shard) noexcept;

 private:
  Shard& shard_;
  const std::uint32_t seen_;
};

}  // namespace locum::shm
