#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tests/shm/kill_board.hpp"
#include "tests/shm/kill_scene.hpp"

namespace locum::tests {

/// The errors in the records of a run's ranks: their own complaints, calls that took too long, and names and
/// unnamed objects with a contradiction. `settled_ns[rank]`: when the share of a dead rank had been adopted,
/// so that its open operations have taken effect or never will; 0 for living ranks.
[[nodiscard]] std::vector<std::string> judge(const Scene& scene, const Board& board,
                                             std::span<const std::int64_t> settled_ns);

}  // namespace locum::tests
