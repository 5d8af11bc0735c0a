#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/shm/kill_board.hpp"
#include "tests/shm/kill_rank.hpp"

namespace locum::tests {

/// Who dies where in one run, and all that is drawn: enough to play it again.
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

/// One line that KillRuns.OneOfMyChoice takes from the environment.
[[nodiscard]] std::string to_string(const Plan& plan);
/// Throws std::invalid_argument for what to_string does not make.
[[nodiscard]] Plan plan_from(const std::string& line);

/// What a run brought to light.
struct Verdict {
  std::vector<std::string> complaints;  ///< none: all is as the model says
  std::uint32_t ranks = 0;
  std::vector<std::string> deaths;  ///< who died where, doing what
};

/// What no other program can touch, so that whatever is found there was left by the run.
struct Surroundings {
  bool own_shared_memory = false;
  bool own_network = false;
};

/// Forks the ranks of a run, leads them through its phases, sees who dies, and judges what they noted. The
/// calling process must have a single thread. `board` is new; afterwards it tells what was reached and hit.
[[nodiscard]] Verdict run(const Plan& plan, Board& board, const Surroundings& surroundings);

}  // namespace locum::tests
