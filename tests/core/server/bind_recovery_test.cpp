#include "core/server/bind_recovery.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/rpc/message.hpp"
#include "core/value/options.hpp"
#include "tests/core/bent_transport.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/mortal_nodes.hpp"

namespace locum::tests::bind_recovery_test {
namespace {

using namespace std::chrono_literals;
using tests::MortalNodes;

constexpr std::uint32_t store = 7;
constexpr std::size_t size_bytes = 9'000;  // more than the home keeps

/// Two nodes of two ranks. Rank 0 dies while it replaces a name whose home is node 1; its messages arrive
/// nevertheless, and only rank 1 notifies node 1 of the death.
class BindRecoveryTest : public ::testing::Test {
 protected:
  static constexpr int maker = 0;
  static constexpr int node_peer = 1;
  static constexpr int asked = 2;  ///< the rank of the home that gets the maker's request
  static constexpr int other = 3;  ///< the other rank of that node
  static constexpr auto never = std::chrono::nanoseconds::max();

  BindRecoveryTest()
      : nodes_({.nodes = {.nodes = 2, .ranks_per_node = 2, .memory_bytes = 1_MiB},
                .network = {.latency = {10us, 50us},
                            .detection = {never, never},
                            .give_up = never,
                            .lost_at_death = 0}}),
        name_(nodes_.world().name_at(1, store, "settled ")) {
    EXPECT_TRUE(put(nodes_.world().connector(other), store, name_, old_));
  }

  /// Rank 0 replaces the name, and dies that much later.
  void replace_and_die(std::chrono::milliseconds after) {
    nodes_.network().start([this] {
      (void)put(nodes_.world().connector(maker), store, name_, new_, {SealMode::replace, 0});
    });
    nodes_.network().run_for(after);
    nodes_.kill(maker);
    nodes_.network().run_for(MortalNodes::adoption + 3s);
  }
  void expect_all_find(const std::vector<std::byte>& bytes,
                       const std::vector<int>& ranks = {node_peer, asked, other}) {
    for (const int rank : ranks) {
      const auto found = nodes_.world().connector(rank).get(Address(store, name_), {});
      ASSERT_TRUE(found) << "rank " << rank << ": " << found.error();
      EXPECT_TRUE(holds(*found, bytes)) << "rank " << rank;
    }
  }
  [[nodiscard]] std::size_t objects_of(int rank) {
    return nodes_.world().rank(rank).process.table->keys(store, Whose::own).size();
  }
  [[nodiscard]] std::size_t objects_of_node_peer() { return objects_of(node_peer); }
  /// No rank has a helper thread here: that rank waits for something else, for that time.
  void let_wait(int rank, std::chrono::seconds time) {
    nodes_.network().start([this, rank, time] { nodes_.world().rank(rank).links->client()->pause(time); });
    nodes_.network().run_for(time);
  }
  /// Rank 0 replaces the name, but the rank that gets its request is stopped; waits until it is given up, and
  /// the other rank of its node was asked about the object.
  void replace_in_vain() {
    nodes_.network().pause(asked);
    const auto replaced = put(nodes_.world().connector(maker), store, name_, new_, {SealMode::replace, 0});
    ASSERT_FALSE(replaced);
    ASSERT_EQ(replaced.error().code(), Errc::peer_lost);
    let_wait(maker, 20s);
  }

