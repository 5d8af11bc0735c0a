#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "core/session.hpp"
#include "core/store.hpp"
#include "core/value/options.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/hyperslab_samples.hpp"
#include "tests/core/simulated_nodes.hpp"
#include "tests/core/trials.hpp"

// The number of messages of each operation: requests and replies, and bulks that the network transfers and
// then reports. The same from 2 ranks to 4096.
namespace locum::tests::message_counts_test {
namespace {

using namespace std::chrono_literals;
using tests::SimulatedNodes;

constexpr std::uint32_t store = 7;

struct Price {
  std::uint64_t messages = 0;
  std::uint64_t transfers = 0;

  friend bool operator==(const Price&, const Price&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Price& price) {
    return out << price.messages << " messages, " << price.transfers << " transfers";
  }
};

constexpr Price nothing{0, 0};
constexpr Price one_round_trip{2, 0};
constexpr Price request_data_done{2, 1};

/// Nodes of one rank each: rank 0 makes objects, rank 1 reads them, and a third may be the home of the name.
class MessageCounts : public ::testing::TestWithParam<int> {
 protected:
  static constexpr int maker = 0;
  static constexpr int other = 1;

  template <class Act>
  [[nodiscard]] Price price_of(Act act) {
    const std::uint64_t before = world_.network().counters().transfers;
    const std::uint64_t messages = world_.messages_of(act);
    return {messages, world_.network().counters().transfers - before};
  }
  [[nodiscard]] std::string name_at(int node) {
    return world_.name_at(node, store, "name " + std::to_string(++names_) + '.');
  }
  [[nodiscard]] Connector& connector(int rank) { return world_.connector(rank); }
  Sealed made(std::string_view name, const std::vector<std::byte>& bytes, const SealOptions& options = {}) {
    return put(connector(maker), store, name, bytes, options).value();
  }

