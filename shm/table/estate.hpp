#pragma once

#include <cstdint>
#include <vector>

#include "core/ports/arena.hpp"
#include "shm/segment/segment.hpp"
#include "shm/table/entries.hpp"

namespace locum::shm {

/// What a dead process left in its entries, as one pass over them finds it.
struct Estate {
  std::vector<Block> used;  ///< by live and dead objects; what leads out of the arena is left out
  std::vector<std::uint32_t> tombstones;  ///< slots
  std::uint64_t objects = 0;              ///< live and dead ones

  /// Goes over the entries of the process with runtime rank `creator`; `adopter`, a node rank, tombstones
  /// what was to get a name and never got it. Done again, it finds the same, and what happened since.
  /// REQUIRES: the process is dead, its `life` held, and the directory repaired since.
  [[nodiscard]] static Estate of(Segment& segment, const Entries& entries, std::uint32_t creator,
                                 std::uint32_t adopter);
};

}  // namespace locum::shm