  MortalNodes nodes_;
  const std::string name_;
  const std::vector<std::byte> old_ = pattern(1, size_bytes);
  const std::vector<std::byte> new_ = pattern(2, size_bytes);
};

TEST_F(BindRecoveryTest, KeepsWhatTheHomeBoundAndItsMakerNeverHeardOf) {
  nodes_.network().set_latency(asked, maker, {500ms, 500ms});
  replace_and_die(100ms);
  expect_all_find(new_);
  EXPECT_EQ(objects_of_node_peer(), 1U);
}

TEST_F(BindRecoveryTest, TakesOutOfSightWhatNeverReachedTheHome) {
  nodes_.network().cut(maker, asked);
  replace_and_die(100ms);
  expect_all_find(old_);
  EXPECT_EQ(objects_of_node_peer(), 0U);
}

// The message of the surviving rank overtakes those of the dead one: the home learns of the death first, and
// does not bind the tombstoned object any more.
TEST_F(BindRecoveryTest, HasTheHomeForgetABindThatComesTooLate) {
  nodes_.network().set_latency(maker, asked, {1s, 1s});
  replace_and_die(100ms);
  expect_all_find(old_);
  EXPECT_EQ(objects_of_node_peer(), 0U);
}

// The first message to the home is lost, and those of the dead rank arrive after that request's deadline.
TEST_F(BindRecoveryTest, TellsAgainWhereTheHomeCannotBeReachedForAWhile) {
  nodes_.network().set_latency(maker, asked, {40s, 40s});
  nodes_.network().partition({node_peer}, loopback::Cut::lose);
  replace_and_die(100ms);
  EXPECT_EQ(objects_of_node_peer(), 1U);
  nodes_.network().heal();
  let_wait(node_peer, 100s);
  expect_all_find(old_);
  EXPECT_EQ(objects_of_node_peer(), 0U);
}

// The other rank of the home replies that the old object is bound, but the stopped one carries out the
// requests that it has received when it continues: the name must not refer to an object that is gone then.
TEST_F(BindRecoveryTest, KeepsWhatAStoppedRankOfTheHomeMayBindYet) {
  ASSERT_NO_FATAL_FAILURE(replace_in_vain());
  EXPECT_EQ(objects_of(maker), 1U);
  const auto newer =
      put(nodes_.world().connector(maker), store, name_, pattern(3, size_bytes), {SealMode::replace, 0});
  ASSERT_TRUE(newer) << newer.error();
  nodes_.network().resume(asked);
  let_wait(maker, 100s);
  expect_all_find(new_);  // a little later
  const auto found = nodes_.world().connector(other).get(Address(store, name_), {});
  ASSERT_TRUE(found);
  const auto keys = nodes_.world().rank(maker).process.table->keys(store, Whose::own);
  ASSERT_EQ(keys.size(), 1U);
  const auto pin = nodes_.world().rank(maker).process.table->pin(keys[0]);
  ASSERT_TRUE(pin);
  EXPECT_EQ(pin->generation, found->facts().generation) << "its maker has not learned of it";
  nodes_.world().rank(maker).process.table->release(pin->id);
}

TEST_F(BindRecoveryTest, TakesItOutOfSightWhenTheStoppedRankDies) {
  ASSERT_NO_FATAL_FAILURE(replace_in_vain());
  EXPECT_EQ(objects_of(maker), 1U);
  nodes_.kill(asked);
  let_wait(maker, 100s);
  EXPECT_EQ(objects_of(maker), 0U);
  expect_all_find(old_, {maker, node_peer, other});
}

// It continues, binds and dies between the other rank's look-up and the roll call.
TEST_F(BindRecoveryTest, HasTheHomeLookOnceMoreWhenTheStoppedRankIsDead) {
  bool struck = false;
  nodes_.network().on_message([&](int from, int, std::span<const std::byte> header) {
    if (struck || from != maker || header[0] != static_cast<std::byte>(Kind::roll_call)) {
      return loopback::Verdict{};
    }
    struck = true;
    nodes_.network().after(1ms, [this] { nodes_.network().resume(asked); });
    nodes_.network().after(100ms, [this] { nodes_.kill(asked); });
    return loopback::Verdict{loopback::Fate::delay, 1s};
  });
  ASSERT_NO_FATAL_FAILURE(replace_in_vain());
  nodes_.network().on_message({});
  EXPECT_TRUE(struck);
  expect_all_find(new_, {maker, node_peer, other});
}

// The stopped rank learns of the death after it has bound what the dead one sent before.
TEST_F(BindRecoveryTest, KeepsWhatAStoppedRankMayBindThoughItsMakerIsDead) {
  nodes_.network().pause(asked);
  replace_and_die(100ms);
  let_wait(node_peer, 20s);
  EXPECT_EQ(objects_of_node_peer(), 1U);
  nodes_.network().resume(asked);
  let_wait(node_peer, 100s);
  expect_all_find(
      new_, {node_peer, other});  // the rank that was given up gets no more messages from its maker's node
  EXPECT_TRUE(nodes_.world().rank(node_peer).process.table->own_keys(Having::unsettled_name).empty());
}

// Its generation is what the surviving rank has learned, although no rank has read the object.
TEST_F(BindRecoveryTest, GivesTheObjectItsGeneration) {
  nodes_.network().set_latency(asked, maker, {500ms, 500ms});
  replace_and_die(100ms);
  NodeTable& table = *nodes_.world().rank(node_peer).process.table;
  EXPECT_TRUE(table.own_keys(Having::unsettled_name).empty());
  const auto keys = table.keys(store, Whose::own);
  ASSERT_EQ(keys.size(), 1U);
  const auto pin = table.pin(keys[0]);
  ASSERT_TRUE(pin);
  const std::uint64_t generation = pin->generation;
  table.release(pin->id);
  EXPECT_EQ(generation, nodes_.world().connector(other).get(Address(store, name_), {})->facts().generation);
  EXPECT_NE(generation, 0U);
}

// A bind whose bulk takes longer to transfer than its maker waits: the home replies to requests before it has
// the bulk.
TEST(BindRecoveryOfTheLiving, AsksAfterTheBindAndNotBesideIt) {
  tests::SimulatedNodes world({.nodes = {.nodes = 2, .inline_bytes = 16_KiB, .timeout = 5ms},
                               .network = {.latency = {100us, 100us}, .bytes_per_us = 1}});
  const std::string name = world.name_at(1, store, "slow ");
  const auto before = pattern(1, 100);  // which is answered at once
  const auto after = pattern(2, size_bytes);
  ASSERT_TRUE(put(world.connector(1), store, name, before));
  const auto replaced = put(world.connector(0), store, name, after, {SealMode::replace, 0});
  ASSERT_FALSE(replaced);
  EXPECT_EQ(replaced.error().code(), Errc::timeout);
  world.rank(0).links->client()->pause(1s);
  const auto made = world.rank(0).process.table->keys(store, Whose::own);
  ASSERT_EQ(made.size(), 1U) << "the name refers to it";
  for (const int rank : {0, 1}) {
    const Deadline enough(world.network().now() + 1s);
    const auto by_name = world.connector(rank).get(Address(store, name), enough);
    ASSERT_TRUE(by_name) << "rank " << rank << ": " << by_name.error();
    EXPECT_TRUE(holds(*by_name, after)) << "rank " << rank;
    const auto by_key = world.connector(rank).get(Address(made[0]), enough);
    ASSERT_TRUE(by_key) << "rank " << rank << ": " << by_key.error();
    EXPECT_TRUE(holds(*by_key, after)) << "rank " << rank;
  }
  EXPECT_TRUE(world.rank(0).process.table->own_keys(Having::unsettled_name).empty());
}

/// Calls a function at each wake-up of a thread.
class WakeListener final : public Transport {
 public:
  explicit WakeListener(std::shared_ptr<Transport> behind) : behind_(std::move(behind)) {}
  Result<Sending> send(int to, std::span<const std::byte> header, std::span<const std::byte> bulk,
                       std::uint64_t ticket) override {
    return behind_->send(to, header, bulk, ticket);
  }
  void forget(int rank) noexcept override { behind_->forget(rank); }
  bool progress(Receiver& receiver) override { return behind_->progress(receiver); }
  bool arm() override { return behind_->arm(); }
  void sleep(Clock::time_point moment) override { behind_->sleep(moment); }
  void wake() noexcept override {
    if (on_wake) {
      on_wake();
    }
    behind_->wake();
  }
  Clock::time_point now() const noexcept override { return behind_->now(); }

