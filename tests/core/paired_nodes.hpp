#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <utility>
#include <vector>

#include "tests/core/mortal_nodes.hpp"
#include "tests/core/simulated_nodes.hpp"

namespace locum::tests {

/// Simulated nodes of two ranks each, with a latency of a millisecond, and their memory usage: for suites
/// that expect it to be unchanged at the end.
class PairedNodes : public ::testing::Test {
 protected:
  explicit PairedNodes(const SimulatedNodesOptions& options) : mortal_(options) {}

  [[nodiscard]] static SimulatedNodesOptions pairs(int nodes, LinkedNodesOptions options = {}) {
    options.nodes = nodes;
    options.ranks_per_node = 2;
    return {.nodes = std::move(options),
            .network = {.latency = {std::chrono::milliseconds(1), std::chrono::milliseconds(1)}}};
  }

  /// After its ranks have collected dead objects.
  [[nodiscard]] PlainNode::Levels levels(int node) {
    for (const int rank : mortal_.survivors_of(node)) {
      (void)world_.connector(rank).usage();
    }
    return world_.rank(2 * node).node->levels();
  }
  /// Of each node.
  [[nodiscard]] std::vector<PlainNode::Levels> levels() {
    std::vector<PlainNode::Levels> all;
    for (int node = 0; node < mortal_.nodes(); ++node) {
      all.push_back(levels(node));
    }
    return all;
  }

  MortalNodes mortal_;
  SimulatedNodes& world_ = mortal_.world();
};

}  // namespace locum::tests
