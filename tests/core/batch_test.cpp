// Batched gets from other nodes: the results, the number of messages, and the results for objects of a node
// that dies.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "core/ports/wanting.hpp"
#include "core/rpc/batch_wire.hpp"
#include "core/store.hpp"
#include "core/value/options.hpp"
#include "tests/core/batch_nodes.hpp"
#include "tests/core/connector_samples.hpp"

namespace locum::tests::batch_test {
namespace {

using namespace std::chrono_literals;
using tests::Price;
using tests::SimulatedNodes;

constexpr std::size_t large = 10'000;

class Batch : public tests::BatchNodes {};

TEST_F(Batch, BringsWhatThereIsAndSaysWhatThereIsNot) {
  const Key own = put(0, 1);
  const Key of_node_peer = put(1, 2);
  const Key small = put(2, 3);
  const Key big = put(3, 4, large);
  const Key other = put(4, 5);
  const Key gone = put(2, 6);
  const Key text = of(5).put(std::string("text")).value();
  const Key nobodys{requester().number(), 77, 5};
  Key foreign = small;
  ++foreign.store;
  ASSERT_TRUE(of(2).evict(gone).value());
  const std::vector<Key> keys{own, small, gone, big, other, small, text, nobodys, of_node_peer, big, foreign};
  auto found = requester().get_batch<double[]>(keys);
  ASSERT_EQ(found.size(), keys.size());
  const std::vector<double> values{1, 3, 0, 4, 5, 3, 0, 0, 2, 4, 0};
  for (std::size_t at = 0; at < keys.size(); ++at) {
    if (values[at] == 0) {
      EXPECT_EQ(code_of(found[at]), keys[at] == text ? Errc::type_mismatch : Errc::not_found) << at;
      EXPECT_FALSE(found[at].error().key().empty()) << "the error has the key";
      continue;
    }
    ASSERT_TRUE(found[at]) << at << ": " << found[at].error();
    EXPECT_EQ(found[at]->key(), keys[at]);
    EXPECT_EQ(found[at]->size(), keys[at] == big ? large : 1U);
    EXPECT_EQ((**found[at])[0], values[at]) << at;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(found[at]->data()) % alignof(double), 0U);
  }
  EXPECT_EQ(found[3]->data(), found[9]->data()) << "one copy for the node";
  EXPECT_EQ(found[0]->data(), requester().get<double[]>(own)->data()) << "in place";
  EXPECT_TRUE(requester().get_batch<double[]>(std::vector<Key>()).empty());
  found.clear();
  expect_nothing_left({own, of_node_peer, small, big, other, text});
}

TEST_F(Batch, TellsOfEachObjectWhatItIs) {
  const Key array = [&] {
    auto writer = of(2).create<float>({2, 3}).value();
    std::fill(writer.begin(), writer.end(), 1.5F);
    return writer.seal().value();
  }();
  const std::string name = world_.name_at(1, requester().number(), "named ");
  const Key named = of(2).put(name, std::vector<float>{1, 2}).value();
  auto found = requester().get_batch<float[]>(std::vector<Key>{array, named, array});
  ASSERT_TRUE(found[0] && found[1] && found[2]);
  EXPECT_EQ(found[0]->extents(), Extents(2, 3));
  EXPECT_EQ(found[1]->extents(), Extents(2));
  found.erase(found.begin());
  auto copy = *found[1];
  found.clear();
  EXPECT_EQ(copy.extents(), Extents(2, 3)) << "the last view keeps the copy";
  copy = {};
  expect_nothing_left({array, named});
}

TEST_F(Batch, OfDecodedValuesAndOfFlatOnes) {
  std::vector<Key> texts;
  std::vector<Key> numbers;
  for (int at = 0; at < 10; ++at) {
    texts.push_back(of(at % 6).put(std::vector<std::string>{std::to_string(at)}).value());
    numbers.push_back(of(at % 6).put(at).value());
  }
  const auto decoded = requester().get_batch<std::vector<std::string>>(texts);
  const auto flat = requester().get_batch<int>(numbers);
  for (std::size_t at = 0; at < 10; ++at) {
    EXPECT_EQ((**decoded[at]).front(), std::to_string(at));
    EXPECT_EQ(**flat[at], static_cast<int>(at));
  }
}

struct alignas(256) Wide {
  static constexpr std::string_view locum_type_name = "wide";
  std::array<double, 32> values{};
};

TEST_F(Batch, KeepsTheAlignmentOfTheType) {
  std::vector<Key> keys;
  for (int at = 0; at < 5; ++at) {
    keys.push_back(of(2).put(Wide{{1.0 * at}}).value());
    keys.push_back(of(2).put(Wide{{1.0 * at}}).value());
    (void)of(2).put('x').value();
  }
  const auto found = requester().get_batch<Wide>(keys);
  for (std::size_t at = 0; at < keys.size(); ++at) {
    ASSERT_TRUE(found[at]);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(found[at]->get()) % alignof(Wide), 0U);
    EXPECT_EQ((*found[at])->values[0], static_cast<double>(at / 2));
  }
}

