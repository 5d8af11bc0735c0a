#pragma once

#include "core/ports/arena.hpp"
#include "core/ports/node_table.hpp"

namespace locum {

/// Frees the blocks of this process's objects that are evicted and not viewed any more; returns what it still
/// owns, as far as it looked.
Owned reclaim(NodeTable& table, Arena& arena, Effort effort) noexcept;

}  // namespace locum