  std::function<void()> on_wake;

 private:
  const std::shared_ptr<Transport> behind_;
};

// The driver, possibly the helper thread, learns that a bulk has been read, and asks about the bind. If it
// were the last owner of the object that runs it, it would have to destroy itself.
TEST(BindRecoveryOfTheLiving, KeepsNothingAliveThatDrives) {
  WakeListener* listener = nullptr;
  tests::SimulatedNodes world({.nodes = {.nodes = 2, .inline_bytes = 16_KiB, .timeout = 5ms},
                               .network = {.latency = {100us, 100us}, .bytes_per_us = 1},
                               .wrap = [&](int rank, std::shared_ptr<Transport> transport) {
                                 const auto wrapped = std::make_shared<WakeListener>(std::move(transport));
                                 listener = rank == 0 ? wrapped.get() : listener;
                                 return wrapped;
                               }});
  const std::string name = world.name_at(1, store, "slow ");
  const auto bound = put(world.connector(0), store, name, pattern(2, size_bytes));
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().code(), Errc::timeout);
  const std::weak_ptr<const NodeClient> client = world.rank(0).links->client();
  const auto owners = client.use_count();
  int woken = 0;
  listener->on_wake = [&] {
    ++woken;
    EXPECT_EQ(client.use_count(), owners);
  };
  world.network().run_for(1s);
  listener->on_wake = nullptr;
  EXPECT_GT(woken, 0);
  EXPECT_EQ(world.rank(0).process.table->keys(store, Whose::own).size(), 1U);
  EXPECT_TRUE(world.connector(1).get(Address(store, name), Deadline(world.network().now() + 1s)));
}

// The home has bound the name, whose maker got no reply; the home's later replies about it are corrupted.
TEST(BindRecoveryOfTheLiving, AsksAgainWhereTheAnswerMakesNoSense) {
  constexpr int home = 1;
  tests::Liars liars{home};
  tests::SimulatedNodes world(
      {.nodes = {.nodes = 2, .timeout = 50ms}, .network = {.latency = {100us, 100us}}, .wrap = liars.wrap()});
  const std::string name = world.name_at(home, store, "spoiled ");
  int binds = 0;
  int looks = 0;
  liars[home].bend = [&](tests::Message& message) {
    Envelope envelope = message.envelope();
    if (envelope.kind != Kind::reply) {
      return;
    }
    if (message.body().size() == sizeof(std::uint64_t)) {
      ++binds;
      envelope.call = 0;  // belongs to no call
    } else if (message.body().size() == sizeof(ObjectWire)) {
      ObjectWire wire = *read_words<ObjectWire>(message.body());
      const std::vector<std::byte> body(message.body().begin(), message.body().end());
      switch (++looks) {
        case 1:
          message.set_body(std::span(body).first(10));
          break;
        case 2:
          ++wire.record.name_hash;
          message.set_body(words(wire));
          break;
        case 3:
          wire.generation = 0;
          message.set_body(words(wire));
          break;
        case 4:
          envelope.status = static_cast<std::uint8_t>(Errc::corrupt);
          message.set_body({});
          break;
        default:
          break;
      }
    }
    message.set_envelope(envelope);
  };
  const auto bound = put(world.connector(0), store, name, pattern(1, size_bytes));
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().code(), Errc::timeout);
  world.rank(0).links->client()->pause(100s);
  EXPECT_EQ(binds, 1);
  EXPECT_EQ(looks, 5);
  const auto made = world.rank(0).process.table->keys(store, Whose::own);
  ASSERT_EQ(made.size(), 1U) << "the name refers to it";
  const auto pin = world.rank(0).process.table->pin(made[0]);
  ASSERT_TRUE(pin);
  EXPECT_NE(pin->generation, 0U) << "its maker has not learned of it";
  world.rank(0).process.table->release(pin->id);
}

}  // namespace
}  // namespace locum::tests::bind_recovery_test
