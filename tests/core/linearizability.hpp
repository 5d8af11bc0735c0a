#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/core/history.hpp"

namespace locum::tests {

/// Whether a history can be told as one story.
struct Judgement {
  enum class Verdict : std::uint8_t {
    linearizable,
    contradiction,
    undecided,  ///< the search had not ended after the states that it was allowed
  };
  Verdict verdict = Verdict::linearizable;
  std::string why;  ///< of a contradiction, for people: what no story explains, and what was there before
  std::size_t states = 0;  ///< that were looked at: what the judgement cost
};

/// Whether each operation can have happened at one moment between its beginning and its end, each reply
/// being the right one for what stood under the name then; what is `unknown` happened after its beginning, or
/// never. Each name is judged alone, which is the same (linearizability is local: Herlihy and Wing,
/// "Linearizability: a correctness condition for concurrent objects", 1990).
///
/// The search is that of Wing and Gong ("Testing and verifying concurrent objects", 1993), which does not go
/// on from a state that it has seen, as proposed by Lowe ("Testing for linearizability", 2017): a state is
/// which operations have happened, and what stands there. Its time grows with the operations, times what can
/// happen at once; many unknown ones make it slow, hence the limit, which holds for each name.
[[nodiscard]] Judgement judge(const History& history, std::size_t most_states = 1'000'000);

}  // namespace locum::tests
