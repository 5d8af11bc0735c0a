#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/options.hpp"
#include "tests/shm/kill_board.hpp"

namespace locum::tests {

/// What all processes of a run draw from its seed.
struct Scene {
  static constexpr std::uint32_t store = 3;
  static constexpr std::uint32_t first_rank = 100;  ///< keys' creators are not the group's own numbers

  std::uint64_t seed = 0;
  std::uint32_t ranks = 2;
  std::uint32_t steps = 30;        ///< of each rank, before anybody is missed; half of that afterwards
  std::vector<std::string> names;  ///< that are put, replaced and evicted
  std::vector<std::string> crowd;  ///< that rank 0 puts first and only drops: they fill a shard
  RuntimeOptions options;
  bool greedy =
      false;  ///< ranks ask for so much now and then that what others have free must come back for it

  [[nodiscard]] static Scene of(std::uint64_t seed, std::uint32_t least_ranks, std::uint32_t steps);

  /// Names are told by number: `names` first, then the crowd; `unnamed` is the empty one.
  [[nodiscard]] std::string_view name(std::uint32_t number) const;
  [[nodiscard]] std::uint32_t number_of(std::string_view name) const;
};

}  // namespace locum::tests
