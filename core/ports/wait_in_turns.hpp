#pragma once

#include <algorithm>
#include <optional>

#include "core/base/back_off.hpp"
#include "core/ports/connector.hpp"
#include "core/value/deadline.hpp"

namespace locum {

/// The turns of a wait that checks something at each look_interval.
inline constexpr BackOff turns_of_looks{look_interval, look_interval};

/// A thread's wait for a name: calls `turn` with moments until it returns an object, or another error than
/// `timeout`; until its time is over, and then once more if there are several turns; or until `wanted`, if it
/// is not empty, returns false, which is asked at each look_interval. Returns what the last turn returned.
/// \param turns how long each of them may take; none: nothing has to interrupt the wait, `wanted` is empty
/// \param turn looks for the name, and may wait for it until that moment: Result<ObjectView>(Moment)
/// \param now the clock of the moments
template <class Turn, class Now>
[[nodiscard]] Result<ObjectView> wait_in_turns(Deadline::Clock::time_point until,
                                               std::optional<BackOff> turns, const Wanted& wanted, Turn turn,
                                               Now now) {
  auto next_asked = wanted ? now() + look_interval : Deadline::Clock::time_point::max();
  for (;;) {
    const auto began = turns ? now() : until;
    auto found = turn(turns ? std::min(until, began + turns->next()) : until);
    if (found || found.error().code() != Errc::timeout || (turns ? began : now()) >= until) {
      return found;
    }
    if (wanted && now() >= next_asked) {
      if (!wanted()) {
        return found;
      }
      next_asked = now() + look_interval;
    }
  }
}
template <class Turn>
[[nodiscard]] Result<ObjectView> wait_in_turns(Deadline::Clock::time_point until,
                                               std::optional<BackOff> turns, const Wanted& wanted,
                                               Turn turn) {
  return wait_in_turns(until, turns, wanted, turn, [] { return Deadline::Clock::now(); });
}

}  // namespace locum
