// Ranks of a node that wait for the same promise of another node send one request: on a simulated network,
// whose ranks may die.
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/promise.hpp"
#include "core/server/remote_waits.hpp"
#include "tests/core/bent_transport.hpp"
#include "tests/core/promise_nodes.hpp"

namespace locum::tests {
namespace {

class PromiseNodePeers : public PromiseNodes {
 protected:
  [[nodiscard]] Deadline in(std::chrono::nanoseconds time) { return world_.network().now() + time; }
  [[nodiscard]] std::size_t asked_of_makers_node() {
    return world_.rank(maker).links->awaited() + world_.rank(1).links->awaited();
  }
};

TEST_F(PromiseNodePeers, AskOnceForAll) {
  auto promise = this->promise();
  const Handle handle = promise.proxy().handle();
  std::vector<Future<double[]>> futures;
  const std::uint64_t messages = world_.messages_of([&] {
    for (int i = 0; i < 500; ++i) {
      for (const int rank : {2, 3}) {
        futures.push_back(stand_in(rank, handle).get_async());
      }
    }
    world_.network().run_for(100ms);
    EXPECT_EQ(asked_of_makers_node(), 1U);
    set_after(0ms, promise, {1, 2, 3});
    world_.network().run_for(100ms);
  });
  EXPECT_EQ(messages, 4U)
      << "a request and a reply between the nodes, and the same between the ranks of the node";
  for (const auto& future : futures) {
    ASSERT_TRUE(future.ready());
    EXPECT_EQ((*future.get())[2], 3.0);
  }
  EXPECT_TRUE(store(maker).evict(handle.key).value());
  futures.clear();
  expect_nothing_left({0, 1, 2});
}

// A faulty rank that sends the same request repeatedly takes no more memory than one request.
TEST(PromiseOfALiar, HasOneQuestionKept) {
  constexpr int asked = 2;
  constexpr int liar = 3;
  constexpr int times = 1000;
  Liars liars{liar};
  SimulatedNodes world(
      {.nodes = {.nodes = 2, .ranks_per_node = 2}, .network = {.latency = {1ms, 1ms}}, .wrap = liars.wrap()});
  int refused = 0;
  world.network().on_message([&](int from, int to, std::span<const std::byte> header) {
    Envelope envelope;
    std::memcpy(&envelope, header.data(), sizeof envelope);
    const bool is_refusal = envelope.kind == Kind::reply && static_cast<Errc>(envelope.status) != Errc{};
    refused += from == asked && to == liar && is_refusal ? 1 : 0;
    return loopback::Verdict{};
  });
  RankStores stores(world, {0, asked});
  auto promise = stores[0].promise<double[]>().value();
  const Key key = promise.proxy().key();
  const auto waiting = stores.session(asked).proxy<double[]>(promise.proxy().handle()).get_async();
  world.network().run_for(100ms);
  const std::string name = world.connector(0).name_of(key);
  for (std::uint32_t call = 1; call <= times; ++call) {
    Message message{asked, std::vector<std::byte>(sizeof(Envelope)), {}};
    const auto text = std::as_bytes(std::span(name));
    message.bulk.assign(text.begin(), text.end());
    message.set_envelope({.kind = Kind::await, .call = 5000 + call, .incarnation = 42});
    message.set_body(words(AwaitWords{.store = key.store, .patience_ns = 60'000'000'000}));
    EXPECT_TRUE(liars[liar].say(std::move(message)));
  }
  world.network().run_for(100ms);
  EXPECT_EQ(refused, times - 1);
  EXPECT_TRUE(promise.set(std::vector<double>{1}));
  world.network().run_for(100ms);
  EXPECT_TRUE(waiting.ready());
  EXPECT_EQ(refused, times - 1) << "the last one is answered";
  world.network().on_message({});
  stores.close();
}

// A large object is also transferred only once.
TEST_F(PromiseNodePeers, ShareWhatIsLarge) {
  auto promise = this->promise();
  std::vector<std::shared_ptr<WaitOutcome>> all;
  for (const int rank : {2, 3, 4, 5}) {
    all.push_back(wait(rank, promise.proxy().handle()));
  }
  world_.network().run_for(100ms);
  EXPECT_EQ(asked_of_makers_node(), 2U) << "one from each of two nodes";
  ASSERT_TRUE(promise.set(std::vector<double>(100'000, 4.0)));
  world_.network().run_for(1s);
  for (const auto& told : all) {
    ASSERT_TRUE(told->got && *told->got);
    EXPECT_EQ((**told->got)[99'999], 4.0);
  }
}

// Only stand-ins wait: the key names no object yet, also while another rank of the node waits, and that
// rank's request stays the only one.
TEST_F(PromiseNodePeers, DoNotHoldUpWhoAsksByItsKey) {
  auto promise = this->promise();
  const Key key = promise.proxy().key();
  const auto told = wait(2, promise.proxy().handle());
  world_.network().run_for(100ms);
  for (const int rank : {2, 3}) {
    std::vector<Errc> codes;
    const std::uint64_t messages = world_.messages_of([&] {
      world_.network().start([&] {
        codes.push_back(code_of(store(rank).get<double[]>(key)));
        codes.push_back(code_of(store(rank).get_batch<double[]>(std::vector<Key>{key, key})[1]));
        codes.push_back(store(rank).exists(key).value() ? Errc{} : Errc::not_found);
      });
      world_.network().run_for(100ms);
    });
    EXPECT_EQ(codes, std::vector<Errc>(3, Errc::not_found)) << rank;
    EXPECT_LE(messages, 20U);
  }
  const auto late = wait(3, promise.proxy().handle());
  world_.network().run_for(100ms);
  EXPECT_EQ(asked_of_makers_node(), 1U);
  ASSERT_TRUE(promise.set(std::vector<double>{1}));
  world_.network().run_for(100ms);
  EXPECT_TRUE(told->got && *told->got);
  EXPECT_TRUE(late->got && *late->got);
}

TEST_F(PromiseNodePeers, AreAllToldThatItIsBroken) {
  std::optional<Promise<double[]>> promise = this->promise();
  const std::vector<std::shared_ptr<WaitOutcome>> all{wait(2, promise->proxy().handle()),
                                                      wait(3, promise->proxy().handle())};
  world_.network().run_for(100ms);
  promise.reset();
  world_.network().run_for(100ms);
  for (const auto& told : all) {
    ASSERT_TRUE(told->got);
    EXPECT_EQ(code_of(*told->got), Errc::broken_promise);
  }
}

TEST_F(PromiseNodePeers, GoOnWithoutTheOneThatAsked) {
  for (const bool dies : {true, false}) {
    auto promise = this->promise();
    const Handle handle = promise.proxy().handle();
    const int first = dies ? 2 : 4;
    const int second = first + 1;
    const auto asked = stand_in(first, handle).get_async(in(60s));
    world_.network().run_for(100ms);
    const auto other = stand_in(second, handle).get_async(in(60s));
    world_.network().run_for(100ms);
    if (dies) {
      mortal_.kill(first);
    } else {
      world_.network().start([&] {
        stores_.session(first).close();
        mortal_.close_now(first);
      });
    }
    world_.network().run_for(12s);
    EXPECT_FALSE(other.ready()) << dies;
    EXPECT_EQ(asked_of_makers_node(), 1U) << dies;
    ASSERT_TRUE(promise.set(std::vector<double>{6}));
    world_.network().run_for(100ms);
    ASSERT_TRUE(other.ready()) << dies;
    ASSERT_TRUE(other.get()) << other.get().error();
    EXPECT_EQ((*other.get())[0], 6.0);
    EXPECT_TRUE(store(maker).evict(handle.key).value());
  }
  expect_nothing_left({0});
}

TEST_F(PromiseNodePeers, WaitEachUntilItsOwnDeadline) {
  auto promise = this->promise();
  const Handle handle = promise.proxy().handle();
  const auto first = stand_in(2, handle).get_async(in(1s));
  world_.network().run_for(10ms);
  const auto second = stand_in(3, handle).get_async(in(2s));
  const auto third = stand_in(3, handle).get_async(in(60s));
  world_.network().run_for(1s);
  EXPECT_EQ(code_of(first.get(in(0s))), Errc::timeout);
  EXPECT_TRUE(first.ready());
  EXPECT_FALSE(second.ready());
  world_.network().run_for(1s);
  EXPECT_TRUE(second.ready());
  EXPECT_FALSE(third.ready());
  ASSERT_TRUE(promise.set(std::vector<double>{6}));
  world_.network().run_for(100ms);
  ASSERT_TRUE(third.ready());
  ASSERT_TRUE(third.get()) << third.get().error();
  EXPECT_EQ((*third.get())[0], 6.0);
  EXPECT_TRUE(store(maker).evict(handle.key).value());
  expect_nothing_left({0, 1});
}

// The maker's node does not keep a request for which no rank waits any more.
TEST_F(PromiseNodePeers, TakeTheQuestionBack) {
  auto promise = this->promise();
  const Handle handle = promise.proxy().handle();
  for (const bool there_is_a_node_peer : {false, true}) {
    auto first = stand_in(2, handle).get_async(in(1h));
    world_.network().run_for(10ms);
    auto second = there_is_a_node_peer ? stand_in(3, handle).get_async(in(1h)) : first;
    world_.network().run_for(10ms);
    EXPECT_EQ(asked_of_makers_node(), 1U);
    first.cancel();
    world_.network().run_for(patience / 5 + 10ms);
    EXPECT_EQ(asked_of_makers_node(), there_is_a_node_peer ? 1U : 0U) << "for the other rank of the node";
    second.cancel();
    world_.network().run_for(2 * patience / 5 + 20ms);
    EXPECT_EQ(asked_of_makers_node(), 0U);
    EXPECT_EQ(world_.rank(2).links->waits()->size(), 0U);
    EXPECT_EQ(world_.rank(3).links->waits()->size(), 0U);
  }
  ASSERT_TRUE(promise.set(std::vector<double>{6}));
  EXPECT_TRUE(store(maker).evict(handle.key).value());
  expect_nothing_left({0, 1});
}

// The requesting rank or the maker dies after each event of a run: each survivor learns the outcome, and
// nothing is left.
TEST_F(PromiseNodePeers, AreToldWhoeverDiesWhenever) {
  for (const int victim : {maker, 2, 3}) {
    for (int events = 0; events < 40; events += 3) {
      MortalNodes mortal({.nodes = {.nodes = 2, .ranks_per_node = 2, .patience = patience},
                          .network = {.latency = {1ms, 1ms}}});
      SimulatedNodes& world = mortal.world();
      RankStores stores(world);
      auto promise = stores[maker].promise<double[]>().value();
      std::vector<Future<double[]>> futures;
      for (const int rank : {2, 3, 2, 3}) {
        futures.push_back(stores.session(rank)
                              .proxy<double[]>(promise.proxy().handle())
                              .get_async(world.network().now() + 60s));
      }
      world.network().after(
          5ms, [&] { world.network().start([&] { (void)promise.set(std::vector<double>(10'000, 1.0)); }); });
      for (int event = 0; event < events; ++event) {
        (void)world.network().step();
      }
      mortal.kill(victim);
      world.network().run_for(40s);
      for (std::size_t at = 0; at < futures.size(); ++at) {
        if (static_cast<int>(2 + at % 2) == victim) {
          continue;
        }
        ASSERT_TRUE(futures[at].ready()) << victim << ' ' << events;
        const Errc code = code_of(futures[at].get());
        EXPECT_TRUE(code == Errc{} || (victim == maker && code == Errc::peer_lost))
            << victim << ' ' << events << ' ' << to_string(code);
      }
      stores.close();
    }
  }
}

}  // namespace
}  // namespace locum::tests
