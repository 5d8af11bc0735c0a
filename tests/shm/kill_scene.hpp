#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/value/options.hpp"
#include "tests/shm/kill_board.hpp"

namespace locum::tests {

/// What all processes of a run draw from its seed.
struct Scene {
  static constexpr std::uint32_t store = 3;
  static constexpr std::uint32_t first_rank = 100;  ///< keys' creators differ from positions in the group

  std::uint64_t seed = 0;
  std::uint32_t ranks = 2;
  std::uint32_t steps = 30;  ///< of each rank, before the first deaths are noticed; half of that afterwards
  std::vector<std::string> names;  ///< names that are put, replaced and evicted
  std::vector<std::string> crowd;  ///< names that rank 0 puts first and only drops: they fill a shard
  RuntimeOptions options;
  bool spills = false;  ///< objects leave memory at times
  bool greedy = false;  ///< at times ranks allocate so much that others must return free memory for it

  [[nodiscard]] static Scene of(std::uint64_t seed, std::uint32_t least_ranks, std::uint32_t steps);

  /// Names by number: `names` first, then the crowd; `unnamed` is the empty one.
  [[nodiscard]] std::string_view name(std::uint32_t number) const;
  [[nodiscard]] std::uint32_t number_of(std::string_view name) const;
};

}  // namespace locum::tests
