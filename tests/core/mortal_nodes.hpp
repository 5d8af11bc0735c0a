#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "tests/core/simulated_nodes.hpp"

namespace locum::tests {

/// Simulated nodes whose ranks die as processes do: a dead rank's part of the node's memory stays as it was
/// at its death, whatever its programs still do while they end. A little later another rank of the node
/// adopts it, as the ranks of a real node do when the system reports a death.
class MortalNodes {
 public:
  /// From a death to its adoption.
  static constexpr std::chrono::milliseconds adoption{200};

  explicit MortalNodes(const SimulatedNodesOptions& options) : world_(options) {}

  [[nodiscard]] SimulatedNodes& world() noexcept { return world_; }
  [[nodiscard]] loopback::Network& network() noexcept { return world_.network(); }

  void kill(int rank);
  /// Kills all ranks of a node at once.
  void kill_node(int node);
  /// That rank closes its links, soon. It stays alive, but no longer counts as a survivor: others get no
  /// reply from it.
  void close(int rank);
  /// The same at once. Within a program of the network.
  void close_now(int rank);
  /// Marks a rank as dead that the network is about to kill, or has just killed.
  void mark_dead(int rank);
  /// Marks all ranks as dead that the network has killed. Called after each of its steps.
  void mark_killed_ranks();

  [[nodiscard]] bool is_dead(int rank) const { return dead_.at(static_cast<std::size_t>(rank)); }
  [[nodiscard]] bool is_closed(int rank) const { return closed_.at(static_cast<std::size_t>(rank)); }
  [[nodiscard]] bool is_gone(int rank) const { return is_dead(rank) || is_closed(rank); }
  /// Whether all ranks of the node are dead or have closed.
  [[nodiscard]] bool is_dead_node(int node) const { return survivors_of(node).empty(); }
  /// Whether at least one rank of the node is dead or has closed.
  [[nodiscard]] bool has_gone_rank(int node) const {
    return survivors_of(node).size() < ranks_of(node).size();
  }
  /// Whether at least one rank of the node is dead.
  [[nodiscard]] bool has_dead_rank(int node) const;
  /// Whether all ranks of some node have closed.
  [[nodiscard]] bool has_closed_node() const;
  [[nodiscard]] int nodes() const { return world_.node_of(world_.size() - 1) + 1; }
  [[nodiscard]] std::vector<int> ranks_of(int node) const;
  [[nodiscard]] std::vector<int> survivors_of(int node) const;
  [[nodiscard]] std::vector<int> survivors() const;

  /// What is left on the survivors' nodes after each of their ranks has collected evicted objects, and
  /// whether they still send messages that nobody requested; empty: nothing and none. The objects of a node
  /// that has closed do not count.
  [[nodiscard]] std::string leftovers();

 private:
  void adopt(int rank);
  void forget_fences();

  SimulatedNodes world_;
  std::vector<bool> dead_ = std::vector<bool>(static_cast<std::size_t>(world_.size()));
  std::vector<bool> closed_ = std::vector<bool>(static_cast<std::size_t>(world_.size()));
};

}  // namespace locum::tests
