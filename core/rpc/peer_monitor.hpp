#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace locum {

/// The ranks that owe this one something: replies, bulks that they announced, or the confirmation that they
/// have read one. A rank that owes and is silent is probed, and lost if it does not reply. One thread at a
/// time.
class PeerMonitor {
 public:
  using Clock = std::chrono::steady_clock;

  /// \param patience with a silent rank
  /// \param node_of_rank as long as one rank is silent, the others of its node are probed as well, each time,
  ///   so that it is known since when each of them is silent, even if they die one after the other; empty:
  ///   each for itself
  PeerMonitor(int ranks, Clock::duration patience, const std::vector<int>& node_of_rank);

  void owe(int rank) noexcept {
    Peer& peer = of(rank);
    if (peer.owed++ == 0 && !peer.doubted) {
      heard(rank);
      list(peer, rank);
    }
  }
  void repay(int rank) noexcept {
    Peer& peer = of(rank);
    peer.owed -= peer.owed > 0 ? 1U : 0U;
  }
  /// A bulk is in transfer to or from that rank from now on, until as many calls of moved(): the rank's
  /// messages may queue behind it. As long as anything moves, the rank's silence is then excused, but no
  /// longer than the bulk takes at the least rate.
  void moves(int rank, std::uint64_t bytes, Clock::time_point now) noexcept;
  void moved(int rank) noexcept {
    Peer& peer = of(rank);
    peer.bulks -= peer.bulks > 0 ? 1U : 0U;
  }
  /// A message or bulk has moved, from any rank.
  void note_movement() noexcept { ++movements_; }
  /// A message from that rank has arrived. The next look() records the time, which is a little later.
  void heard(int rank) noexcept {
    Peer& peer = of(rank);
    peer.heard = true;
    peer.unanswered = 0;
    peer.doubted = false;
  }
  /// Whether that rank is to be probed at once; it is then probed like ranks that owe something, until it
  /// sends something. False: it already is, or is lost.
  [[nodiscard]] bool doubt(int rank) noexcept;
  /// That rank is lost, and is not probed any more.
  void forget(int rank) noexcept { of(rank).lost = true; }

  /// Calls `ask` with each rank to be probed, and `lose` with each that has not replied in time. These may
  /// call all other functions of this.
  template <class Ask, class Lose>
  void look(Clock::time_point now, Ask ask, Lose lose);
  /// When look() has something to do, if no message arrives; Clock::time_point::max(): never.
  [[nodiscard]] Clock::time_point next_due(Clock::time_point now) const noexcept;
  [[nodiscard]] bool any() const noexcept { return !owing_.empty(); }

  /// How long that many bytes take at the least rate: slower transfers excuse no silence.
  [[nodiscard]] static Clock::duration longest(std::uint64_t bytes) noexcept;
  /// The interval of probes, or checks, within the patience of a waiting rank.
  [[nodiscard]] static Clock::duration request_interval(Clock::duration patience) noexcept {
    return patience / (requests + 1);
  }

 private:
  struct Peer {
    std::uint32_t owed = 0;
    int unanswered = 0;             ///< probes sent since its last message
    Clock::time_point quiet_at;     ///< time of the last probe, message or start of owing
    std::uint32_t bulks = 0;        ///< in transfer to or from it
    Clock::time_point bulks_until;  ///< when they must have arrived
    std::uint64_t movements = 0;    ///< their number when it was last excused
    bool heard = false;    ///< it sent something, or began to owe, since then; timed by the next look()
    bool listed = false;   ///< in owing_
    bool doubted = false;  ///< probed although it may owe nothing
    bool lost = false;

    [[nodiscard]] bool awaited() const noexcept { return !lost && (owed > 0 || doubted); }
  };
  /// Probes of a rank before it counts as dead. Counted in probes, not in time alone: a rank that was itself
  /// stopped for a while must not declare the others dead.
  static constexpr int requests = 4;
  /// A rank that is silent while its bulks move more slowly than this many bytes a second is lost.
  static constexpr std::uint64_t least_rate = std::uint64_t{8} << 20U;

  [[nodiscard]] Peer& of(int rank) noexcept { return peers_[static_cast<std::size_t>(rank)]; }
  [[nodiscard]] bool excused(Peer& peer, Clock::time_point now) const noexcept;
  void list(Peer& peer, int rank) noexcept {
    if (!std::exchange(peer.listed, true)) {
      owing_.push_back(rank);
    }
  }
  [[nodiscard]] bool share_node(int a, int b) const noexcept {
    return a != b && node_of_rank_[static_cast<std::size_t>(a)] == node_of_rank_[static_cast<std::size_t>(b)];
  }

  const Clock::duration patience_;
  const std::vector<int> node_of_rank_;
  std::vector<Peer> peers_;
  std::vector<int> owing_;  ///< ranks that owe something, and maybe others; has room for all
  std::uint64_t movements_ = 0;
};

template <class Ask, class Lose>
void PeerMonitor::look(Clock::time_point now, Ask ask, Lose lose) {
  for (std::size_t i = 0; i < owing_.size();) {
    const int rank = owing_[i];
    Peer& peer = of(rank);
    if (!peer.awaited()) {
      peer.listed = false;
      owing_[i] = owing_.back();
      owing_.pop_back();
      continue;
    }
    ++i;
    if (std::exchange(peer.heard, false)) {
      peer.quiet_at = now;
    } else if (now - peer.quiet_at >= request_interval(patience_)) {
      if (excused(peer, now)) {
        peer.quiet_at = now;
        continue;
      }
      if (peer.unanswered == requests) {
        lose(rank);
        continue;
      }
      peer.quiet_at = now;
      ++peer.unanswered;
      ask(rank);
      for (int node_peer = 0; node_peer < static_cast<int>(node_of_rank_.size()); ++node_peer) {
        if (share_node(node_peer, rank) && doubt(node_peer)) {
          of(node_peer).heard = false;  // its patience begins now, not at the next look()
          of(node_peer).quiet_at = now;
          of(node_peer).unanswered = 0;
          ask(node_peer);
        }
      }
    }
  }
}

}  // namespace locum
