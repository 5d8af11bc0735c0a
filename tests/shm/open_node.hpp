#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include "core/ports/group.hpp"
#include "core/value/options.hpp"
#include "shm/node.hpp"

namespace locum::tests {

/// Opens nodes for several tests.
inline constexpr std::uint64_t incarnation = 77;

[[nodiscard]] inline RuntimeOptions small_options() {
  return {.memory_bytes = 32_MiB, .timeout = std::chrono::seconds(20), .reserve_bytes = 64_GiB};
}

[[nodiscard]] inline std::vector<std::uint32_t> ranks_of(const Group& group) {
  std::vector<std::uint32_t> ranks(static_cast<std::size_t>(group.size()));
  std::iota(ranks.begin(), ranks.end(), 100U);  // different from positions in the group
  return ranks;
}

[[nodiscard]] inline shm::Node open(Group& group, const RuntimeOptions& options) {
  return shm::open_node(group, ranks_of(group), options, incarnation);
}

}  // namespace locum::tests
