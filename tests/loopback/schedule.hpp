#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/ports/transport.hpp"

namespace locum::loopback {

using Moment = Transport::Clock::time_point;

/// Future events, by their moments; of two events at one moment the one added first is first.
class Schedule {
 public:
  using Action = std::function<void()>;

  void add(Moment moment, Action action);
  /// The earliest moment of an event; Moment::max() if there is none.
  [[nodiscard]] Moment next() const noexcept { return heap_.empty() ? Moment::max() : heap_.front().moment; }
  [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
  /// Removes the first event. REQUIRES: !empty().
  [[nodiscard]] Action take();

 private:
  struct Event {
    Moment moment;
    std::uint64_t sequence;
    Action action;
  };
  static bool later(const Event& a, const Event& b) noexcept {
    return a.moment != b.moment ? a.moment > b.moment : a.sequence > b.sequence;
  }

  std::vector<Event> heap_;
  std::uint64_t sequence_ = 0;
};

}  // namespace locum::loopback
