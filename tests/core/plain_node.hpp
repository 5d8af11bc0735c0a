#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "tests/core/node_process.hpp"

namespace locum::tests {

/// A node without shared memory: `processes` of them, played in this program, whose tables are maps behind
/// one mutex. Slow and plainly right: the second implementation of the ports, which says whether a contract
/// asks for more than its words do, and what core's own tests stand on. Any thread may call.
/// \param first_rank of the runtime's ranks: what the first process calls itself in the keys that it makes;
/// not 0 unless asked for, so that nobody takes ranks for positions within the node
[[nodiscard]] std::vector<NodeProcess> plain_node(std::uint32_t processes, std::uint64_t memory_bytes,
                                                  std::uint32_t first_rank = 10);

}  // namespace locum::tests
