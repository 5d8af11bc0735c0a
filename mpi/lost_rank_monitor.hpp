#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/client/links.hpp"
#include "core/node/dead_ranks.hpp"
#include "core/value/deadline.hpp"

namespace locum::mpi {

/// The lost ranks of the runtime: those of this node by its watch, others by the links to them. Never blocks.
/// watch(), stop_watching_links() and ranks_while_waiting() are for the thread that may call MPI; the others
/// for any thread at any time.
class LostRankMonitor {
 public:
  /// \param of_node the ranks that the node's watch has found lost, by rank within the node
  /// \param node_peers the runtime's ranks on this node, ascending
  /// \param closed_alone ranks within the node that closed the runtime without waiting for the others
  LostRankMonitor(std::shared_ptr<const DeadRanks> of_node, std::vector<std::uint32_t> node_peers,
                  std::function<std::vector<std::uint32_t>()> closed_alone);

  /// Includes the losses that `links` report, and while this rank waits, polls the other nodes over them four
  /// times per `patience`. Called once.
  void watch(const std::shared_ptr<Links>& links, std::chrono::milliseconds patience);
  /// From now on losses reported by the links do not count: a rank that closes its connections looks like a
  /// dead one. If nobody is lost by then, the ranks of this node that closed alone count.
  void stop_watching_links();

  [[nodiscard]] bool any() const;
  /// Dead ranks of this node, ascending.
  [[nodiscard]] std::vector<int> node_peers() const;
  /// All lost ranks, ascending.
  [[nodiscard]] std::vector<int> ranks() const;
  /// The same while this rank waits for all others: asks the other nodes from time to time which ranks are
  /// lost there. If none is lost within the time in which a death is noticed, returns the ranks of this node
  /// that closed the runtime alone, which will join no collective call.
  [[nodiscard]] std::vector<int> ranks_while_waiting();
  /// "rank 1 (adopted by rank 0), rank 3", or empty.
  [[nodiscard]] std::string describe() const;

 private:
  [[nodiscard]] int rank_of(std::uint32_t in_node) const { return static_cast<int>(node_peers_.at(in_node)); }
  /// Not this node's: a node peer that does not answer in time, or has closed, looks dead to a link, and its
  /// watch knows better.
  [[nodiscard]] std::vector<int> beyond_node() const;
  [[nodiscard]] std::vector<int> closed_alone() const;
  /// The links, while they count.
  [[nodiscard]] std::shared_ptr<Links> links() const;

  const std::shared_ptr<const DeadRanks> of_node_;
  const std::vector<std::uint32_t> node_peers_;
  mutable Mutex mutex_;
  std::weak_ptr<Links> links_ LOCUM_GUARDED_BY(mutex_);
  Deadline::Clock::duration roll_interval_{};
  Deadline::Clock::time_point roll_called_;
  std::function<std::vector<std::uint32_t>()> closed_alone_;
  std::optional<Deadline::Clock::time_point> seen_closed_alone_;  ///< by ranks_while_waiting()
  std::vector<int> beyond_node_ LOCUM_GUARDED_BY(mutex_);         ///< once the links no longer count
};

}  // namespace locum::mpi
