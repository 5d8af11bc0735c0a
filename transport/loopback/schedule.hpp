#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/ports/transport.hpp"

namespace locum::loopback {

using Moment = Transport::Clock::time_point;

/// What is going to happen, by its moment; of two things at one moment the one that was added first comes
/// first.
class Schedule {
 public:
  using Action = std::function<void()>;

  void add(Moment moment, Action action);
  /// The earliest moment at which something happens; Moment::max() if nothing does.
  [[nodiscard]] Moment next() const noexcept { return heap_.empty() ? Moment::max() : heap_.front().moment; }
  [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
  /// Takes out what comes first. REQUIRES: !empty().
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
