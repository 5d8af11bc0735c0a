#pragma once

#include <cstdint>
#include <string>

namespace locum::storage {

/// What compact_checkpoint() has done.
struct Compacted {
  std::uint64_t objects = 0;
  std::uint64_t bytes = 0;   ///< of their payloads
  std::uint64_t shared = 0;  ///< files of earlier checkpoints that it used; 0: nothing was to be done
  std::string old_folder =
      {};  ///< not empty: files there are used no longer, but another checkpoint may use them
};

/// Writes an incremental checkpoint again, as a whole one: one file a node, which no other checkpoint has.
/// Until it is complete the incremental one is there, as it was. All bytes are checked. Takes as much memory
/// as the largest object. Throws Error: as read_master() and PartReader do; `system` if somebody writes it
/// now.
[[nodiscard]] Compacted compact_checkpoint(const std::string& given);

}  // namespace locum::storage
