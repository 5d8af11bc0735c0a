#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <ranges>

#include <locum/async/arrivals.hpp>
#include <locum/async/eventual.hpp>

namespace locum {

namespace detail {

/// How often who waits for eventuals of several runtimes looks at those of others than the first one's.
inline constexpr std::chrono::milliseconds others_look{10};
/// Of so many that somebody waits for together each has its turn at once.
inline constexpr std::size_t most_hurried = 128;

}  // namespace detail

/// The one of a range of eventuals that ended first, of those that this has not returned yet; waits for it.
/// Null when all were returned, or at the deadline (default: the runtime's timeout). So
/// `while (auto* part = when_any(parts)) use(part->get());` sees each once, in the order of arrival. Who
/// waits moves messages meanwhile. One thread at a time for one range. Each call looks at all of them.
template <std::ranges::forward_range Range>
[[nodiscard]] auto when_any(Range& eventuals, Deadline deadline = {}) -> std::ranges::range_value_t<Range>* {
  std::optional<Arrivals::Clock::time_point> until;
  for (;;) {
    std::ranges::range_value_t<Range>* first = nullptr;
    auto least = std::numeric_limits<std::uint64_t>::max();
    std::shared_ptr<Ending> next;  // of those that have not ended
    std::shared_ptr<Arrivals> arrivals;
    bool of_others = false;
    std::uint64_t seen = 0;
    for (auto& each : eventuals) {
      if (each.given()) {
        continue;
      }
      if (each.state() && !arrivals) {  // the count first: it tells of all ends that are not seen below
        next = each.state();
        arrivals = next->arrivals();
        seen = arrivals->count();
      }
      of_others = of_others || (each.state() && each.state()->arrivals() != arrivals);
      const std::uint64_t order = each.state() ? each.state()->order() : 0;
      if ((!each.state() || order != 0) && order < least) {
        first = &each;
        least = order;
      }
    }
    if (first != nullptr) {
      first->give();
      return first;
    }
    if (!arrivals) {
      return nullptr;
    }
    until = until ? until : arrivals->moment(deadline);
    const auto now = arrivals->now();
    if (now >= *until) {
      return nullptr;
    }
    next->hurry();
    arrivals->await(seen, of_others ? std::min(*until, now + detail::others_look) : *until);
  }
}

/// Waits until all of a range of eventuals have ended; false: some have not until the deadline (default: the
/// runtime's timeout). With what they ended, each says itself. It waits for all at a time, so that these need
/// memory for all of them, however small the window is: 128 have their turn at once.
template <std::ranges::input_range Range>
[[nodiscard]] bool when_all(const Range& eventuals, Deadline deadline = {}) {
  std::optional<Deadline> until;  // one moment for all
  [[maybe_unused]] auto ahead = std::ranges::begin(eventuals);
  [[maybe_unused]] std::size_t hurried = 0;
  for (const auto& each : eventuals) {
    if constexpr (std::ranges::forward_range<const Range&>) {
      for (; hurried < detail::most_hurried && ahead != std::ranges::end(eventuals); ++ahead, ++hurried) {
        if (!ahead->ready()) {
          ahead->state()->hurry();
        }
      }
      --hurried;
    }
    if (each.ready()) {
      continue;
    }
    until = until ? until : Deadline(each.state()->arrivals()->moment(deadline));
    if (!each.wait_for(*until)) {
      return false;
    }
  }
  return true;
}

}  // namespace locum
