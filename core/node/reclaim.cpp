#include "core/node/reclaim.hpp"

#include "core/node/node_memory.hpp"

#include <cstddef>
#include <vector>

namespace locum {

Owned reclaim(NodeTable& table, Arena& arena, Effort effort) noexcept {
  constexpr std::size_t most_kept_records = 1024;
  // Kept between calls: most return one object, which is not worth an allocation.
  thread_local std::vector<ObjectRecord> dead;
  dead.clear();
  const Owned owned = table.collect(dead, effort);
  for (const ObjectRecord& record : dead) {
    if (holds(arena, record)) {
      arena.free({record.offset, record.block_bytes()});
    }
  }
  if (dead.capacity() > most_kept_records) {
    std::vector<ObjectRecord>().swap(dead);
  }
  return owned;
}

}  // namespace locum
