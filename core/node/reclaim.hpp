#pragma once

#include <cstdint>

#include "core/ports/arena.hpp"
#include "core/ports/node_table.hpp"

namespace locum {

/// Whether an object's block lies within the memory of the node: entries are written by other processes, and
/// what leads out of the arenas is not followed.
[[nodiscard]] inline bool whole(const Arena& arena, const ObjectRecord& record) noexcept {
  const std::uint64_t bytes = record.block_bytes();
  return bytes > record.size_bytes && arena.contains(record.offset, bytes);  // the sum may have overflowed
}

/// Frees the blocks of objects that this process owns, that are evicted and that nobody views any more; what
/// it still owns, as far as it looked.
Owned reclaim(NodeTable& table, Arena& arena, Effort effort) noexcept;

}  // namespace locum
