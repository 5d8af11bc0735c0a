#include "core/rpc/inbound_bulks.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/rpc/rpc_channel.hpp"
#include "core/value/options.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/simulated_nodes.hpp"

// Announced bulks of live ranks that do not arrive.
namespace locum::tests::landings_test {
namespace {

using namespace std::chrono_literals;
using Clock = InboundBulks::Clock;
using tests::SimulatedNodes;

/// Bulks of some ranks, checked when the test says so.
class InboundBulksTest : public ::testing::Test {
 protected:
  void add(std::uint64_t number, int from, std::size_t bytes) {
    InboundBulk landing;
    landing.from = from;
    landing.bulk = std::span(memory_).first(bytes);
    inbound_.add(number, std::move(landing), now_);
  }
  /// How long until these ranks are lost, with that time between two checks.
  Clock::duration lost_after(std::size_t ranks, Clock::duration between_looks,
                             Clock::duration limit = 10min) {
    const auto began = now_;
    while (lost_.size() < ranks && now_ - began < limit) {
      now_ += between_looks;
      look();
    }
    return now_ - began;
  }
  void look() {
    inbound_.look(
        now_, [this](const InboundBulk& landing) { return landing.from == awaited_; },
        [this](int rank) { lost_.insert(rank); });
  }

  std::vector<std::byte> memory_ = std::vector<std::byte>(std::size_t{80} << 20U);
  Clock::time_point now_{1h};
  InboundBulks inbound_{5s};
  int awaited_ = -1;  ///< the rank for whose announced bulk a call waits
  std::set<int> lost_;
};

TEST_F(InboundBulksTest, LoseWhoseBulkDoesNotCome) {
  add(7, 3, 1000);
  const auto after = lost_after(1, 100ms);
  EXPECT_GE(after, 5s);
  EXPECT_LE(after, 8s);
  EXPECT_EQ(lost_, (std::set<int>{3}));
}

TEST_F(InboundBulksTest, AreTheLongerPatientTheMoreTheyAre) {
  add(1, 3, memory_.size());  // ten seconds at the minimum rate
  add(2, 4, memory_.size());
  const auto first = lost_after(1, 100ms);
  EXPECT_GE(first, 15s);
  EXPECT_LE(first, 18s);
  const auto second = first + lost_after(2, 100ms);
  EXPECT_GE(second, 25s);
  EXPECT_LE(second, 28s);
  EXPECT_EQ(lost_, (std::set<int>{3, 4}));
}

TEST_F(InboundBulksTest, OweNothingToWhatHasCome) {
  add(1, 3, memory_.size());
  ASSERT_TRUE(inbound_.take(1));
  EXPECT_FALSE(inbound_.take(1));
  add(2, 4, 1000);
  EXPECT_LE(lost_after(1, 100ms), 8s);
}

TEST_F(InboundBulksTest, AreGivenUpByWhoWaitsAndNotBefore) {
  add(1, 3, 1000);
  awaited_ = 3;
  EXPECT_EQ(lost_after(1, 1s), 10min);
  awaited_ = -1;
  EXPECT_EQ(lost_after(1, 1s), 1s);
}

// The rank was stopped, or no thread drove: nothing could arrive meanwhile.
TEST_F(InboundBulksTest, DoNotCountWhileNobodyLooks) {
  add(1, 3, 1000);
  EXPECT_EQ(lost_after(1, 2s, 1h), 1h);
  EXPECT_LE(lost_after(1, 1s), 8s);
}

TEST_F(InboundBulksTest, SayWhenTheyWantToBeLookedAt) {
  EXPECT_EQ(inbound_.next_due(), Clock::time_point::max());
  add(1, 3, 1000);
  for (int looks = 0; lost_.empty() && looks < 100; ++looks) {
    ASSERT_GT(inbound_.next_due(), now_);
    now_ = inbound_.next_due();
    look();
  }
  EXPECT_EQ(lost_.size(), 1U);
  ASSERT_TRUE(inbound_.take(1));
  EXPECT_EQ(inbound_.next_due(), Clock::time_point::max());
}

constexpr std::uint32_t store = 7;
constexpr std::size_t size_bytes = std::size_t{8} << 20U;  // a second at the minimum rate

tests::SimulatedNodesOptions nodes_of(std::chrono::milliseconds patience, std::uint64_t bytes_per_us) {
  return {.nodes = {.nodes = 2, .ranks_per_node = 1, .timeout = 10s, .patience = patience},
          .network = {.bytes_per_us = bytes_per_us, .detection = {1h, 1h}, .give_up = 1h}};
}

/// Two nodes; the bulks of rank 0 are lost, its other messages are not.
class StrandedBulk : public ::testing::Test {
 protected:
  StrandedBulk() : key_(put(world_.connector(0), store, {}, pattern(1, size_bytes)).value().key) {
    world_.network().on_message([](int from, int, std::span<const std::byte>) {
      return loopback::Verdict{.fate = from == 0 ? loopback::Fate::strand : loopback::Fate::deliver};
    });
  }
  void start_get(std::chrono::nanoseconds patience) {
    world_.network().start([this, patience] {
      got_ = world_.connector(1).get(Address(key_, 0, size_bytes), world_.network().now() + patience);
      took_ = world_.network().now() - began_;
    });
  }
  [[nodiscard]] bool is_lost() { return world_.rank(1).links->is_lost(0); }
  [[nodiscard]] std::uint64_t used_bytes() { return world_.rank(1).node->levels().used_bytes; }

