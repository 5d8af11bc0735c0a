#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/shm/kill_board.hpp"

namespace locum::tests {

/// Whether what several ranks saw of one name (or of one unnamed object) can be told as one story: each
/// operation at one moment between its beginning and its end, one after the other, each reply the right one
/// for what stood there then (linearizable: Herlihy and Wing 1990; the search is that of Wing and Gong 1993
/// with remembered states, as in Lowe 2017). An operation that its rank's death left in doubt
/// (`done` is false) happened wholly before its `end_ns`, or not at all. Events of other acts than these are
/// refused: put and seal (the same), replace, get, get_key, evict, evict_key, drop (of this object), list (a
/// bit of `names` set or not), wait.
///
/// One allowance: a replaced object may still be had by its own key until the replacement has returned.
///
/// The first thing that no story explains, in words; nothing if there is a story. At most 512 events.
[[nodiscard]] std::optional<std::string> contradiction(std::vector<Event> events);

/// One event, for people.
[[nodiscard]] std::string describe(const Event& event);

}  // namespace locum::tests
