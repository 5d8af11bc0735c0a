#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <utility>
#include <vector>

#include "core/ports/coming.hpp"
#include "tests/core/begun.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/mortal_nodes.hpp"
#include "tests/core/simulated_nodes.hpp"

namespace locum::tests {

/// Two nodes of two ranks, a millisecond apart. Rank 0 makes objects, rank 2 has them fetched.
class PrefetchingNodes : public ::testing::Test {
 protected:
  static constexpr std::uint32_t store = 7;
  static constexpr std::size_t size_bytes = 100'000;

  explicit PrefetchingNodes(const SimulatedNodesOptions& options = of_two_pairs({}))
      : mortal_(options), world_(mortal_.world()) {}

  [[nodiscard]] static SimulatedNodesOptions of_two_pairs(LinkedNodesOptions nodes) {
    nodes.nodes = 2;
    nodes.ranks_per_node = 2;
    return {.nodes = std::move(nodes),
            .network = {.latency = {std::chrono::milliseconds(1), std::chrono::milliseconds(1)}}};
  }

  [[nodiscard]] Key made(std::size_t seed, std::size_t bytes = size_bytes) {
    return tests::put(world_.connector(0), store, {}, tests::pattern(seed, bytes)).value().key;
  }
  /// As from a handle, which says how large the object is.
  [[nodiscard]] Begun begin(const Key& key, std::size_t bytes = size_bytes,
                            CountsUntil until = CountsUntil::it_is_used) {
    return tests::begin(world_.connector(2), Address(key, 0, bytes), until);
  }
  [[nodiscard]] static Result<ObjectView> now(const Begun& begun) {
    return begun.coming->get(Deadline::Clock::time_point::min());
  }
  [[nodiscard]] Window::Levels window() {
    return world_.rank(2).links->window(CountsUntil::it_is_used)->levels();
  }
  void expect_nothing_left(const std::vector<Key>& keys) {
    for (const Key& key : keys) {
      EXPECT_TRUE(world_.connector(0).evict(Address(key), {}).value());
    }
    world_.network().run_for(std::chrono::seconds(10));
    for (int rank = 0; rank < world_.size(); ++rank) {
      (void)world_.connector(rank).usage();
    }
    EXPECT_EQ(world_.rank(0).node->levels(), PlainNode::Levels{});
    EXPECT_EQ(world_.rank(2).node->levels(), PlainNode::Levels{});
    EXPECT_EQ(window(), Window::Levels{});
  }

  MortalNodes mortal_;
  SimulatedNodes& world_;
};

}  // namespace locum::tests
