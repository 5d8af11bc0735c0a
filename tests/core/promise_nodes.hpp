#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/promise.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/paired_nodes.hpp"
#include "tests/core/rank_stores.hpp"

namespace locum::tests {

using namespace std::chrono_literals;

/// Three nodes of two ranks, with a latency of a millisecond. Rank 0 makes promises, all others wait; rank 1
/// is on the same node.
class PromiseNodes : public PairedNodes {
 protected:
  static constexpr int maker = 0;
  static constexpr auto patience = 5s;

  /// The outcome of a wait, and its moment.
  struct WaitOutcome {
    std::optional<Result<View<double[]>>> got;
    Deadline::Clock::time_point at;
  };

  PromiseNodes() : PairedNodes(pairs(3, {.window_bytes = 1'000'000, .patience = patience})) {
    world_.network().run_for(1s);
    at_first_ = levels();
  }

  [[nodiscard]] Store& store(int rank) { return stores_[rank]; }
  [[nodiscard]] Proxy<double[]> stand_in(int rank, const Handle& handle) {
    return stores_.session(rank).proxy<double[]>(handle);
  }
  [[nodiscard]] Promise<double[]> promise() { return store(maker).promise<double[]>().value(); }
  /// That rank starts to wait for it, in a separate program.
  [[nodiscard]] std::shared_ptr<WaitOutcome> wait(int rank, const Handle& handle,
                                                  std::chrono::seconds time = 60s) {
    auto told = std::make_shared<WaitOutcome>();
    world_.network().start([this, rank, handle, time, told] {
      told->got = stand_in(rank, handle).get(world_.network().now() + time);
      told->at = world_.network().now();
    });
    return told;
  }
  void set_after(std::chrono::nanoseconds time, Promise<double[]>& promise, std::vector<double> value) {
    world_.network().after(time, [this, &promise, value = std::move(value)] {
      world_.network().start([&promise, value] { EXPECT_TRUE(promise.set(value)); });
    });
  }
  void expect_nothing_left(const std::vector<int>& nodes) {
    world_.network().run_for(20s);
    for (const int node : nodes) {
      EXPECT_EQ(levels(node), at_first_[static_cast<std::size_t>(node)]) << node;
      EXPECT_EQ(world_.rank(2 * node).links->awaited(), 0U) << node;
    }
  }

  std::vector<PlainNode::Levels> at_first_;
  RankStores stores_{world_};
};

}  // namespace locum::tests
