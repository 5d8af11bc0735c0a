#include "core/rpc/peer_monitor.hpp"

#include <algorithm>

namespace locum {

PeerMonitor::PeerMonitor(int ranks, Clock::duration patience, const std::vector<int>& node_of_rank)
    : patience_(patience), node_of_rank_(node_of_rank), peers_(static_cast<std::size_t>(ranks)) {
  owing_.reserve(peers_.size());
}

bool PeerMonitor::doubt(int rank) noexcept {
  Peer& peer = of(rank);
  if (peer.lost || peer.awaited()) {
    return false;
  }
  heard(rank);
  peer.doubted = true;
  peer.unanswered = 1;
  list(peer, rank);
  return true;
}

void PeerMonitor::moves(int rank, std::uint64_t bytes, Clock::time_point now) noexcept {
  Peer& peer = of(rank);
  peer.bulks_until = std::max(peer.bulks++ == 0 ? now : peer.bulks_until, now) + longest(bytes);
}

PeerMonitor::Clock::duration PeerMonitor::longest(std::uint64_t bytes) noexcept {
  constexpr std::uint64_t most_seconds = std::uint64_t{1} << 20U;
  return std::chrono::seconds(std::min(bytes / least_rate, most_seconds)) +
         std::chrono::nanoseconds(bytes % least_rate * 1'000'000'000 / least_rate);
}

// Movement does not prove that this rank is alive; but without any, its bulk did not move either.
bool PeerMonitor::excused(Peer& peer, Clock::time_point now) const noexcept {
  return peer.bulks > 0 && now < peer.bulks_until && std::exchange(peer.movements, movements_) != movements_;
}

PeerMonitor::Clock::time_point PeerMonitor::next_due(Clock::time_point now) const noexcept {
  auto due = Clock::time_point::max();
  for (const int rank : owing_) {
    const Peer& peer = peers_[static_cast<std::size_t>(rank)];
    if (peer.awaited()) {
      due = std::min(due, (peer.heard ? now : peer.quiet_at) + request_interval(patience_));
    }
  }
  return due;
}

}  // namespace locum
