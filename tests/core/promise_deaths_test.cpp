// Promises whose makers, or waiting ranks, die at any step of a simulated network.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/object/object_wire.hpp"
#include "core/promise.hpp"
#include "core/rpc/message.hpp"
#include "tests/core/asked_node.hpp"
#include "tests/core/promise_nodes.hpp"

namespace locum::tests {
namespace {

using PromiseDeaths = PromiseNodes;

// One wait is registered at the rank that dies, the other at the other rank of its node.
TEST_F(PromiseDeaths, EndsWithItsMaker) {
  auto promise = this->promise();
  const Handle handle = promise.proxy().handle();
  const std::vector<std::shared_ptr<WaitOutcome>> all{wait(2, handle, 60s), wait(3, handle, 60s),
                                                      wait(4, handle, 60s)};
  world_.network().run_for(1s);
  const auto died = world_.network().now();
  mortal_.kill(maker);
  world_.network().run_for(20s);
  for (const auto& told : all) {
    ASSERT_TRUE(told->got) << "it still waits for a dead rank";
    EXPECT_EQ(code_of(*told->got), Errc::peer_lost);
    EXPECT_LE(told->at - died, patience + patience / 5 + 500ms);
  }
  const auto late = wait(5, handle);
  world_.network().run_for(10s);
  ASSERT_TRUE(late->got);
  EXPECT_EQ(code_of(*late->got), Errc::peer_lost);
}

// Registered at the other rank of the maker's node, which lives on.
TEST_F(PromiseDeaths, EndsAtTheMateThatKeepsTheWait) {
  auto promise = this->promise();
  const Key key = promise.proxy().key();
  const std::string name = world_.connector(maker).name_of(key);
  std::optional<Errc> told;
  Deadline::Clock::time_point at;
  world_.network().start([&] {
    const AwaitWords asked{.store = key.store, .patience_ns = 60'000'000'000};
    const auto& client = *world_.rank(3).links->client();  // asks rank 1 first
    told = code_of(ask(client, 0, Kind::await, words(asked), {std::as_bytes(std::span(name)), nullptr},
                       world_.network().now() + 60s));
    at = world_.network().now();
  });
  world_.network().run_for(100ms);
  ASSERT_EQ(world_.rank(1).links->awaited(), 1U);
  const auto died = world_.network().now();
  mortal_.kill(maker);
  world_.network().run_for(30s);
  ASSERT_TRUE(told);
  EXPECT_EQ(*told, Errc::peer_lost);
  EXPECT_LE(at - died, patience / 5 + 500ms);
}

TEST_F(PromiseDeaths, EndsWithTheNodeOfItsMaker) {
  auto promise = this->promise();
  const auto told = wait(2, promise.proxy().handle());
  world_.network().run_for(1s);
  mortal_.kill_node(0);
  world_.network().run_for(20s);
  ASSERT_TRUE(told->got);
  EXPECT_EQ(code_of(*told->got), Errc::peer_lost);
}

TEST_F(PromiseDeaths, OfADeadRankThatWasSetIsThere) {
  auto promise = this->promise();
  ASSERT_TRUE(promise.set(std::vector<double>{1}));
  mortal_.kill(maker);
  const auto told = wait(2, promise.proxy().handle());
  world_.network().run_for(20s);
  ASSERT_TRUE(told->got && *told->got);
  EXPECT_EQ((**told->got)[0], 1.0);
}

TEST_F(PromiseDeaths, ADeadWaiterIsForgotten) {
  auto promise = this->promise();
  const auto told = wait(2, promise.proxy().handle());
  world_.network().run_for(100ms);
  EXPECT_EQ(world_.rank(0).links->awaited() + world_.rank(1).links->awaited(), 1U);
  mortal_.kill(2);
  world_.network().run_for(20s);
  ASSERT_TRUE(promise.set(std::vector<double>{1}));
  const Key key = promise.proxy().key();
  EXPECT_TRUE(store(maker).evict(key).value());
  expect_nothing_left({0});
}

// The maker dies after each event of a run in which it sets its promise: all waiting ranks get the value, or
// all get `peer_lost`.
TEST_F(PromiseDeaths, IsSetOrLostWheneverItsMakerDies) {
  int set = 0;
  int lost = 0;
  for (int events = 0; events < 40; ++events) {
    MortalNodes mortal({.nodes = {.nodes = 2, .ranks_per_node = 2, .patience = patience},
                        .network = {.latency = {1ms, 1ms}}});
    SimulatedNodes& world = mortal.world();
    RankStores stores(world);
    auto promise = stores[maker].promise<double[]>("named").value();
    std::vector<Errc> codes(2, Errc::timeout);
    int ended = 0;
    for (const int waiter : {2, 3}) {
      world.network().start([&, waiter] {
        const auto got =
            stores.session(waiter).proxy<double[]>(promise.proxy().handle()).get(world.network().now() + 60s);
        codes[static_cast<std::size_t>(waiter - 2)] = code_of(got);
        ++ended;
      });
    }
    world.network().start([&] { (void)promise.set(std::vector<double>(10'000, 1.0)); });
    for (int event = 0; event < events; ++event) {
      (void)world.network().step();
    }
    mortal.kill(maker);
    world.network().run_for(30s);
    EXPECT_EQ(ended, 2) << events;
    for (const Errc code : codes) {
      EXPECT_TRUE(code == Errc{} || code == Errc::peer_lost) << events << ' ' << to_string(code);
      (code == Errc{} ? set : lost) += 1;
    }
    stores.close();
  }
  EXPECT_GT(set, 0);
  EXPECT_GT(lost, 0);
}

}  // namespace
}  // namespace locum::tests
