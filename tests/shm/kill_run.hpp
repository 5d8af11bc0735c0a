#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/shm/kill_board.hpp"
#include "tests/shm/kill_rank.hpp"

namespace locum::tests {

/// Where ranks die in one run, and everything else that is drawn: enough to repeat it.
struct Plan {
  struct Aim {
    std::uint32_t point = no_point;
    std::uint32_t rank = any_rank;
    std::int64_t occurrence = 1;
    std::optional<Act> only_in;
  };
  std::uint64_t seed = 0;
  std::uint32_t steps = 30;
  std::array<Aim, 2> aims;
};

/// One line that KillRuns.OneOfMyChoice reads from the environment.
[[nodiscard]] std::string to_string(const Plan& plan);
/// Throws std::invalid_argument for text that to_string() does not produce.
[[nodiscard]] Plan plan_from(const std::string& line);

/// The result of a run.
struct Verdict {
  std::vector<std::string> complaints;  ///< empty: everything matches the model
  std::uint32_t ranks = 0;
  std::vector<std::string> deaths;  ///< the place and act of each death
};

/// Resources that no other program can use, so that whatever is found there was left by the run.
struct Surroundings {
  bool own_shared_memory = false;
  bool own_network = false;
};

/// Forks the ranks of a run, leads them through its phases, observes deaths, and judges their records. The
/// calling process must have a single thread. `board` is new; afterwards it contains what was reached and
/// hit.
[[nodiscard]] Verdict run(const Plan& plan, Board& board, const Surroundings& surroundings);

}  // namespace locum::tests
