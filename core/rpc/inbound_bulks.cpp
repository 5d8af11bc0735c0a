#include "core/rpc/inbound_bulks.hpp"

#include <algorithm>

#include "core/rpc/peer_monitor.hpp"

namespace locum {

InboundBulks::InboundBulks(Clock::duration patience)
    : patience_(patience), interval_(std::max(PeerMonitor::request_interval(patience), Clock::duration(1))) {}

// The time limit is counted in checks, not in time alone, for the same reason as PeerMonitor counts probes.
// The last of many bulks may arrive after all the others.
void InboundBulks::add(std::uint64_t number, InboundBulk landing, Clock::time_point now) {
  const std::uint64_t bytes = landing.bulk.size();
  const auto longest = patience_ + PeerMonitor::longest(bytes_ + bytes);
  const auto looks =
      static_cast<std::uint64_t>(longest / interval_) + 1;  // the first check may follow at once
  const bool first = inbound_.empty();
  inbound_.emplace(number, Entry{std::move(landing), looks});
  bytes_ += bytes;
  if (first) {
    looked_at_ = now;
  }
}

std::optional<InboundBulk> InboundBulks::take(std::uint64_t number) noexcept {
  const auto at = inbound_.find(number);
  if (at == inbound_.end()) {
    return std::nullopt;
  }
  std::optional<InboundBulk> landing(std::move(at->second.landing));
  bytes_ -= landing->bulk.size();
  inbound_.erase(at);
  return landing;
}

// Whether the time since the last check counts. If that is longer than the interval, this rank was stopped,
// or no thread made progress: nothing could arrive meanwhile.
bool InboundBulks::looks_again(Clock::time_point now) noexcept {
  const auto since = now - looked_at_;
  if (since < interval_) {
    return false;
  }
  looked_at_ = now;
  return since < 2 * interval_;
}

}  // namespace locum
