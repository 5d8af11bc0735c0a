#include "core/client/peer_close_monitor.hpp"

namespace locum {

std::vector<int> PeerCloseMonitor::gone_for(Clock::duration grace) {
  const auto links = links_.lock();
  if (!links) {
    return {};
  }
  const auto now = links->progress().now();
  if (now - asked_.value_or(now) >= interval_) {
    asked_.reset();
    links->look_who_lives();
  }
  asked_.emplace(asked_.value_or(now));
  std::vector<int> gone = links->lost_elsewhere();
  if (!gone.empty() && now - first_missed_.emplace(first_missed_.value_or(now)) < grace) {
    gone.clear();
  }
  return gone;
}

}  // namespace locum
