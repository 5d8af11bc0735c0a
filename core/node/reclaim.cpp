#include "core/node/reclaim.hpp"

#include "core/node/node_memory.hpp"

namespace locum {

[[gnu::hot]] Owned reclaim(NodeTable& table, Arena& arena, Effort effort) noexcept {
  const FreeBlock free = [&arena](const ObjectRecord& record) {
    if (holds(arena, record)) {
      arena.free({record.offset, record.block_bytes()});
    }
  };
  return table.collect(free, effort);
}

}  // namespace locum
