#pragma once

#include "core/ports/arena.hpp"
#include "core/ports/node_table.hpp"

namespace locum {

/// Frees the blocks of objects that this process owns, that are evicted and that nobody views any more; what
/// it still owns, as far as it looked.
Owned reclaim(NodeTable& table, Arena& arena, Effort effort) noexcept;

}  // namespace locum