  const std::vector<std::byte> small_ = pattern(1, 100);
  const std::vector<std::byte> large_ = pattern(2, 100'000);
  SimulatedNodes world_{{.nodes = {.nodes = GetParam(), .memory_bytes = 1_MiB}}};
  int names_ = 0;
};

TEST_P(MessageCounts, OfPuts) {
  EXPECT_EQ(price_of([&] { made({}, small_); }), nothing) << "unnamed";
  EXPECT_EQ(price_of([&] { made({}, large_); }), nothing) << "unnamed";
  const std::string here = name_at(maker);
  EXPECT_EQ(price_of([&] { made(here, small_); }), nothing) << "the home is here";
  const std::string there = name_at(other);
  EXPECT_EQ(price_of([&] { made(there, small_); }), one_round_trip);
  EXPECT_EQ(price_of([&] { made(name_at(other), large_); }), one_round_trip);
  EXPECT_EQ(price_of([&] { EXPECT_FALSE(put(connector(maker), store, there, small_)); }), one_round_trip);
  EXPECT_EQ(price_of([&] { made(here, small_, {SealMode::replace, 0}); }), nothing);
  EXPECT_EQ(price_of([&] {
              (void)put(connector(other), store, here, small_, {SealMode::replace, 0}).value();
            }),
            one_round_trip)
      << "the home is the old object's owner";
  EXPECT_EQ(price_of([&] {
              (void)put(connector(other), store, there, small_, {SealMode::replace, 0}).value();
            }),
            one_round_trip)
      << "the old object's owner evicts it";
}

TEST_P(MessageCounts, OfGets) {
  const std::string here = name_at(maker);
  const std::string there = name_at(other);
  const Key small = made({}, small_).key;
  made(here, small_);
  made(there, small_);
  const auto get = [&](int rank, const Address& address) {
    return price_of([&] { (void)connector(rank).get(address, {}).value(); });
  };
  EXPECT_EQ(get(maker, Address(small)), nothing);
  EXPECT_EQ(get(other, Address(small)), one_round_trip);
  EXPECT_EQ(get(other, Address(store, there)), nothing) << "the home is here, and keeps small objects";
  EXPECT_EQ(get(other, Address(store, here)), one_round_trip);
  EXPECT_EQ(get(maker, Address(store, there)), one_round_trip);

  const Key large = made({}, large_).key;
  EXPECT_EQ(get(other, Address(large, 0, large_.size())), request_data_done) << "by handle";
  EXPECT_EQ(get(other, Address(large, 0, large_.size())), nothing) << "there is a copy here";
  EXPECT_EQ(get(other, Address(large)), nothing);
  EXPECT_EQ(get(other, Address(made({}, large_).key)), (Price{4, 1})) << "a key does not contain the size";
  const std::string large_here = name_at(maker);
  made(large_here, large_);
  EXPECT_EQ(get(other, Address(store, large_here)), (Price{4, 1})) << "the home knows the size";
  EXPECT_EQ(get(other, Address(store, large_here)), one_round_trip);
  const std::string large_there = name_at(other);
  made(large_there, large_);
  EXPECT_EQ(get(other, Address(store, large_there)), request_data_done) << "the home is here";
  const std::string absent = name_at(other);
  EXPECT_EQ(price_of([&] { EXPECT_FALSE(connector(other).get(Address(store, absent), {})); }), nothing);
  EXPECT_EQ(price_of([&] { EXPECT_FALSE(connector(maker).get(Address(store, absent), {})); }),
            one_round_trip);
}

TEST_P(MessageCounts, OfParts) {
  const Key large = made({}, large_).key;
  EXPECT_EQ(price_of([&] {
              (void)connector(other).get_some(Address(large), ByteRange{10, 100}, {}).value();
            }),
            one_round_trip);
  EXPECT_EQ(price_of([&] {
              (void)connector(other).get_some(Address(large), ByteRange{10, 50'000}, {}).value();
            }),
            request_data_done);
  const Key array = put(connector(maker), store, {}, field({100, 100}, 8)).value().key;
  const Hyperslab slab{.start = {1, 2}, .count = {4, 5}, .stride = {3, 7}};
  EXPECT_EQ(price_of([&] {
              (void)connector(other).get_some(Address(array), Elements{slab, 8}, {}).value();
            }),
            one_round_trip);
}

// Of a large object of another node, only its type, extents and name are transferred.
TEST_P(MessageCounts, OfDescriptions) {
  const std::string here = name_at(maker);
  const std::string there = name_at(other);
  const Key large = made({}, large_).key;
  made(here, large_);
  made(there, large_);
  const Key array = put(connector(maker), store, {}, field({100, 100}, 8)).value().key;
  const auto describe = [&](int rank, const Address& address) {
    const std::uint64_t bytes = world_.network().counters().sent.bytes;
    const Price price = price_of([&] {
      const auto found = connector(rank).get_some(address, Facts(), {});
      ASSERT_TRUE(found) << found.error();
      EXPECT_TRUE(found->facts().whole);
      EXPECT_EQ(found->facts().name, address.name);
      EXPECT_EQ(found->facts().size_bytes, address.key == array ? 80'000U : large_.size());
    });
    EXPECT_LT(world_.network().counters().sent.bytes - bytes, 1000U);
    return price;
  };
  EXPECT_EQ(describe(maker, Address(large)), nothing);
  EXPECT_EQ(describe(maker, Address(store, here)), nothing);
  EXPECT_EQ(describe(other, Address(large)), one_round_trip);
  EXPECT_EQ(describe(other, Address(store, there)), one_round_trip) << "the home is here";
  EXPECT_EQ(describe(other, Address(store, here)), (Price{4, 0})) << "the home, then the owner";
  EXPECT_EQ(connector(other).usage().own_copies, 0U);
  EXPECT_EQ(describe(other, Address(array)), one_round_trip);
  EXPECT_EQ(connector(other).get_some(Address(array), Facts(), {}).value().facts().extents,
            Extents(100, 100));
  EXPECT_EQ(connector(other).get_some(Address(array), Facts(), {}).value().facts().type_name,
            connector(maker).get(Address(array), {}).value().facts().type_name);

  (void)connector(other).get(Address(large, 0, large_.size()), {}).value();
  EXPECT_EQ(describe(other, Address(large)), nothing) << "there is a copy";
  EXPECT_TRUE(connector(maker).evict(Address(large), {}).value());
  EXPECT_FALSE(connector(other).get_some(Address(large), Facts(), {}));
  const std::string absent = name_at(other);
  EXPECT_EQ(price_of([&] { EXPECT_FALSE(connector(maker).get_some(Address(store, absent), Facts(), {})); }),
            one_round_trip);
}

TEST_P(MessageCounts, OfQuestionsAndEvictions) {
  const std::string here = name_at(maker);
  const std::string there = name_at(other);
  const Key unnamed = made({}, small_).key;
  made(here, small_);
  const Key of_there = made(there, small_).key;
  const auto exists = [&](const Address& address) {
    return price_of([&] { EXPECT_TRUE(connector(other).exists(address, {}).value()); });
  };
  const auto evict = [&](int rank, const Address& address) {
    return price_of([&] { EXPECT_TRUE(connector(rank).evict(address, {}).value()); });
  };
  EXPECT_EQ(exists(Address(unnamed)), one_round_trip);
  EXPECT_EQ(exists(Address(store, here)), one_round_trip);
  EXPECT_EQ(exists(Address(store, there)), nothing);
  EXPECT_EQ(evict(other, Address(unnamed)), one_round_trip);
  EXPECT_EQ(evict(other, Address(store, here)), one_round_trip);
  EXPECT_EQ(evict(maker, Address(of_there)), one_round_trip) << "the home removes the name";
  const Key large = made({}, large_).key;
  EXPECT_EQ(evict(maker, Address(large)), nothing) << "there is no copy";
  const Key copied = made({}, large_).key;
  (void)connector(other).get(Address(copied), {}).value();
  EXPECT_EQ(evict(maker, Address(copied)), one_round_trip) << "with the one node that has a copy";
}

// The object on one node, its name's home another, and the requester on a third.
TEST_P(MessageCounts, OfNamesAtHomeElsewhere) {
  if (world_.size() == 2) {
    GTEST_SKIP() << "there is no third node";
  }
  const int home = world_.size() - 1;
  const std::string small = name_at(home);
  const std::string large = name_at(home);
  made(small, small_);
  made(large, large_);
  Connector& requester = connector(other);
  EXPECT_EQ(price_of([&] { (void)requester.get(Address(store, small), {}).value(); }), one_round_trip);
  EXPECT_EQ(price_of([&] { (void)requester.get(Address(store, large), {}).value(); }), (Price{4, 1}));
  EXPECT_EQ(price_of([&] { EXPECT_TRUE(requester.exists(Address(store, large), {}).value()); }),
            one_round_trip);
  EXPECT_EQ(price_of([&] {
              (void)put(requester, store, small, small_, {SealMode::replace, 0}).value();
            }),
            (Price{4, 0}))
      << "the home notifies the old object's owner";
  EXPECT_EQ(price_of([&] { EXPECT_TRUE(requester.evict(Address(store, large), {}).value()); }), (Price{6, 0}))
      << "the home notifies the owner, which notifies the one node with a copy";
}

TEST_P(MessageCounts, OfNobodyWhoWantsAnything) {
  (void)connector(other).get(Address(made({}, large_).key), {}).value();
  EXPECT_EQ(price_of([&] { world_.network().run_for(1h); }), nothing);
}

// A rank stores a little for each other one, so that time and memory grow with the square: 4096 ranks take 2
// GiB and 15 s a test, and are for tests/long.
INSTANTIATE_TEST_SUITE_P(Ranks, MessageCounts,
                         ::testing::Values(2, 8, 64,
                                           static_cast<int>(number_from("LOCUM_MESSAGE_RANKS", 512))),
                         ::testing::PrintToStringParamName());

// Calls of a store: 64 MiB are not transferred.
TEST(MessageCountsOfAStore, WhatAnObjectIsCostsNoneOfItsBytes) {
  SimulatedNodes world({.nodes = {.nodes = 2, .memory_bytes = 160_MiB}});
  const auto store_of = [&world](int rank) {
    const auto session =
        std::make_shared<Session>(world.rank(rank).connector, world.rank(rank).metrics,
                                  SessionOptions{.incarnation = 42, .rank = rank, .node = rank});
    return session->open("fields").value();
  };
  Store maker = store_of(0);
  Store requester = store_of(1);
  const std::string name = world.name_at(0, maker.number(), "field ");
  auto writer = maker.create<double>(name, {1024, 8192}).value();
  writer.data()[0] = 1.5;
  const Key key = writer.seal().value();
  const std::uint64_t before = world.network().counters().sent.bytes;
  for (const auto& info : {requester.info(key).value(), requester.info(name).value()}) {
    EXPECT_EQ(info.key, key);
    EXPECT_EQ(info.name, name);
    EXPECT_EQ(info.type, "f64[]");
    EXPECT_EQ(info.extents, Extents(1024, 8192));
    EXPECT_EQ(info.size_bytes, 64_MiB);
    EXPECT_EQ(info.generation, maker.info(key).value().generation);
    EXPECT_EQ(info.owner, 0U);
  }
  const auto stand_in = requester.proxy<double[]>(key).value();
  EXPECT_EQ(requester.proxy<double[]>(name).value().handle(), stand_in.handle());
  EXPECT_FALSE(requester.proxy<float[]>(key)) << "of another type";
  EXPECT_LT(world.network().counters().sent.bytes - before, 3000U) << "in five requests and two to the home";
  EXPECT_EQ(world.connector(1).usage().own_copies, 0U);
  EXPECT_EQ(stand_in->front(), 1.5);
  EXPECT_GE(world.network().counters().sent.bytes - before, 64_MiB);
}

// However many ranks request it at the same time.
TEST(MessageCountsOfOneNode, AllItsRanksThatWantAnObjectCauseOneTransfer) {
  for (const int per_node : {2, 8, 64, 256}) {
    SimulatedNodes world({.nodes = {.nodes = 2,
                                    .ranks_per_node = per_node,
                                    .memory_bytes = static_cast<std::uint64_t>(per_node) * 512_KiB}});
    const auto bytes = pattern(3, 100'000);
    const Key key = put(world.connector(0), store, {}, bytes).value().key;
    int right = 0;
    for (int rank = per_node; rank < 2 * per_node; ++rank) {
      world.network().start([&, rank] {
        const auto found = world.connector(rank).get(Address(key, 0, bytes.size()), {});
        right += found && holds(*found, bytes) ? 1 : 0;
      });
    }
    std::uint64_t between = 0;
    world.network().on_message([&](int from, int to, std::span<const std::byte>) {
      between += world.node_of(from) != world.node_of(to) ? 1U : 0U;
      return loopback::Verdict{};
    });
    world.network().run();
    world.network().on_message({});
    EXPECT_EQ(right, per_node);
    EXPECT_EQ(world.network().counters().transfers, 1U);
    EXPECT_EQ(between, 2U);
  }
}

}  // namespace
}  // namespace locum::tests::message_counts_test
