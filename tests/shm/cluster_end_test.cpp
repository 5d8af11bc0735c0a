#include <gtest/gtest.h>

#include <latch>
#include <memory>
#include <thread>
#include <vector>

#include "core/node/cluster.hpp"
#include "core/value/options.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/shm/cluster_on_node.hpp"
#include "tests/shm/player.hpp"

// The memory of a node after its last connector is gone, while views are left.
namespace locum::shm {
namespace {

using locum::tests::holds;
using locum::tests::pattern;
using locum::tests::put;
using tests::connect;
using tests::make_segment;
using tests::sanitized;

TEST(ClusterAtItsEnd, GivesTheNodesMemoryBackWithTheLastView) {
  auto segment = make_segment(1, 64_MiB);
  const std::weak_ptr<Segment> memory = segment;
  auto connector = connect(segment, 0);
  segment.reset();
  const auto bytes = pattern(1, 1000);
  ASSERT_TRUE(put(*connector, 1, "x", bytes));
  ASSERT_TRUE(put(*connector, 1, "y", bytes));
  ObjectView first = connector->get({1, "x"}, {}).value();
  ObjectView second = connector->get({1, "y"}, {}).value();
  ObjectView copy = first;
  EXPECT_TRUE(connector->evict({1, "x"}, {}).value());
  connector.reset();
  first = ObjectView();
  second = ObjectView();
  ObjectView last = copy;
  copy = ObjectView();
  EXPECT_FALSE(memory.expired());
  EXPECT_TRUE(holds(last, bytes));
  EXPECT_EQ(last.facts().name, "x");
  last = ObjectView();
  EXPECT_TRUE(memory.expired());
}

TEST(ClusterAtItsEnd, GivesTheNodesMemoryBackAtOnceWhereNothingIsViewed) {
  auto segment = make_segment(1, 64_MiB);
  const std::weak_ptr<Segment> memory = segment;
  auto connector = connect(segment, 0);
  segment.reset();
  ASSERT_TRUE(put(*connector, 1, "x", pattern(1, 1000)));
  connector.reset();
  EXPECT_TRUE(memory.expired());
}

// Threads copy and release their views while the connector ends: the memory stays until the last view is
// gone, and no longer.
TEST(ClusterAtItsEnd, RacesWithTheEndOfTheViews) {
  constexpr int rounds = sanitized ? 300 : 3000;
  constexpr std::size_t threads = 3;
  const auto bytes = pattern(1, 64);
  for (int round = 0; round < rounds; ++round) {
    auto segment = make_segment(1, 4_MiB);
    const std::weak_ptr<Segment> memory = segment;
    auto connector = connect(segment, 0);
    segment.reset();
    const Key shared = put(*connector, 1, {}, bytes).value().key;
    std::latch start(threads + 1);
    std::vector<std::thread> viewers;
    for (std::size_t at = 0; at < threads; ++at) {
      const Key own = put(*connector, 1, {}, bytes).value().key;
      viewers.emplace_back(
          [&, one = connector->get(shared, {}).value(), two = connector->get(own, {}).value()]() mutable {
            start.arrive_and_wait();
            const ObjectView copy = one;
            one = ObjectView();
            two = ObjectView();
            EXPECT_TRUE(holds(copy, bytes));
          });
    }
    start.arrive_and_wait();
    connector.reset();
    for (std::thread& viewer : viewers) {
      viewer.join();
    }
    ASSERT_TRUE(memory.expired()) << "round " << round;
  }
}

}  // namespace
}  // namespace locum::shm
