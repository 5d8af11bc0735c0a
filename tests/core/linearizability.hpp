#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/core/history.hpp"

namespace locum::tests {

/// The result of a search for a linearization of a history.
struct Judgement {
  enum class Verdict : std::uint8_t {
    linearizable,
    contradiction,
    undecided,  ///< the search reached its limit of states
  };
  Verdict verdict = Verdict::linearizable;
  std::string why;  ///< of a contradiction, as readable text: the operations that no order explains, and the
                    ///< state before them
  std::size_t states = 0;  ///< states visited: the cost of the search
};

/// Whether each operation can have happened at one moment between its beginning and its end, each outcome
/// being the right one for the state of the name then; what is `unknown` happened after its beginning, or
/// never. Each name is judged alone, which is equivalent (linearizability is local: Herlihy and Wing,
/// "Linearizability: a correctness condition for concurrent objects", 1990).
///
/// The search is that of Wing and Gong ("Testing and verifying concurrent objects", 1993), and visits no
/// state twice, as proposed by Lowe ("Testing for linearizability", 2017): a state is the set of operations
/// that have happened, and the name's content. Its time grows with the operations times the number of
/// concurrent ones; many unknown ones make it slow, hence the limit, which holds for each name.
[[nodiscard]] Judgement judge(const History& history, std::size_t most_states = 1'000'000);

}  // namespace locum::tests
