#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tests/shm/kill_board.hpp"
#include "tests/shm/kill_scene.hpp"

namespace locum::tests {

/// What is wrong with what the ranks of a run noted: their own complaints, calls that took too long, and
/// names and unnamed objects whose story has a contradiction. `settled_ns[rank]`: when the share of a dead
/// rank had been adopted, so that what it left in doubt was done or will never be; 0 for who lives.
[[nodiscard]] std::vector<std::string> judge(const Scene& scene, const Board& board,
                                             std::span<const std::int64_t> settled_ns);

}  // namespace locum::tests