  SimulatedNodes world_{nodes_of(2s, 10'000)};
  const Key key_;
  const Clock::time_point began_ = world_.network().now();
  std::optional<Result<ObjectView>> got_;
  Clock::duration took_{};
};

TEST_F(StrandedBulk, IsWaitedForAsLongAsTheCallLasts) {
  start_get(20s);
  EXPECT_FALSE(world_.network().run_until([&] { return is_lost(); }, began_ + 19s));
  world_.network().run();
  EXPECT_EQ(code_of(*got_), Errc::timeout) << got_->error();
  EXPECT_GE(took_, 20s);
  world_.network().run_for(1s);
  EXPECT_TRUE(is_lost());
  world_.network().run_for(10s);
  (void)world_.connector(1).usage();
  (void)world_.connector(0).usage();
  EXPECT_EQ(world_.rank(1).node->levels(), tests::PlainNode::Levels{});
  EXPECT_EQ(world_.rank(0).node->levels().pinned, 0U);
}

TEST_F(StrandedBulk, LeavesNoMemoryBehindWhereTheCallHasTimedOut) {
  start_get(1s);
  world_.network().run();
  EXPECT_EQ(code_of(*got_), Errc::timeout) << got_->error();
  // Other ranks of its node might want the object: the flight continues as long as any call may last.
  EXPECT_FALSE(world_.network().run_until([&] { return is_lost(); }, began_ + 9s));
  EXPECT_GE(used_bytes(), size_bytes) << "the transport may still write there";
  EXPECT_TRUE(world_.network().run_until([&] { return is_lost(); }, began_ + 11s));
  world_.network().run_for(1s);
  (void)world_.connector(1).usage();
  EXPECT_EQ(world_.rank(1).node->levels(), tests::PlainNode::Levels{});
}

TEST_F(StrandedBulk, KeepsNobodyFromClosing) {
  start_get(1s);
  world_.network().run();
  world_.rank(1).links->close();
  EXPECT_LE(world_.network().now() - began_, 6s) << "and not until the timeout of 10 s";
  (void)world_.connector(1).usage();
  EXPECT_EQ(world_.rank(1).node->levels(), tests::PlainNode::Levels{});
}

TEST(SlowBulk, IsWaitedFor) {
  SimulatedNodes world(nodes_of(100ms, 16));  // half a second
  const Key key = put(world.connector(0), store, {}, pattern(1, size_bytes)).value().key;
  std::optional<Result<ObjectView>> got;
  std::optional<Result<ObjectView>> late;
  const auto began = world.network().now();
  world.network().start(
      [&] { late = world.connector(1).get(Address(key, 0, size_bytes), world.network().now() + 10ms); });
  world.network().run_for(300ms);
  EXPECT_EQ(code_of(*late), Errc::timeout);
  EXPECT_GE(world.rank(1).node->levels().used_bytes, size_bytes) << "it is in transfer";
  world.network().start([&] { got = world.connector(1).get(Address(key, 0, size_bytes), {}); });
  world.network().run();
  ASSERT_TRUE(*got) << got->error();
  EXPECT_TRUE(holds(**got, pattern(1, size_bytes)));
  EXPECT_GE(world.network().now() - began, 400ms) << "longer than the patience";
  EXPECT_FALSE(world.rank(1).links->is_lost(0));
}

// No call waits for its bytes any more, except closing: they may still arrive.
TEST(SlowBulk, IsNotGivenUpByWhoCloses) {
  SimulatedNodes world(nodes_of(100ms, 16));
  const Key key = put(world.connector(0), store, {}, pattern(1, size_bytes)).value().key;
  const auto began = world.network().now();
  EXPECT_EQ(code_of(world.connector(1).get(Address(key, 0, size_bytes), began + 10ms)), Errc::timeout);
  world.rank(1).links->close();
  EXPECT_GE(world.network().now() - began, 400ms) << "until they have arrived";
  EXPECT_EQ(world.network().counters().transfers, 1U);
  EXPECT_FALSE(world.rank(1).links->is_lost(0));
}

// The closing thread drives: it sees each arrival at once, also after its deadline.
TEST(SlowBulk, IsWaitedForUntilTheTimeoutByWhoCloses) {
  auto options = nodes_of(100ms, 16);
  options.nodes.timeout = 200ms;
  SimulatedNodes world(options);
  const Key key = put(world.connector(0), store, {}, pattern(1, size_bytes)).value().key;
  const auto began = world.network().now();
  EXPECT_EQ(code_of(world.connector(1).get(Address(key, 0, size_bytes), began + 10ms)), Errc::timeout);
  const auto closing = world.network().now();
  world.rank(1).links->close();
  const auto took = world.network().now() - closing;
  EXPECT_GE(took, 200ms);
  EXPECT_LE(took, 250ms);
}

// The call that waits for the bulk fails because of the closing; the closing thread is parked beside it at
// first.
TEST(SlowBulk, IsNotGivenUpByWhoClosesBesideACall) {
  SimulatedNodes world(nodes_of(100ms, 16));
  const Key key = put(world.connector(0), store, {}, pattern(1, size_bytes)).value().key;
  const auto began = world.network().now();
  std::optional<Result<ObjectView>> got;
  auto told = began;
  world.network().start([&] {
    got = world.connector(1).get(Address(key, 0, size_bytes), {});
    told = world.network().now();
  });
  world.network().run_for(300ms);
  ASSERT_FALSE(got);
  world.network().start([&] { world.rank(1).links->close(); });
  world.network().run();
  EXPECT_EQ(code_of(*got), Errc::closed);
  EXPECT_EQ(told - began, 300ms) << "at once";
  EXPECT_GE(world.network().now() - began, 400ms) << "until they have arrived";
  EXPECT_FALSE(world.rank(1).links->is_lost(0));
}

}  // namespace
}  // namespace locum::tests::landings_test
