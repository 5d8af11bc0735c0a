#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "tests/core/simulated_nodes.hpp"

namespace locum::tests {

/// Simulated nodes whose ranks die as processes do: what their node has together stays as it was at that
/// moment, whatever their programs still do while they end, and a node-mate adopts what they had a little
/// later, as the ranks of a real node do when the system tells them of a death.
class MortalNodes {
 public:
  /// From a death to its adoption.
  static constexpr std::chrono::milliseconds adoption{200};

  explicit MortalNodes(const SimulatedNodesOptions& options) : world_(options) {}

  [[nodiscard]] SimulatedNodes& world() noexcept { return world_; }
  [[nodiscard]] loopback::Network& network() noexcept { return world_.network(); }

  void kill(int rank);
  /// All ranks of a node at once.
  void kill_node(int node);
  /// That rank closes its links, soon; it lives on, and is no survivor any more: others have to do without
  /// it.
  void close(int rank);
  /// The same at once. Within a program of the network.
  void close_now(int rank);
  /// The network is about to kill this rank itself, or just has.
  void mourn(int rank);
  /// Mourns all whom the network has killed. To be called after each of its steps.
  void mourn_the_dead();

  [[nodiscard]] bool is_dead(int rank) const { return dead_.at(static_cast<std::size_t>(rank)); }
  [[nodiscard]] bool is_closed(int rank) const { return closed_.at(static_cast<std::size_t>(rank)); }
  [[nodiscard]] bool is_gone(int rank) const { return is_dead(rank) || is_closed(rank); }
  /// Whether nobody of the node can be asked: all are dead or have closed.
  [[nodiscard]] bool is_dead_node(int node) const { return survivors_of(node).empty(); }
  /// Whether at least one rank of the node is dead or has closed.
  [[nodiscard]] bool is_hurt_node(int node) const {
    return survivors_of(node).size() < ranks_of(node).size();
  }
  /// Whether at least one is dead.
  [[nodiscard]] bool is_bereaved_node(int node) const;
  /// Whether there is a node all of whose ranks have closed.
  [[nodiscard]] bool has_closed_node() const;
  [[nodiscard]] int nodes() const { return world_.node_of(world_.size() - 1) + 1; }
  [[nodiscard]] std::vector<int> ranks_of(int node) const;
  [[nodiscard]] std::vector<int> survivors_of(int node) const;
  [[nodiscard]] std::vector<int> survivors() const;

  /// What the survivors' nodes still hold, after each of their ranks has collected what is evicted, and
  /// whether they still send messages that nobody asked for; empty: nothing and none. What a node holds of
  /// which all others have closed, goes with them.
  [[nodiscard]] std::string leftovers();

 private:
  void adopt(int rank);
  void forget_fences();

  SimulatedNodes world_;
  std::vector<bool> dead_ = std::vector<bool>(static_cast<std::size_t>(world_.size()));
  std::vector<bool> closed_ = std::vector<bool>(static_cast<std::size_t>(world_.size()));
};

}  // namespace locum::tests
