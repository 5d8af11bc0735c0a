#pragma once

#include <cstdint>
#include <vector>

#include "core/ports/arena.hpp"
#include "shm/segment/segment.hpp"
#include "shm/table/entries.hpp"

namespace locum::shm {

/// The entries that a dead process left, as found by one pass over them.
struct DeadRankState {
  std::vector<Block> used;                ///< by live and dead objects; blocks outside the arena are skipped
  std::vector<std::uint32_t> tombstones;  ///< slots
  std::uint64_t objects = 0;              ///< live and dead ones

  /// Scans the entries of the process with runtime rank `creator`; tombstones, in the name of the node rank
  /// `adopter`, objects whose name was never bound. A repeated scan finds the same, and later changes.
  /// REQUIRES: the process is dead, its `life` held, and the directory repaired since.
  [[nodiscard]] static DeadRankState of(Segment& segment, const Entries& entries, std::uint32_t creator,
                                        std::uint32_t adopter);
};

}  // namespace locum::shm
