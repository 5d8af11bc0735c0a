#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/shm/kill_board.hpp"

namespace locum::tests {

/// Whether the operations of several ranks on one name (or on one unnamed object) are linearizable: each took
/// effect at one moment between its beginning and its end, and each result is the right one for the state at
/// that moment (Herlihy and Wing 1990; the search is that of Wing and Gong 1993 with remembered states, as in
/// Lowe 2017). An operation left open by its rank's death (`done` is false) took effect completely before its
/// `end_ns`, or not at all. Events of other acts than these are refused: put and seal (the same), replace,
/// get, get_key, evict, evict_key, drop (of this object), list (a bit of `names` set or not), wait.
///
/// One exception: a replaced object may still be found by its own key until the replacement has returned.
///
/// The first contradiction, as readable text; nothing if the operations are linearizable. At most 512 events.
[[nodiscard]] std::optional<std::string> contradiction(std::vector<Event> events);

/// One event as readable text.
[[nodiscard]] std::string describe(const Event& event);

}  // namespace locum::tests
