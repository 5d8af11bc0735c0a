#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace locum {

/// The ranks that owe this one something: answers, bulks that they announced, or the word that they have read
/// one. Who owes and is silent is asked whether it lives, and lost when it does not say so. One thread at a
/// time.
class PeerMonitor {
 public:
  using Clock = std::chrono::steady_clock;

  /// \param patience     with who is silent
  /// \param node_of_rank as long as one rank is silent the others of its node are asked as well, each
  ///                     time, so that it is known since when each of them is silent, however they died one
  ///                     after the other; empty: each for itself
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
  /// A bulk is on its way to or from that rank from now on, until as many calls of moved(): what the rank
  /// says may lie behind it. As long as anything moves, the rank is not missed then, but for longer than the
  /// bulk takes at the least rate.
  void moves(int rank, std::uint64_t bytes, Clock::time_point now) noexcept;
  void moved(int rank) noexcept {
    Peer& peer = of(rank);
    peer.bulks -= peer.bulks > 0 ? 1U : 0U;
  }
  /// Some message or bulk, from whomever, has moved.
  void note_movement() noexcept { ++movements_; }
  /// It has said something. When that was is noted by who looks next, which is a little later.
  void heard(int rank) noexcept {
    Peer& peer = of(rank);
    peer.heard = true;
    peer.unanswered = 0;
    peer.doubted = false;
  }
  /// Whether that rank is to be asked at once whether it lives, and is from then on like those who owe, until
  /// it says something; false: it is already, or lost.
  [[nodiscard]] bool doubt(int rank) noexcept;
  /// That rank is lost, and nobody asks it any more.
  void forget(int rank) noexcept { of(rank).lost = true; }

  /// Has `ask` called with each rank that is to be asked whether it lives, and `lose` with each that has not
  /// said so. These may call everything else of this.
  template <class Ask, class Lose>
  void look(Clock::time_point now, Ask ask, Lose lose);
  /// When look() has something to do, if nobody says anything; Clock::time_point::max(): never.
  [[nodiscard]] Clock::time_point next_due(Clock::time_point now) const noexcept;
  [[nodiscard]] bool any() const noexcept { return !owing_.empty(); }

  /// How long so many bytes take at the least rate: what moves more slowly is excused no longer.
  [[nodiscard]] static Clock::duration longest(std::uint64_t bytes) noexcept;
  /// How often who waits asks, or looks, before its patience is over.
  [[nodiscard]] static Clock::duration question_interval(Clock::duration patience) noexcept {
    return patience / (questions + 1);
  }

 private:
  struct Peer {
    std::uint32_t owed = 0;
    int unanswered = 0;             ///< times it was asked whether it lives since it last said anything
    Clock::time_point quiet_at;     ///< when it was last asked, said something or began to owe
    std::uint32_t bulks = 0;        ///< on their way to or from it
    Clock::time_point bulks_until;  ///< when they have arrived at the latest
    std::uint64_t movements = 0;    ///< how many there were when it was last excused
    bool heard = false;             ///< since then it has, or has begun to: at the moment when that is noted
    bool listed = false;            ///< in owing_
    bool doubted = false;           ///< asked whether it lives though it may owe nothing
    bool lost = false;

    [[nodiscard]] bool awaited() const noexcept { return !lost && (owed > 0 || doubted); }
  };
  /// Who owes is asked so often whether it lives, before it counts as dead. Counted in questions, not in time
  /// alone: a rank that was itself stopped for a while must not take the others for dead.
  static constexpr int questions = 4;
  /// Bulks that move more slowly than so many bytes a second make a rank that is silent meanwhile a lost one.
  static constexpr std::uint64_t least_rate = std::uint64_t{8} << 20U;

  [[nodiscard]] Peer& of(int rank) noexcept { return peers_[static_cast<std::size_t>(rank)]; }
  [[nodiscard]] bool excused(Peer& peer, Clock::time_point now) const noexcept;
  void list(Peer& peer, int rank) noexcept {
    if (!std::exchange(peer.listed, true)) {
      owing_.push_back(rank);
    }
  }
  [[nodiscard]] bool are_mates(int a, int b) const noexcept {
    return a != b && node_of_rank_[static_cast<std::size_t>(a)] == node_of_rank_[static_cast<std::size_t>(b)];
  }

  const Clock::duration patience_;
  const std::vector<int> node_of_rank_;
  std::vector<Peer> peers_;
  std::vector<int> owing_;  ///< ranks that are awaited, and maybe others; has room for all
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
    } else if (now - peer.quiet_at >= question_interval(patience_)) {
      if (excused(peer, now)) {
        peer.quiet_at = now;
        continue;
      }
      if (peer.unanswered == questions) {
        lose(rank);
        continue;
      }
      peer.quiet_at = now;
      ++peer.unanswered;
      ask(rank);
      for (int mate = 0; mate < static_cast<int>(node_of_rank_.size()); ++mate) {
        if (are_mates(mate, rank) && doubt(mate)) {
          of(mate).heard = false;  // its patience begins now, not when somebody looks the next time
          of(mate).quiet_at = now;
          of(mate).unanswered = 0;
          ask(mate);
        }
      }
    }
  }
}

}  // namespace locum