// One request for each node, as long as its reply has room.
TEST_F(Batch, CostsOneQuestionForEachNode) {
  EXPECT_EQ(price_of_batch(put_some(0, 1000)), (Price{0, 0}));
  EXPECT_EQ(price_of_batch(put_some(1, 1000)), (Price{0, 0})) << "the object of a rank of the same node";
  EXPECT_EQ(price_of_batch(put_some(2, 2)), (Price{2, 0}));
  EXPECT_EQ(price_of_batch(put_some(2, most_in_a_batch)).messages, 2U);
  EXPECT_EQ(price_of_batch(put_some(2, most_in_a_batch + 1)).messages, 4U);
  EXPECT_EQ(price_of_batch(put_some(2, 1000)).messages, 8U);
  std::vector<Key> all;
  for (int at = 0; at < 600; ++at) {
    all.push_back(put(at % 6, at));
  }
  EXPECT_EQ(price_of_batch(all), (Price{4, 2})) << "two other nodes, whatever the rank";
}

// Objects can be small, and yet too large for one reply: 32 of these make 1 MiB.
TEST(BatchOfLargerObjects, AsksAgainForWhatDidNotFit) {
  constexpr std::uint32_t store = 7;
  SimulatedNodes world({.nodes = {.nodes = 2, .inline_bytes = 32_KiB}});
  std::vector<Address> addresses;
  for (std::size_t at = 0; at < 100; ++at) {
    addresses.emplace_back(put(world.connector(1), store, {}, pattern(at, 32'000)).value().key);
  }
  std::vector<Result<ObjectView>> found(100, no_memory_left());
  const std::uint64_t messages =
      world.messages_of([&] { world.connector(0).find_batch(addresses, Wanting::all, found, {}); });
  EXPECT_EQ(messages, 8U);
  for (std::size_t at = 0; at < 100; ++at) {
    ASSERT_TRUE(found[at]) << found[at].error();
    EXPECT_TRUE(holds(*found[at], pattern(at, 32'000)));
  }
  EXPECT_EQ(world.connector(0).usage().own_copies, 0U);
}

TEST_F(Batch, MakesStandInsWithoutTheBytes) {
  std::vector<Key> keys = put_some(2, 20, large);
  keys.push_back(put(0, 20));
  keys.push_back(of(2).put(std::string("text")).value());
  keys.push_back(Key{requester().number(), 3, 77});
  const std::uint64_t bytes = world_.network().counters().sent.bytes;
  std::vector<Result<Proxy<double[]>>> proxies;
  EXPECT_EQ(price_of([&] { proxies = requester().proxy_batch<double[]>(keys); }), (Price{2, 0}));
  EXPECT_LT(world_.network().counters().sent.bytes - bytes, 10'000U);
  for (std::size_t at = 0; at < 21; ++at) {
    ASSERT_TRUE(proxies[at]) << at << proxies[at].error();
    EXPECT_EQ(proxies[at]->key(), keys[at]);
    EXPECT_EQ(proxies[at]->size_bytes(), (at < 20 ? large : 1) * sizeof(double));
    EXPECT_EQ((**proxies[at])[0], static_cast<double>(at));
  }
  EXPECT_EQ(code_of(proxies[21]), Errc::type_mismatch);
  EXPECT_EQ(code_of(proxies[22]), Errc::not_found);
}

TEST_F(Batch, BringsLargeObjectsOnceForTheNode) {
  const auto keys = put_some(2, 20, large);
  const auto began = world_.network().now();
  EXPECT_EQ(price_of_batch(keys), (Price{2 + 20 * 2, 20}))
      << "one request for the metadata, then each object";
  EXPECT_LE(world_.network().now() - began, 10ms) << "concurrently";
  EXPECT_EQ(price_of_batch(keys), (Price{0, 0})) << "copies";
  EXPECT_EQ(price_of([&] { expect_in_order(of(1).get_batch<double[]>(keys), 20); }), (Price{0, 0}))
      << "the other rank of the node has them, too";
  world_.network().run_for(2s);
  EXPECT_EQ(price_of_batch(keys), (Price{2, 0})) << "one request renews the copies' leases";
  expect_nothing_left(keys);
}

TEST_F(Batch, OfManyThousands) {
  constexpr std::size_t many = 10'000;
  std::vector<Key> keys;
  for (std::size_t at = 0; at < many; ++at) {
    keys.push_back(put(static_cast<int>(at % 6), static_cast<double>(at), at % 100 == 7 ? large / 10 : 1));
  }
  const auto began = world_.network().now();
  auto found = requester().get_batch<double[]>(keys);
  expect_in_order(found, many);
  EXPECT_LE(world_.network().now() - began, 100ms);
  found.clear();
  expect_nothing_left(keys);
}

TEST_F(Batch, OfANodeThatDiesFailsAlone) {
  std::vector<Key> keys;
  for (int at = 0; at < 600; ++at) {
    keys.push_back(put(at % 6, at, at % 10 == 3 ? large : 1));
  }
  std::vector<Result<View<double[]>>> found;
  const auto began = world_.network().now();
  bool over = false;
  world_.network().start([&] {
    found = requester().get_batch<double[]>(keys);
    over = true;
  });
  world_.network().run_for(500us);
  mortal_.kill_node(1);
  ASSERT_TRUE(world_.network().run_until([&] { return over; }, began + 60s));
  EXPECT_LE(world_.network().now() - began, 12s) << "within the failure bound";
  for (std::size_t at = 0; at < keys.size(); ++at) {
    const bool lost = at % 6 == 2 || at % 6 == 3;
    EXPECT_EQ(code_of(found[at]), lost ? Errc::peer_lost : Errc{}) << at;
  }
}

TEST_F(Batch, OfARankThatDiesIsAnsweredByAPeerOfItsNode) {
  const auto keys = put_some(2, 500);
  std::vector<Result<View<double[]>>> found;
  bool over = false;
  world_.network().start([&] {
    found = requester().get_batch<double[]>(keys);
    over = true;
  });
  world_.network().run_for(500us);
  mortal_.kill(2);
  ASSERT_TRUE(world_.network().run_until([&] { return over; }, world_.network().now() + 60s));
  expect_in_order(found, keys.size());
}

// The deadline of the batch holds for each object, and a silent node does not delay the others.
TEST_F(Batch, OfANodeThatIsSilentEndsAtTheDeadline) {
  const auto silent = put_some(2, 10);
  const auto other = put_some(4, 10, large);
  std::vector<Key> keys = silent;
  keys.insert(keys.end(), other.begin(), other.end());
  for (const int rank : {2, 3}) {
    world_.network().cut(0, rank, loopback::Cut::hold);
  }
  const auto began = world_.network().now();
  const auto found = requester().get_batch<double[]>(keys, {.deadline = began + 50ms});
  EXPECT_LE(world_.network().now() - began, 200ms);
  for (std::size_t at = 0; at < keys.size(); ++at) {
    EXPECT_EQ(code_of(found[at]), at < 10 ? Errc::timeout : Errc{}) << at;
  }
  world_.network().heal();
  expect_in_order(requester().get_batch<double[]>(silent), 10);
}

TEST_F(Batch, AfterTheEndIsClosed) {
  const auto keys = put_some(2, 3);
  stores_.session(0).close();
  for (const auto& found : requester().get_batch<double[]>(keys)) {
    EXPECT_EQ(code_of(found), Errc::closed);
  }
}

}  // namespace
}  // namespace locum::tests::batch_test
