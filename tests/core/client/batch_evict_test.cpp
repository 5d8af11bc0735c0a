// Batched evictions: what is evicted, the number of messages, and the results if a rank dies, is silent, or
// closes.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/promise.hpp"
#include "core/rpc/update_batch_wire.hpp"
#include "tests/core/batch_nodes.hpp"
#include "tests/core/bent_transport.hpp"
#include "tests/core/connector_samples.hpp"

namespace locum::tests::batch_evict_test {
namespace {

using namespace std::chrono_literals;
using tests::codes_of;

constexpr std::size_t large = 10'000;

class BatchEviction : public tests::BatchNodes {
 protected:
  /// Named objects of a rank; the names' home is that node.
  [[nodiscard]] std::vector<Key> put_named(int rank, const std::vector<std::string>& all) {
    std::vector<Key> keys;
    for (const std::string& name : all) {
      keys.push_back(of(rank).put(name, 1.0).value());
    }
    return keys;
  }
  template <class Range>
  [[nodiscard]] std::uint64_t messages_of_all(const Range& objects) {
    return world_.messages_of([&] {
      const auto gone = requester().evict_batch(objects);
      EXPECT_EQ(gone.size(), objects.size());
      for (const auto& each : gone) {
        ASSERT_TRUE(each) << each.error();
        EXPECT_TRUE(*each);
      }
    });
  }
  /// Whether one of them is left on its node.
  [[nodiscard]] bool any_left(int rank, const std::vector<Key>& keys) {
    auto& table = *world_.rank(rank).process.table;
    return std::ranges::any_of(keys, [&](const Key& key) {
      const auto pin = table.pin(key);
      if (pin) {
        table.release(pin->id);
      }
      return pin.has_value();
    });
  }
  void expect_nowhere(const std::vector<Key>& keys) {
    for (int rank = 0; rank < world_.size(); ++rank) {
      for (const auto& found : of(rank).get_batch<double[]>(keys)) {
        EXPECT_EQ(code_of(found), Errc::not_found);
      }
    }
  }
};

TEST_F(BatchEviction, CostsOneQuestionForEachNodeAndEach256) {
  EXPECT_EQ(messages_of_all(put_some(0, 1000)), 0U);
  EXPECT_EQ(messages_of_all(put_some(1, 1000)), 0U) << "objects of a rank of the same node";
  EXPECT_EQ(messages_of_all(put_some(2, 1)), 2U);
  EXPECT_EQ(messages_of_all(put_some(2, most_in_a_batch)), 2U);
  EXPECT_EQ(messages_of_all(put_some(2, most_in_a_batch + 1)), 4U);
  EXPECT_EQ(messages_of_all(put_some(2, 1000)), 8U) << "four requests";
  EXPECT_EQ(messages_of_all(put_some(2, 10'000)), 80U);
  std::vector<Key> all;
  for (int at = 0; at < 600; ++at) {
    all.push_back(put(at % 6, at));
  }
  EXPECT_EQ(messages_of_all(all), 4U) << "two other nodes, whatever the rank";
  expect_nowhere(all);
  EXPECT_EQ(world_.rank(0).metrics->evictions, 1000U + 1000 + 1 + 256 + 257 + 1000 + 10'000 + 600);
  expect_nothing_left({});
}

TEST_F(BatchEviction, OfNamesAsksTheirHome) {
  const auto at_maker = names(1, 1000);
  (void)put_named(2, at_maker);
  EXPECT_EQ(messages_of_all(at_maker), 8U) << "the home also has the objects";
  const auto of_another = names(1, 300);
  const auto keys = put_named(4, of_another);
  EXPECT_EQ(messages_of_all(of_another), 4U + 600) << "the home notifies the objects' node of each";
  expect_nowhere(keys);
  const auto here = names(0, 100);
  (void)put_named(1, here);
  EXPECT_EQ(messages_of_all(here), 0U);
  (void)put_named(2, here);
  EXPECT_EQ(messages_of_all(here), 200U) << "as the home, this node notifies the other one of each";
  expect_nothing_left({});
}

TEST_F(BatchEviction, ByKeyTakesTheNamesAlong) {
  const auto all = names(2, 300);
  EXPECT_EQ(messages_of_all(put_named(2, all)), 4U + 600) << "the objects' node notifies the home of each";
  for (const auto& found : of(4).get_batch<double>(all)) {
    EXPECT_EQ(code_of(found), Errc::not_found);
  }
  EXPECT_EQ(messages_of_all(put_named(0, all)), 600U) << "and so does this one";
  for (const auto& found : of(4).get_batch<double>(all)) {
    EXPECT_EQ(code_of(found), Errc::not_found);
  }
  expect_nothing_left({});
}

TEST_F(BatchEviction, SideBySide) {
  const auto all = names(1, 500);
  auto keys = put_named(4, names(2, 500, "other "));
  (void)put_named(4, all);
  const auto began = world_.network().now();
  EXPECT_EQ(std::ranges::count(codes_of(requester().evict_batch(all)), Errc{}), 500);
  EXPECT_LE(world_.network().now() - began, 8ms) << "a request, and the messages that it causes";
  const auto named = names(1, 500, "own ");
  keys = put_named(0, named);
  const auto then = world_.network().now();
  EXPECT_EQ(std::ranges::count(codes_of(requester().evict_batch(keys)), Errc{}), 500);
  EXPECT_LE(world_.network().now() - then, 10ms) << "128 at a time";
}

TEST_F(BatchEviction, SaysOfEachWhatEvictWould) {
  const Key own = put(0, 1);
  const Key other = put(2, 2);
  const Key gone = put(2, 3);
  ASSERT_TRUE(of(2).evict(gone).value());
  Key foreign = put(4, 4);
  ++foreign.store;
  const Key nobodys{requester().number(), 77, 5};
  const auto said = requester().evict_batch(std::vector{own, gone, other, other, foreign, nobodys, own});
  const std::vector<bool> there{true, false, true, false, false, false, false};
  for (std::size_t at = 0; at < there.size(); ++at) {
    ASSERT_TRUE(said[at]) << at << said[at].error();
    EXPECT_EQ(*said[at], there[at]) << at << " of the batch";
  }
  EXPECT_TRUE(requester().evict_batch(std::vector<Key>()).empty());
  EXPECT_TRUE(requester().evict_batch(std::vector<std::string>()).empty());
  const auto all = names(1, 3);
  (void)put_named(2, all);
  const std::vector<std::string> asked{all[0], "",        all[1], std::string(max_name_bytes + 1, 'n'),
                                       all[1], "nobody's"};
  const auto of_names = requester().evict_batch(asked);
  EXPECT_EQ(codes_of(of_names),
            (std::vector{Errc{}, Errc::invalid_argument, Errc{}, Errc::invalid_argument, Errc{}, Errc{}}));
  EXPECT_TRUE(*of_names[0] && *of_names[2] && !*of_names[4] && !*of_names[5]);
  EXPECT_TRUE(requester().exists(all[2]).value());
  requester().evict_batch(all);  // may be left unread
  EXPECT_FALSE(requester().exists(all[2]).value());
}

// When the batch has ended, no rank shows a copy any more.
TEST_F(BatchEviction, TakesCopiesOutOfSight) {
  auto keys = put_some(2, 20, large);
  const auto own = put_some(0, 20, large);
  keys.insert(keys.end(), own.begin(), own.end());
  for (const int reader : {0, 1, 4, 5}) {
    expect_in_order(of(reader).get_batch<double[]>(std::vector(keys.begin(), keys.begin() + 20)), 20);
  }
  for (const int reader : {2, 4}) {
    expect_in_order(of(reader).get_batch<double[]>(own), 20);
  }
  const auto gone = requester().evict_batch(keys);
  EXPECT_TRUE(std::ranges::all_of(gone, [](const auto& each) { return each && *each; }));
  expect_nowhere(keys);
  expect_nothing_left({});
}

TEST_F(BatchEviction, OfPromisesToo) {
  auto promise = of(2).promise<double>().value();
  const Key plain = put(2, 1);
  const Key promised = promise.proxy().key();
  ASSERT_TRUE(promise.set(2.0));
  const auto gone = requester().evict_batch(std::vector{plain, promised});
  EXPECT_TRUE(gone[0].value());
  EXPECT_TRUE(gone[1].value());
  EXPECT_FALSE(requester().exists(promised).value());
}

TEST_F(BatchEviction, OfANodeThatDiesFailsAlone) {
  std::vector<Key> keys;
  for (int at = 0; at < 1200; ++at) {
    keys.push_back(put(at % 6, at));
  }
  std::vector<Result<bool>> gone;
  begin([&] { gone = requester().evict_batch(keys); }, 500us);
  mortal_.kill_node(1);
  ASSERT_TRUE(ends_within(12s)) << "within the failure bound";
  ASSERT_EQ(gone.size(), keys.size());
  for (std::size_t at = 0; at < keys.size(); ++at) {
    const bool lost = at % 6 == 2 || at % 6 == 3;
    EXPECT_EQ(code_of(gone[at]), lost ? Errc::peer_lost : Errc{}) << at;
    EXPECT_TRUE(lost || *gone[at]) << at;
  }
}

// It is unknown what the dead rank had done, and nothing is repeated: each eviction fails once, and its
// object is there or not.
TEST_F(BatchEviction, OfARankThatDiesIsOpen) {
  for (const bool arrives : {false, true}) {
    const int asked = arrives ? 4 : 2;
    const auto keys = put_some(asked, 500);
    if (arrives) {
      world_.network().set_latency(asked, 0, {500ms, 500ms});  // its replies do not arrive in time
    }
    std::vector<Result<bool>> gone;
    begin([&] { gone = requester().evict_batch(keys); }, 500us);
    ASSERT_TRUE(!arrives || world_.network().run_until([&] { return !any_left(asked, keys); },
                                                       world_.network().now() + 10s));
    mortal_.kill(asked);
    ASSERT_TRUE(ends_within(12s));
    const auto lost = std::ranges::count(codes_of(gone), Errc::peer_lost);
    const auto told = std::ranges::count(codes_of(gone), Errc{});
    EXPECT_EQ(lost + told, 500);
    EXPECT_TRUE(told == 0 || arrives);
    world_.network().run_for(1s);
    (void)requester().exists(keys[0]);  // if all requests had arrived, the death has not been noticed yet
    const auto again = requester().evict_batch(keys);
    ASSERT_EQ(std::ranges::count(codes_of(again), Errc{}), 500) << "the other rank of its node replies";
    EXPECT_EQ(*again[77], !arrives);
    const auto left = of(1).get_batch<double[]>(keys);
    EXPECT_EQ(std::ranges::count(codes_of(left), Errc::not_found), 500);
  }
}

// An object that cannot be evicted yet delays no other one, except up to the batch's own deadline.
TEST_F(BatchEviction, OfWhatIsSilentEndsAtTheDeadlineAlone) {
  const auto there = names(1, 20);
  const auto silent = names(1, 20, "silent ");
  (void)put_named(2, there);
  (void)put_named(4, silent);
  std::vector<std::string> all;
  for (std::size_t at = 0; at < there.size(); ++at) {
    all.push_back(there[at]);
    all.push_back(silent[at]);
  }
  for (const int rank : {2, 3}) {
    for (const int maker : {4, 5}) {
      world_.network().cut(rank, maker, loopback::Cut::hold);
    }
  }
  const auto began = world_.network().now();
  const auto gone = requester().evict_batch(all, {.deadline = began + 50ms});
  EXPECT_LE(world_.network().now() - began, 50ms);
  for (std::size_t at = 0; at < all.size(); ++at) {
    EXPECT_EQ(code_of(gone[at]), at % 2 == 0 ? Errc{} : Errc::timeout) << at;
  }
  EXPECT_EQ(world_.rank(2).links->requests_of(0), 0U) << "the request has a reply";
  world_.network().heal();
  world_.network().run_for(1s);
  for (const std::string& name : silent) {
    EXPECT_FALSE(requester().exists(name).value()) << "done nevertheless";
  }
  expect_nothing_left({});
}

TEST_F(BatchEviction, WhileTheStoreIsDropped) {
  const auto all = names(1, 600);
  const auto keys = put_named(4, all);
  std::vector<Result<bool>> gone;
  begin([&] { gone = requester().evict_batch(keys); }, 500us);
  const std::uint32_t number = requester().number();
  for (int rank = 1; rank < world_.size(); ++rank) {
    ASSERT_TRUE(stores_.session(rank).drop("fields", number));
  }
  ASSERT_TRUE(ends_within(12s));
  for (const auto& each : gone) {
    EXPECT_TRUE(each) << each.error();
  }
  ASSERT_TRUE(stores_.session(0).drop("fields", number));
  for (const auto& each : requester().evict_batch(keys)) {
    EXPECT_EQ(code_of(each), Errc::closed);
  }
}

TEST_F(BatchEviction, WhileTheRuntimeCloses) {
  const auto all = names(1, 600);
  (void)put_named(4, all);
  std::vector<Result<bool>> gone;
  begin([&] { gone = requester().evict_batch(all); }, 500us);
  const auto began = world_.network().now();
  stores_.session(0).close();
  world_.network().start([&] { mortal_.close_now(0); });
  ASSERT_TRUE(ends_within(2s));
  EXPECT_LE(world_.network().now() - began, 1s);
  EXPECT_EQ(std::ranges::count(codes_of(gone), Errc::closed), 600);
  EXPECT_EQ(std::ranges::count(codes_of(requester().evict_batch(all)), Errc::closed), 600);
}

// The rank that serves the batch closes: evictions that wait for another node are reported as open, and those
// not begun are done by the other rank of its node.
TEST_F(BatchEviction, WhileTheOneThatIsAskedCloses) {
  const auto all = names(1, 300);
  (void)put_named(4, all);
  std::vector<Result<bool>> gone;
  begin([&] { gone = requester().evict_batch(all); }, 1500us);
  world_.network().start([&] { mortal_.close_now(2); });
  ASSERT_TRUE(ends_within(12s));
  for (const auto& each : gone) {
    EXPECT_TRUE(each || each.error().code() == Errc::peer_lost) << each.error();
  }
  const auto again = requester().evict_batch(all);
  EXPECT_EQ(std::ranges::count(codes_of(again), Errc{}), 300);
}

// The home of the names needs more open requests at the objects' node than that one allows: an object that
// the home has unbound must not stay there without a name.
TEST(BatchEvictionByARefusedHome, AsksAgain) {
  constexpr int home = 1;
  constexpr int maker = 2;
  tests::Liars bent{home, maker};
  tests::SimulatedNodes world(
      {.nodes = {.nodes = 3}, .network = {.latency = {1ms, 1ms}}, .wrap = bent.wrap()});
  tests::RankStores stores(world, {0, maker});
  std::vector<std::string> names;
  for (int at = 0; at < 300; ++at) {
    names.push_back(world.name_at(home, stores[0].number(), "name " + std::to_string(at) + "."));
    ASSERT_TRUE(stores[maker].put(names.back(), 1.0));
  }
  const std::uint64_t before = world.connector(maker).usage().own_objects;
  int refused = 0;
  bent[home].bend = [&](tests::Message& message) {
    if (message.envelope().kind == Kind::retire && refused < 500) {
      ++refused;
      message.set_body({});  // invalid, and refused
    }
  };
  bent[maker].bend = [](tests::Message& message) {
    Envelope envelope = message.envelope();
    if (envelope.kind == Kind::reply &&
        envelope.status == static_cast<std::uint8_t>(Errc::invalid_argument)) {
      envelope.status = static_cast<std::uint8_t>(Errc::out_of_memory);
      message.set_envelope(envelope);
      message.set_body({});
    }
  };
  for (const auto& gone : stores[0].evict_batch(names)) {
    EXPECT_TRUE(gone) << gone.error();
  }
  EXPECT_EQ(refused, 500);
  EXPECT_EQ(world.connector(maker).usage().own_objects, before - names.size());
  stores.close();
  world.network().run_until_idle();
}

}  // namespace
}  // namespace locum::tests::batch_evict_test
