#include "core/client/distributed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "core/base/warm_memory.hpp"
#include "core/value/options.hpp"
#include "tests/core/begun_connector.hpp"
#include "tests/core/memory_connector_contract.hpp"
#include "tests/core/queue_transport.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/core/simulated_nodes.hpp"

namespace locum::tests::distributed_test {

using tests::SimulatedNodes;
using tests::SimulatedNodesOptions;

namespace {

std::uint64_t memory_of_node(std::uint64_t asked, int ranks) {
  return asked == 0 ? static_cast<std::uint64_t>(ranks) * 64_MiB : asked;
}

// The rank whose connector the tests use, and the world that it keeps alive.
ConnectorFactory simulated(std::string name, int nodes, int ranks_per_node, int rank) {
  return {std::move(name),
          [nodes, ranks_per_node, rank](std::uint64_t memory_bytes) {
            const auto world = std::make_shared<SimulatedNodes>(SimulatedNodesOptions{
                .nodes = {.nodes = nodes,
                          .ranks_per_node = ranks_per_node,
                          .memory_bytes = memory_of_node(memory_bytes, ranks_per_node)}});
            return std::shared_ptr<Connector>(world, &world->connector(rank));
          },
          false, true};
}

// The same by asynchronous calls.
ConnectorFactory begun(ConnectorFactory world) {
  return {world.name + "_begun",
          [make = world.make](std::uint64_t memory_bytes) -> std::shared_ptr<Connector> {
            return std::make_shared<tests::BegunConnector>(make(memory_bytes));
          },
          world.threads, world.remote};
}

// With a sanitizer eight ranks run the same code as many: AddressSanitizer marks the memory of each simulated
// node, which for 64 ranks takes five seconds a test.
std::vector<ConnectorFactory> simulated_worlds() {
  std::vector<ConnectorFactory> worlds{simulated("two_nodes", 2, 1, 0), simulated("five_nodes", 5, 1, 4),
                                       simulated("three_nodes_of_two", 3, 2, 3),
                                       simulated("eight_ranks", 4, 2, 5),
                                       begun(simulated("three_nodes_of_two", 3, 2, 3))};
  if (!tests::sanitized) {
    worlds.push_back(simulated("64_ranks", 32, 2, 41));
    worlds.push_back(simulated("512_ranks", 128, 4, 300));
  }
  return worlds;
}

INSTANTIATE_TEST_SUITE_P(Simulated, ConnectorContract, ::testing::ValuesIn(simulated_worlds()), factory_name);
INSTANTIATE_TEST_SUITE_P(Simulated, MemoryConnectorContract, ::testing::ValuesIn(simulated_worlds()),
                         factory_name);

// The same with threads: each rank's helper serves the others while the tests' own threads use one rank.
ConnectorFactory threaded(std::string name, int nodes, int ranks_per_node, int rank) {
  return {
      std::move(name),
      [nodes, ranks_per_node, rank](std::uint64_t memory_bytes) {
        const tests::LinkedNodesOptions options{.nodes = nodes,
                                                .ranks_per_node = ranks_per_node,
                                                .memory_bytes = memory_of_node(memory_bytes, ranks_per_node),
                                                .helper = true};
        const auto world = std::make_shared<std::vector<tests::LinkedRank>>(
            tests::link_plain_nodes(options, tests::queue_transports(nodes * ranks_per_node)));
        return std::shared_ptr<Connector>(world, world->at(static_cast<std::size_t>(rank)).connector.get());
      },
      true, true};
}

INSTANTIATE_TEST_SUITE_P(Threaded, ConnectorContract,
                         ::testing::Values(threaded("two_nodes", 2, 1, 1),
                                           threaded("two_nodes_of_two", 2, 2, 0),
                                           begun(threaded("two_nodes_of_two", 2, 2, 0))),
                         factory_name);
INSTANTIATE_TEST_SUITE_P(Threaded, MemoryConnectorContract,
                         ::testing::Values(threaded("two_nodes", 2, 1, 1),
                                           threaded("two_nodes_of_two", 2, 2, 0),
                                           begun(threaded("two_nodes_of_two", 2, 2, 0))),
                         factory_name);

constexpr std::uint32_t store = 7;

// Also for changes that must not be repeated: a rank that replies that it has closed has not made them.
TEST(ClosedRanks, AreStoodInForByPeersOfTheirNode) {
  SimulatedNodes world(2, 2);
  const Key key = put(world.connector(1), store, {}, pattern(1, 100)).value().key;
  const std::string name = world.name_at(0, store, "name ");
  world.rank(0).links->close();
  Connector& requester = world.connector(2);  // which asks rank 0 first
  EXPECT_TRUE(holds(requester.get(Address(key), {}).value(), pattern(1, 100)));
  ASSERT_TRUE(put(requester, store, name, pattern(2, 10'000)));
  ASSERT_TRUE(put(requester, store, name, pattern(3, 10'000), {SealMode::replace, 0}));
  EXPECT_TRUE(holds(world.connector(1).get(Address(store, name), {}).value(), pattern(3, 10'000)));
  EXPECT_EQ(requester.list(store, "name", {}).value(), std::vector{name});
  EXPECT_TRUE(requester.evict(Address(store, name), {}).value());
  EXPECT_TRUE(requester.evict(Address(key), {}).value());
  world.rank(1).links->close();
  EXPECT_EQ(tests::errc_of(requester.get(Address(key), {})), Errc::closed);
}

TEST(ClosedRanks, LeaveNoCopiesBehindOfWhatTheirNodeHad) {
  SimulatedNodes world(2, 1);
  const Key key = put(world.connector(1), store, {}, pattern(1, 10'000)).value().key;
  ASSERT_TRUE(world.connector(0).get(Address(key), {}));
  ASSERT_EQ(world.connector(0).usage().own_copies, 1U);
  world.rank(1).links->close();
  world.network().run_for(std::chrono::seconds(5));  // the lease has expired
  EXPECT_EQ(tests::errc_of(world.connector(0).get(Address(key), {})), Errc::closed);
  EXPECT_EQ(world.connector(0).usage().own_copies, 0U);
}

// The home of its name is a node whose ranks have all closed.
TEST(ClosedRanks, AreNotNeededToEvictByKeyWhatHadItsNameThere) {
  SimulatedNodes world(4, 1);
  std::vector<Key> keys;
  for (int i = 0; i < 3; ++i) {
    keys.push_back(put(world.connector(0), store, world.name_at(1, store, "name " + std::to_string(i) + '.'),
                       pattern(1, 10'000))
                       .value()
                       .key);
  }
  ASSERT_TRUE(world.connector(3).get(Address(keys[1]), {}));
  world.rank(1).links->close();
  EXPECT_EQ(tests::errc_of(world.connector(2).list(store, "name ", {})), Errc::closed);
  int round = 0;
  for (const int rank : {0, 2, 3}) {
    const Key key = keys[static_cast<std::size_t>(round++)];
    const auto gone = world.connector(rank).evict(Address(key), {});
    ASSERT_TRUE(gone) << "rank " << rank << ": " << gone.error();
    EXPECT_TRUE(*gone) << "rank " << rank;
    EXPECT_FALSE(world.connector(rank).evict(Address(key), {}).value_or(true)) << "rank " << rank;
    for (const int reader : {0, 2, 3}) {
      EXPECT_EQ(tests::errc_of(world.connector(reader).get(Address(key), {})), Errc::not_found);
    }
  }
  EXPECT_EQ(world.connector(0).usage().own_objects, 0U);
}

TEST(ClosedRanks, KeepNothingWarm) {
  SimulatedNodes world(2, 1);
  const Key key = put(world.connector(1), store, {}, pattern(1, 100'000)).value().key;
  ASSERT_TRUE(world.connector(0).get_some(Address(key), ByteRange{0, 50'000}, {}));
  ASSERT_GT(WarmMemory::of_process().kept_bytes(), 0U) << "the memory where the part landed";
  world.rank(0).links->close();
  EXPECT_EQ(WarmMemory::of_process().kept_bytes(), 0U);
}

// The home has removed the name, and its message to the owner is in transfer when it closes.
TEST(ClosedRanks, DoNotSayThatAnEvictionIsFinishedWhichIsNot) {
  SimulatedNodes world(3, 1);
  const std::string name = world.name_at(1, store, "name ");
  const Key key = put(world.connector(2), store, name, pattern(1, 10'000)).value().key;
  world.network().cut(1, 2, loopback::Cut::hold);
  world.network().after(std::chrono::seconds(1),
                        [&] { world.network().start([&] { world.rank(1).links->close(); }); });
  EXPECT_EQ(tests::errc_of(world.connector(0).evict(Address(store, name), {})), Errc::peer_lost);
  EXPECT_TRUE(world.connector(0).get(Address(key), {}));
  world.network().heal();
  world.network().run_until_idle();
  EXPECT_EQ(tests::errc_of(world.connector(0).get(Address(key), {})), Errc::not_found);
}

// It has bound the name, and closes before it replies.
TEST(ClosedRanks, FreeWhatTheyWereAskedToBind) {
  SimulatedNodes world(3, 1);
  const std::string name = world.name_at(1, store, "name ");
  ASSERT_TRUE(put(world.connector(2), store, name, pattern(1, 10'000)));
  world.network().cut(1, 2, loopback::Cut::hold);
  world.network().after(std::chrono::seconds(1),
                        [&] { world.network().start([&] { world.rank(1).links->close(); }); });
  const auto replaced = put(world.connector(0), store, name, pattern(2, 10'000), {SealMode::replace, 0});
  EXPECT_EQ(tests::errc_of(replaced), Errc::peer_lost);
  world.network().run_for(std::chrono::seconds(10));
  EXPECT_EQ(world.connector(0).usage().own_objects, 0U);
  EXPECT_EQ(world.connector(0).usage().own_used, 0U);
}

// The put begins when it is already known that no rank is left.
TEST(ClosedRanks, CostNoMemoryOfWhatIsPutLater) {
  SimulatedNodes world(2, 1);
  const std::string name = world.name_at(1, store, "name ");
  world.rank(1).links->close();
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(tests::errc_of(put(world.connector(0), store, name, pattern(2, 10'000))), Errc::closed);
    EXPECT_EQ(world.connector(0).usage().own_used, 0U);
  }
}

std::vector<std::byte> bytes_of(const Result<ObjectView>& view) {
  return {view->bytes().begin(), view->bytes().end()};
}

struct Shape {
  int nodes = 1;
  int ranks_per_node = 1;
};

/// Tests for any number of ranks.
class DistributedRanks : public ::testing::TestWithParam<Shape> {
 protected:
  /// At most that many ranks, including the first and the last one.
  [[nodiscard]] std::vector<int> some(int most) const {
    std::vector<int> ranks;
    for (int at = 0; at < std::min(most, world_.size()); ++at) {
      ranks.push_back(at * (world_.size() - 1) / (std::min(most, world_.size()) - 1));
    }
    return ranks;
  }

  SimulatedNodes world_{GetParam().nodes, GetParam().ranks_per_node};
};

const std::vector<Shape> shapes{{3, 2}, {4, 2}, {32, 2}, {128, 4}};

INSTANTIATE_TEST_SUITE_P(Simulated, DistributedRanks,
                         ::testing::ValuesIn(shapes.begin(), shapes.end() - (tests::sanitized ? 1 : 0)),
                         [](const auto& one) {
                           return std::to_string(one.param.nodes * one.param.ranks_per_node) + "_ranks";
                         });

TEST_P(DistributedRanks, EveryRankFindsWhatAnyRankPut) {
  for (const std::size_t size : {0, 1, 64, 4000, 4096, 5000, 100'000}) {
    for (const int maker : some(6)) {
      const auto bytes = pattern(size + static_cast<std::size_t>(maker), size);
      const std::string name = "from " + std::to_string(maker) + ", " + std::to_string(size);
      const auto unnamed = put(world_.connector(maker), store, {}, bytes);
      const auto named = put(world_.connector(maker), store, name, bytes);
      ASSERT_TRUE(unnamed) << unnamed.error();
      ASSERT_TRUE(named) << named.error();
      EXPECT_GT(named->generation, 0U);
      for (int reader = 0; reader < world_.size(); ++reader) {
        const auto by_key = world_.connector(reader).get(Address(unnamed->key), {});
        ASSERT_TRUE(by_key) << by_key.error();
        EXPECT_EQ(bytes_of(by_key), bytes);
        EXPECT_EQ(by_key->key(), unnamed->key);
        const auto by_name = world_.connector(reader).get(Address(store, name), {});
        ASSERT_TRUE(by_name) << by_name.error();
        EXPECT_EQ(bytes_of(by_name), bytes);
        EXPECT_EQ(by_name->key(), named->key);
        const ObjectFacts facts = by_name->facts();
        EXPECT_EQ(facts.name, name);
        EXPECT_EQ(facts.generation, named->generation);
        EXPECT_EQ(facts.size_bytes, size);
        EXPECT_TRUE(facts.whole);
        const auto by_names_key = world_.connector(reader).get(Address(named->key), {});
        ASSERT_TRUE(by_names_key) << by_names_key.error();
        EXPECT_EQ(by_names_key->facts().generation, named->generation);
        EXPECT_EQ(world_.connector(reader).exists(Address(store, name), {}).value(), true);
        EXPECT_EQ(world_.connector(reader).exists(Address(unnamed->key), {}).value(), true);
      }
    }
  }
}

TEST(Distributed, EveryNodeSeesInTheFactsWhenAnObjectExpires) {
  SimulatedNodes world(3, 1);
  Connector& maker = world.connector(0);
  ASSERT_NE(maker.capability<Expiring>(), nullptr);
  (void)maker.capability<Expiring>()->expect(1, std::chrono::hours(1));
  ObjectMeta meta = plain_meta(1, "T");
  meta.lifetime_ms = 3'600'000;
  const Key key = maker.seal(maker.create(100'000, meta, {}).value(), {}, {}).value().key;
  const std::uint64_t end = maker.get(Address(key), {}).value().expires_ns();
  EXPECT_GT(end, 0U);
  for (int rank = 0; rank < 3; ++rank) {
    for (const Address& address : {Address(key), Address(1, "T")}) {
      EXPECT_EQ(world.connector(rank).get_some(address, Facts(), {}).value().expires_ns(), end) << rank;
    }
  }
}

TEST(Distributed, ANameIsPutOnceWhoeverTries) {
  SimulatedNodes world(4, 1);
  for (int node = 0; node < 4; ++node) {
    const std::string name = world.name_at(node, store, "once");
    const auto first = put(world.connector(node), store, name, pattern(1, 10));
    ASSERT_TRUE(first);
    for (int rank = 0; rank < 4; ++rank) {
      const auto again = put(world.connector(rank), store, name, pattern(2, 10));
      ASSERT_FALSE(again);
      EXPECT_EQ(again.error().code(), Errc::key_exists);
      EXPECT_EQ(bytes_of(world.connector(rank).get(Address(store, name), {})), pattern(1, 10));
    }
  }
}

TEST_P(DistributedRanks, FindNothingThatIsEvicted) {
  for (const bool by_key : {false, true}) {
    for (const std::size_t size : {10, 100'000}) {
      for (const int maker : some(6)) {
        for (const int evictor : some(6)) {
          const std::string name = "gone";
          const auto sealed = put(world_.connector(maker), store, name, pattern(1, size));
          ASSERT_TRUE(sealed) << sealed.error();
          const Address address = by_key ? Address(sealed->key) : Address(store, name);
          ASSERT_TRUE(world_.connector(evictor).evict(address, {}).value());
          for (int rank = 0; rank < world_.size(); ++rank) {
            EXPECT_EQ(world_.connector(rank).get(Address(store, name), {}).error().code(), Errc::not_found);
            EXPECT_EQ(world_.connector(rank).get(Address(sealed->key), {}).error().code(), Errc::not_found);
            EXPECT_FALSE(world_.connector(rank).exists(Address(store, name), {}).value());
            EXPECT_FALSE(world_.connector(rank).evict(address, {}).value());
          }
        }
      }
    }
  }
}

TEST(Distributed, AReplacedObjectIsStaleEverywhereAndItsMemoryComesBack) {
  SimulatedNodes world(3, 1);
  const std::string name = world.name_at(2, store, "clock");
  const auto used = [&](int rank) { return world.connector(rank).usage().own_objects; };
  Sealed last = put(world.connector(0), store, name, pattern(0, 50'000)).value();
  for (int round = 1; round < 30; ++round) {
    const int maker = round % 3;
    const Sealed next =
        put(world.connector(maker), store, name, pattern(static_cast<std::size_t>(round), 50'000),
            {SealMode::replace, round % 2 == 0 ? last.generation : 0})
            .value();
    EXPECT_GT(next.generation, last.generation);
    for (int rank = 0; rank < 3; ++rank) {
      EXPECT_EQ(bytes_of(world.connector(rank).get(Address(store, name), {})),
                pattern(static_cast<std::size_t>(round), 50'000));
      const auto old = world.connector(rank).get(Address(last.key, name_hash(store, name)), {});
      ASSERT_FALSE(old);
      EXPECT_EQ(old.error().code(), Errc::stale);
    }
    EXPECT_EQ(put(world.connector(0), store, name, {}, {SealMode::replace, last.generation}).error().code(),
              Errc::stale);
    last = next;
  }
  ASSERT_TRUE(world.connector(1).evict(Address(store, name), {}).value());
  for (int rank = 0; rank < 3; ++rank) {
    EXPECT_EQ(used(rank), 0U) << "rank " << rank;
  }
}

TEST(Distributed, WhatLosesItsNameElsewhereLeavesNoMemoryForTheNextPutToFree) {
  SimulatedNodes world(2, 1);
  const auto used = [&] { return world.rank(0).node->levels().used_bytes; };
  const std::uint64_t before = used();
  const std::string name = world.name_at(1, store, "short-lived");
  ASSERT_TRUE(put(world.connector(0), store, name, pattern(1, 1000)));
  EXPECT_GE(used(), before + 1000);
  ASSERT_TRUE(world.connector(1).evict(Address(store, name), {}).value());
  EXPECT_EQ(used(), before);
}

TEST_P(DistributedRanks, ListTheNamesOfAllNodes) {
  std::vector<std::string> expected;
  for (int i = 0; i < 50; ++i) {
    const std::string name = "step/" + std::to_string(100 + i);
    ASSERT_TRUE(put(world_.connector(i % world_.size()), store, name, pattern(1, 8)));
    expected.push_back(name);
  }
  ASSERT_TRUE(put(world_.connector(0), store, "other", pattern(1, 8)));
  for (const int rank : some(6)) {
    EXPECT_EQ(world_.connector(rank).list(store, "step/", {}).value(), expected);
  }
}

TEST(Distributed, ALostNodeIsAnErrorAndTheRestGoesOn) {
  SimulatedNodes world(3, 2);
  const auto kept = put(world.connector(0), store, world.name_at(0, store, "kept"), pattern(1, 10)).value();
  const auto lost = put(world.connector(4), store, {}, pattern(2, 10)).value();
  const std::string homeless = world.name_at(2, store, "homeless");
  ASSERT_TRUE(put(world.connector(0), store, homeless, pattern(3, 10)));
  // One rank of a node is dead: the other one replies for the node.
  world.network().kill(4);
  EXPECT_EQ(bytes_of(world.connector(0).get(Address(lost.key), {})), pattern(2, 10));
  EXPECT_EQ(bytes_of(world.connector(2).get(Address(lost.key), {})), pattern(2, 10));
  // Now both are.
  world.network().kill(5);
  const auto before = world.network().now();
  EXPECT_EQ(world.connector(0).get(Address(lost.key), {}).error().code(), Errc::peer_lost);
  EXPECT_EQ(world.connector(1).get(Address(store, homeless), {}).error().code(), Errc::peer_lost);
  EXPECT_EQ(put(world.connector(2), store, homeless, pattern(4, 10)).error().code(), Errc::peer_lost);
  EXPECT_LE(world.network().now() - before, std::chrono::seconds(18))
      << "each of three ranks had to detect it";
  EXPECT_EQ(bytes_of(world.connector(3).get(Address(kept.key), {})), pattern(1, 10));
}

TEST(Distributed, ASilentRankIsLostWithinThePatience) {
  SimulatedNodes world({.network = {.detection = {std::chrono::hours(1), std::chrono::hours(1)}}});
  const auto sealed = put(world.connector(1), store, {}, pattern(1, 10)).value();
  world.network().kill(1);
  const auto before = world.network().now();
  EXPECT_EQ(world.connector(0).get(Address(sealed.key), {}).error().code(), Errc::peer_lost);
  EXPECT_LE(world.network().now() - before, std::chrono::milliseconds(5100));
  EXPECT_GE(world.network().now() - before, std::chrono::milliseconds(4900));
}

// The ranks of a silent node are probed together, not one after the other.
TEST(Distributed, ANodeOfManySilentRanksIsLostAsSoonAsOneOfThem) {
  SimulatedNodes world({.nodes = {.nodes = 2, .ranks_per_node = 16},
                        .network = {.detection = {std::chrono::hours(1), std::chrono::hours(1)}}});
  const auto sealed = put(world.connector(20), store, {}, pattern(1, 10)).value();
  for (int rank = 16; rank < 32; ++rank) {
    world.network().kill(rank);
  }
  const auto before = world.network().now();
  EXPECT_EQ(world.connector(0).get(Address(sealed.key), {}).error().code(), Errc::peer_lost);
  EXPECT_LE(world.network().now() - before, std::chrono::milliseconds(6100));
  for (int rank = 0; rank < 32; ++rank) {
    EXPECT_EQ(world.rank(0).links->is_lost(rank), rank >= 16) << rank;
  }
}

// Also if they die one after the other, some while the caller already waits: counted from the last death.
TEST(Distributed, ANodeIsLostWithinOnePatienceAfterItsLastRank) {
  using std::chrono::milliseconds;
  const std::vector<std::vector<milliseconds>> deaths{
      {milliseconds(0), milliseconds(800), milliseconds(1600)},
      {milliseconds(1600), milliseconds(800), milliseconds(0)},
      {milliseconds(0), milliseconds(3900), milliseconds(7700), milliseconds(11'500)},
      {milliseconds(0), milliseconds(4900), milliseconds(9500), milliseconds(14'100)},
      {milliseconds(10), milliseconds(1010), milliseconds(2010), milliseconds(3010), milliseconds(4010)}};
  for (const auto& moments : deaths) {
    const int ranks = static_cast<int>(moments.size());
    SimulatedNodes world({.nodes = {.nodes = 2, .ranks_per_node = ranks},
                          .network = {.detection = {std::chrono::hours(1), std::chrono::hours(1)}}});
    const std::string absent = world.name_at(1, store, "absent");
    const auto before = world.network().now();
    for (int place = 0; place < ranks; ++place) {
      world.network().after(moments[static_cast<std::size_t>(place)],
                            [&, rank = ranks + place] { world.network().kill(rank); });
    }
    const auto last = before + *std::ranges::max_element(moments);
    Errc code = Errc::not_found;
    while (code == Errc::not_found && world.network().now() < last + std::chrono::seconds(60)) {
      const auto soon = world.network().now() + std::chrono::seconds(60);
      code = world.connector(0).get(Address(store, absent), soon).error().code();
    }
    EXPECT_EQ(code, Errc::peer_lost);
    const auto took = std::chrono::duration_cast<milliseconds>(world.network().now() - last);
    EXPECT_LE(took.count(), 6100) << ranks << " ranks, the second of them dead after " << moments[1].count();
  }
}

TEST(Distributed, ARankThatOnlyPausesIsNotLost) {
  SimulatedNodes world;
  const auto sealed = put(world.connector(1), store, {}, pattern(1, 10)).value();
  world.network().pause(1);
  world.network().after(std::chrono::seconds(3), [&] { world.network().resume(1); });
  EXPECT_EQ(bytes_of(world.connector(0).get(Address(sealed.key), {})), pattern(1, 10));
}

// As long as it is not given up. The runtime's own timeout is longer.
TEST(Distributed, NoCallWaitsForASilentHomeBeyondItsDeadline) {
  SimulatedNodes world;
  Connector& own = world.connector(0);
  const std::string name = world.name_at(1, store, "silent");
  ASSERT_TRUE(put(own, store, name, pattern(1, 10)));
  world.network().pause(1);
  const auto in_time = [&](const char* what, auto call) {
    const auto began = world.network().now();
    const auto outcome = call(Deadline(began + std::chrono::milliseconds(100)));
    EXPECT_FALSE(outcome) << what;
    EXPECT_EQ(outcome ? Errc::not_found : outcome.error().code(), Errc::timeout) << what;
    EXPECT_LT(world.network().now() - began, std::chrono::milliseconds(300)) << what;
  };
  const auto sealed = [&](const std::string& under, SealMode mode, Deadline deadline) -> Result<Sealed> {
    const auto draft =
        own.create(10, {.store = store, .type_name = {}, .name = under, .extents = {}}, deadline);
    return draft ? own.seal(*draft, {mode, 0}, deadline) : Result<Sealed>(draft.error());
  };
  const std::string other = world.name_at(1, store, "other");
  in_time("put", [&](Deadline deadline) { return sealed(other, SealMode::put, deadline); });
  in_time("replace", [&](Deadline deadline) { return sealed(name, SealMode::replace, deadline); });
  in_time("list", [&](Deadline deadline) { return own.list(store, "", deadline); });
  in_time("exists", [&](Deadline deadline) { return own.exists(Address(store, name), deadline); });
  in_time("get", [&](Deadline deadline) { return own.get(Address(store, name), deadline); });
  in_time("evict", [&](Deadline deadline) { return own.evict(Address(store, name), deadline); });
  world.network().resume(1);
}

TEST(Distributed, WhoIsLessPatientThanTheRuntimeMissesTheDeadAllTheSame) {
  SimulatedNodes world;
  const auto sealed = put(world.connector(1), store, {}, pattern(1, 10)).value();
  world.network().pause(1);
  const auto began = world.network().now();
  const auto limit = began + std::chrono::seconds(10);  // twice the runtime's default timeout
  Errc code = Errc::timeout;
  while (code == Errc::timeout && world.network().now() < limit) {
    const auto soon = world.network().now() + std::chrono::milliseconds(900);
    const auto got = world.connector(0).get(Address(sealed.key), soon);
    ASSERT_FALSE(got);
    code = got.error().code();
  }
  EXPECT_EQ(code, Errc::peer_lost);
  EXPECT_GE(world.network().now() - began, std::chrono::seconds(4));
}

TEST(Distributed, AnswersThatComeTooLateChangeNothing) {
  SimulatedNodes world;
  const auto sealed = put(world.connector(1), store, {}, pattern(1, 10)).value();
  world.network().on_message([&](int from, int, std::span<const std::byte>) {
    return from == 1 ? loopback::Verdict{loopback::Fate::delay, std::chrono::seconds(2)}
                     : loopback::Verdict{};
  });
  const auto late =
      world.connector(0).get(Address(sealed.key), world.network().now() + std::chrono::seconds(1));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Errc::timeout);
  world.network().run_for(std::chrono::seconds(5));
  world.network().on_message({});
  EXPECT_EQ(bytes_of(world.connector(0).get(Address(sealed.key), {})), pattern(1, 10));
}

}  // namespace
}  // namespace locum::tests::distributed_test
