#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include <locum/async_result.hpp>
#include <locum/deadline.hpp>
#include <locum/detail/range.hpp>

namespace locum {

namespace detail {

/// Number of asynchronous results, waited for together, that start at once, past the window.
inline constexpr std::size_t most_expedited = 128;

}  // namespace detail

/// Result of when_any(): an asynchronous result that has ended, moved out of the range, and its position; or
/// nothing.
template <class E>
class Arrived {
 public:
  Arrived() = default;
  Arrived(E one, std::size_t place) : one_(std::move(one)), place_(place) {}
  [[nodiscard]] static Arrived too_late() noexcept {
    Arrived none;
    none.is_late_ = true;
    return none;
  }

  [[nodiscard]] explicit operator bool() const noexcept { return one_.has_value(); }
  [[nodiscard]] const E& operator*() const& noexcept { return *one_; }
  [[nodiscard]] E operator*() && { return std::move(*one_); }
  [[nodiscard]] const E* operator->() const noexcept { return &*one_; }
  /// Returns the position of the result in the range, from 0. REQUIRES: operator bool().
  [[nodiscard]] std::size_t place() const noexcept { return place_; }
  /// Returns true if the deadline passed while some had not ended; false if all were returned.
  [[nodiscard]] bool timed_out() const noexcept { return is_late_; }

 private:
  std::optional<E> one_;
  std::size_t place_ = 0;
  bool is_late_ = false;
};

/// Moves the result that ended first out of a range; blocks until one has ended or the deadline passes
/// (default: the runtime's timeout). Returns nothing when all were returned, or at the deadline: timed_out()
/// distinguishes these. `while (auto part = when_any(parts)) use(part->get());` processes each once, in the
/// order of completion, and releases the future's pin with it. The waiting thread makes progress on messages.
/// One thread at a time for one range. Each call scans the whole range.
template <detail::ForwardRange Range>
[[nodiscard]] auto when_any(Range& eventuals, Deadline deadline = {}) -> Arrived<detail::RangeValue<Range>> {
  using E = detail::RangeValue<Range>;
  auto until = SharedState::Clock::time_point::max();  // unless it is known
  for (;;) {
    E* first = nullptr;
    std::size_t place = 0;
    std::size_t place_of_first = 0;
    auto least = std::numeric_limits<std::uint64_t>::max();
    std::shared_ptr<SharedState> next;  // the first that has not ended
    bool of_others = false;
    std::uint64_t seen = 0;
    for (auto& each : eventuals) {
      const std::size_t here = place++;
      if (each.given()) {
        continue;
      }
      if (each.state() && !next) {  // read first: it changes with every end that is not seen below
        next = each.state();
        seen = next->ends();
      }
      of_others = of_others || (each.state() && each.state()->completions() != next->completions());
      const std::uint64_t order = each.state() ? each.state()->order() : 0;
      if ((!each.state() || order != 0) && order < least) {
        first = &each;
        place_of_first = here;
        least = order;
      }
    }
    if (first != nullptr) {
      E one = std::exchange(*first, E());  // leaves an empty result in its place
      first->give();
      return {std::move(one), place_of_first};
    }
    if (!next) {
      return {};
    }
    if (until == until.max()) {
      until = next->moment(deadline);
    }
    if (!next->await_end(seen, until, of_others)) {
      return Arrived<E>::too_late();
    }
  }
}

/// Blocks until all asynchronous results of a range have ended; returns false if some have not at the
/// deadline (default: the runtime's timeout). Each of them holds its own result. All are waited for together,
/// so they need memory for all, however small the window is: 128 start at once.
template <detail::InputRange Range>
[[nodiscard]] bool when_all(const Range& eventuals, Deadline deadline = {}) {
  Deadline until = Deadline();  // one moment for all, once it is known
  [[maybe_unused]] auto ahead = std::ranges::begin(eventuals);
  [[maybe_unused]] std::size_t expedited = 0;
  for (const auto& each : eventuals) {
    if constexpr (detail::ForwardRange<const Range&>) {
      for (; expedited < detail::most_expedited && ahead != std::ranges::end(eventuals);
           ++ahead, ++expedited) {
        if (!ahead->ready()) {
          ahead->state()->expedite();
        }
      }
      --expedited;
    }
    if (each.ready()) {
      continue;
    }
    if (until.is_default()) {
      until = each.state()->moment(deadline);
    }
    if (!each.wait_for(until)) {
      return false;
    }
  }
  return true;
}

}  // namespace locum
