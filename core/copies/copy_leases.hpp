#pragma once

#include <atomic>
#include <vector>

#include "core/value/deadline.hpp"

namespace locum {

/// Until when this process may show copies of other nodes' objects without asking again. A node grants a
/// lease with each copy that it sends, and on each renewal; it runs from the moment when the request was
/// sent. A node that another one has given up gets no more leases (see FencedNodes), so that its copies of
/// that node's objects are hidden at most a lease later, even if no message reaches it. Any thread may call.
class CopyLeases final {
 public:
  using Clock = Deadline::Clock;

  CopyLeases(int nodes, Clock::duration length) : length_(length), until_(static_cast<std::size_t>(nodes)) {}

  /// Returns the duration of a lease for this patience with a silent rank: long compared to a round trip, so
  /// that renewals cost nothing, and a small part of the time in which a rank is found lost.
  [[nodiscard]] static constexpr Clock::duration length_for(Clock::duration patience) noexcept {
    return patience / 5;
  }
  /// Duration of a lease.
  [[nodiscard]] Clock::duration length() const noexcept { return length_; }
  [[nodiscard]] Clock::time_point until(int node) const noexcept {
    return Clock::time_point(Clock::duration(until_[static_cast<std::size_t>(node)].load()));
  }
  /// That node has granted a lease on a request that was sent at this moment.
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
