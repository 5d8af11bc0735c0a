#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/client/links.hpp"

namespace locum {

/// Detects lost ranks of other nodes for a rank that has closed its links and waits until all others have: a
/// closed rank owes nobody anything, so that its death would not be noticed otherwise. One rank of each other
/// node is probed at intervals. That suffices: the ranks of the node of a dead rank detect its end by the
/// system and stop waiting, and a rank that stops waiting and closes its links looks dead, too.
///
/// Used by one thread.
class PeerCloseMonitor {
 public:
  using Clock = Progress::Clock;

  /// \param links owned by the caller; once they are destroyed, nobody is reported
  /// \param patience of these links: the others are probed five times as often
  PeerCloseMonitor(std::weak_ptr<Links> links, Clock::duration patience)
      : links_(std::move(links)), interval_(patience / 5) {}

  /// The ranks that do not reply, or whose connection has broken, once the first of them was detected at
  /// least `grace` before: until then its last messages may be in transfer. Does not block; call it
  /// repeatedly: each call probes the others when due, for the first time an interval after the first call.
  /// So a death is reported within the patience plus `grace`.
  [[nodiscard]] std::vector<int> gone_for(Clock::duration grace);

 private:
  const std::weak_ptr<Links> links_;
  const Clock::duration interval_;
  std::optional<Clock::time_point> asked_;
  std::optional<Clock::time_point> first_missed_;
};

}  // namespace locum
