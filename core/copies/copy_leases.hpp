#pragma once

#include <atomic>
#include <vector>

#include "core/deadline.hpp"

namespace locum {

/// Until when this process may show copies of other nodes' objects without asking again. A node grants a
/// lease with each copy that it sends, and whenever it is asked to renew; it runs from the moment at which
/// the question was sent. A node that has been given up by another one gets none any more (see FencedNodes),
/// so that what it has copies of is out of sight there a lease later at the latest, whether or not anything
/// reaches it. Any thread may call.
class CopyLeases final {
 public:
  using Clock = Deadline::Clock;

  CopyLeases(int nodes, Clock::duration length) : length_(length), until_(static_cast<std::size_t>(nodes)) {}

  /// A lease lasts so long.
  [[nodiscard]] Clock::duration length() const noexcept { return length_; }
  [[nodiscard]] Clock::time_point until(int node) const noexcept {
    return Clock::time_point(Clock::duration(until_[static_cast<std::size_t>(node)].load()));
  }
  /// That node has granted one to a question that was sent at this moment.
  void grant(int node, Clock::time_point asked) noexcept {
    auto& until = until_[static_cast<std::size_t>(node)];
    const auto later = (asked + length_).time_since_epoch().count();
    for (auto known = until.load(); known < later && !until.compare_exchange_weak(known, later);) {
    }
  }

 private:
  const Clock::duration length_;
  std::vector<std::atomic<Clock::rep>> until_;
};

}  // namespace locum
