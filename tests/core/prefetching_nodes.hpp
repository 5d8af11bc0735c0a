#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "core/ports/now_or_task.hpp"
#include "tests/core/begun.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/paired_nodes.hpp"

namespace locum::tests {

/// Two nodes of two ranks, with a latency of a millisecond. Rank 0 makes objects, rank 2 prefetches them.
class PrefetchingNodes : public PairedNodes {
 protected:
  static constexpr std::uint32_t store = 7;
  static constexpr std::size_t size_bytes = 100'000;

  explicit PrefetchingNodes(const SimulatedNodesOptions& options = pairs(2)) : PairedNodes(options) {}

  [[nodiscard]] Key made(std::size_t seed, std::size_t bytes = size_bytes) {
    return tests::put(world_.connector(0), store, {}, tests::pattern(seed, bytes)).value().key;
  }
  /// As from a handle, which knows the object's size.
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
    EXPECT_EQ(levels(0), PlainNode::Levels{});
    EXPECT_EQ(levels(1), PlainNode::Levels{});
    EXPECT_EQ(window(), Window::Levels{});
  }
};

}  // namespace locum::tests
