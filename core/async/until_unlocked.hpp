#pragma once

#include <chrono>
#include <type_traits>
#include <utility>

#include "core/async/node_client.hpp"
#include "core/async/operation.hpp"
#include "core/base/back_off.hpp"
#include "core/ports/wait_budget.hpp"

namespace locum {

/// Runs `attempt`, a function of a WaitBudget that returns a Result, on a thread that may wait. If the budget
/// is limited, and an attempt ends with `timeout`, because a process is stopped with a lock, nothing has been
/// done, and it is repeated a little later, as long as there is time and the channel is open.
template <class Try>
[[nodiscard]] Task<std::invoke_result_t<Try, WaitBudget>> until_unlocked(const NodeClient& client,
                                                                         Deadline::Clock::time_point until,
                                                                         Try attempt) {
  // A lock is held for microseconds, or its holder is stopped.
  for (BackOff back_off(std::chrono::milliseconds(1), std::chrono::milliseconds(50));;) {
    const WaitBudget budget = co_await Operation::ToThread();
    auto done = attempt(budget.until(until));
    const bool locked = budget.is_limited() && !done && done.error().code() == Errc::timeout;
    const auto awake = client.now() + back_off.pause();
    if (!locked || awake >= until) {
      co_return std::move(done);
    }
    co_await client.paused(back_off.next());
    if (client.now() < awake) {  // the channel has closed: do not wait for locks any more
      co_return std::move(done);
    }
  }
}

}  // namespace locum
