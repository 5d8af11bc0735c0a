#pragma once

#include <algorithm>
#include <chrono>

#include "core/base/back_off.hpp"
#include "core/ports/connector.hpp"
#include "core/value/deadline.hpp"

namespace locum {

/// The turns of a wait that nothing has to interrupt.
inline constexpr BackOff one_long_turn{std::chrono::hours(1), std::chrono::hours(1)};
/// Those of one that checks something at each look_interval.
inline constexpr BackOff turns_of_looks{look_interval, look_interval};

/// A thread's wait for a name: calls `turn` with moments until it returns an object, or another error than
/// `timeout`; until it has been called once after `until`; or until `wanted`, if it is not empty, returns
/// false, which is asked at each look_interval. Returns what the last turn has returned.
/// \param turns how long each of them may take
/// \param turn looks for the name, and may wait for it until that moment: Result<ObjectView>(Moment)
/// \param now the clock of the moments
template <class Turn, class Now>
[[nodiscard]] Result<ObjectView> wait_in_turns(Deadline::Clock::time_point until, BackOff turns,
                                               const Wanted& wanted, Turn turn, Now now) {
  auto next_asked = now() + look_interval;
  for (;;) {
    const auto began = now();
    auto found = turn(std::min(until, began + turns.next()));
    if (found || found.error().code() != Errc::timeout || began >= until) {
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
[[nodiscard]] Result<ObjectView> wait_in_turns(Deadline::Clock::time_point until, BackOff turns,
                                               const Wanted& wanted, Turn turn) {
  return wait_in_turns(until, turns, wanted, turn, [] { return Deadline::Clock::now(); });
}

}  // namespace locum
