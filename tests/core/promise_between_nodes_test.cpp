// Promises that ranks of other nodes wait for, on a simulated network.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/promise.hpp"
#include "core/rpc/message.hpp"
#include "tests/core/asked_node.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/promise_nodes.hpp"

namespace locum::tests {
namespace {

class PromiseBetweenNodes : public PromiseNodes {
 protected:
  std::vector<Promise<double[]>> kept_;  ///< of ranks that die
};

TEST_F(PromiseBetweenNodes, IsPushedToWhoWaits) {
  auto promise = this->promise();
  const auto began = world_.network().now();
  set_after(500ms, promise, {1, 2, 3});  // before any rank is probed
  std::shared_ptr<WaitOutcome> told;
  const std::uint64_t messages = world_.messages_of([&] {
    told = wait(2, promise.proxy().handle());
    world_.network().run_for(10s);
  });
  ASSERT_TRUE(told->got && *told->got) << told->got->error();
  EXPECT_EQ((**told->got)[2], 3.0);
  EXPECT_EQ(messages, 2U) << "one request and one reply";
  EXPECT_GE(told->at - began, 500ms);
  EXPECT_LE(told->at - began, 502ms) << "as soon as the reply has arrived";
}

TEST_F(PromiseBetweenNodes, TakesNoMessageToPromiseAndToSet) {
  EXPECT_EQ(world_.messages_of([&] {
    auto promise = this->promise();
    EXPECT_TRUE(promise.set(std::vector<double>{1}));
    EXPECT_TRUE(store(maker).evict(promise.proxy().key()).value());
    auto broken = this->promise();
  }),
            0U);
}

TEST_F(PromiseBetweenNodes, IsThereAtOnceWhenItWasSetBefore) {
  auto promise = this->promise();
  ASSERT_TRUE(promise.set(std::vector<double>(100'000, 2.0)));
  const auto told = wait(3, promise.proxy().handle());
  world_.network().run_for(100ms);
  ASSERT_TRUE(told->got && *told->got);
  EXPECT_EQ((**told->got)[99'999], 2.0);
}

TEST_F(PromiseBetweenNodes, ReachesAllWhoWait) {
  for (const std::size_t size : {1U, 100'000U}) {
    auto promise = this->promise();
    std::vector<std::shared_ptr<WaitOutcome>> all;
    for (const int rank : {2, 3, 4, 5, 2, 3, 4, 5}) {
      all.push_back(wait(rank, promise.proxy().handle()));
    }
    set_after(1s, promise, std::vector<double>(size, 7.0));
    world_.network().run_for(2s);
    for (const auto& told : all) {
      ASSERT_TRUE(told->got && *told->got);
      EXPECT_EQ((**told->got)[size - 1], 7.0);
    }
    const Key key = promise.proxy().key();
    all.clear();
    world_.network().start([&] { EXPECT_TRUE(store(5).evict(key).value()); });
    world_.network().run_for(1s);
  }
  expect_nothing_left({0, 1, 2});
}

TEST_F(PromiseBetweenNodes, IsBrokenForAllWhoWait) {
  std::optional<Promise<double[]>> promise = this->promise();
  const Handle handle = promise->proxy().handle();
  const auto there = wait(2, handle);
  world_.network().run_for(100ms);
  promise.reset();
  world_.network().run_for(100ms);
  ASSERT_TRUE(there->got);
  EXPECT_EQ(code_of(*there->got), Errc::broken_promise);
  const auto late = wait(4, handle);
  world_.network().run_for(100ms);
  ASSERT_TRUE(late->got);
  EXPECT_EQ(code_of(*late->got), Errc::broken_promise);
}

TEST_F(PromiseBetweenNodes, IsNotFoundWhereItIsGone) {
  auto promise = this->promise();
  ASSERT_TRUE(promise.set(std::vector<double>{1}));
  ASSERT_TRUE(store(maker).evict(promise.proxy().key()).value());
  const auto told = wait(2, promise.proxy().handle());
  world_.network().run_for(100ms);
  ASSERT_TRUE(told->got) << "it still waits, in vain";
  EXPECT_EQ(code_of(*told->got), Errc::not_found);
}

TEST_F(PromiseBetweenNodes, ItsKeyStandsForItsValueEverywhere) {
  auto promise = this->promise();
  const Key key = promise.proxy().key();
  int done = 0;
  world_.network().start([&] {
    EXPECT_EQ(code_of(store(2).get<double[]>(key)), Errc::not_found);
    EXPECT_FALSE(store(2).exists(key).value());
    EXPECT_FALSE(store(2).evict(key).value());
    ++done;
  });
  world_.network().run_for(1s);
  ASSERT_TRUE(promise.set(std::vector<double>(100'000, 1.0)));
  world_.network().start([&] {
    EXPECT_EQ((*store(2).get<double[]>(key))[9], 1.0);
    EXPECT_EQ(store(2).get<double[]>(key, {.part = {.offset = 10, .count = 5}})->size(), 5U);
    EXPECT_TRUE(store(2).exists(key).value());
    EXPECT_EQ(store(2).info(key)->size_bytes, 800'000U);
    EXPECT_TRUE(store(2).evict(key).value());
    EXPECT_FALSE(store(2).exists(key).value());
    ++done;
  });
  world_.network().run_for(1s);
  EXPECT_EQ(done, 2);
  expect_nothing_left({0, 1, 2});
}

TEST_F(PromiseBetweenNodes, UnderANameIsFoundByThatToo) {
  for (const int home : {0, 1, 2}) {
    const std::string name = world_.name_at(home, store(maker).number(), "late");
    auto promise = store(maker).promise<double[]>(name).value();
    const auto waiting = wait(2, promise.proxy().handle());
    const Proxy<double[]> ahead = stand_in(4, promise.proxy().handle());
    ahead.prefetch();
    world_.network().run_for(100ms);
    set_after(0ms, promise, std::vector<double>(100'000, 1.0));
    world_.network().run_for(1s);
    ASSERT_TRUE(waiting->got && *waiting->got) << home;
    EXPECT_EQ((**waiting->got)[0], 1.0);
    const auto view = ahead.try_get();
    ASSERT_TRUE(view) << view.error();
    EXPECT_EQ((*view)[99'999], 1.0);
    int done = 0;
    world_.network().start([&] {
      EXPECT_TRUE(store(5).get<double[]>(name));
      ++done;
    });
    world_.network().run_for(1s);
    EXPECT_EQ(done, 1);
  }
}

// By any rank, of any node.
TEST_F(PromiseBetweenNodes, GoesWithItsValueWhoeverEvictsThat) {
  constexpr int rounds = 300;
  for (const int evictor : {0, 1, 2}) {
    for (const int home : {0, 1, 2}) {
      const std::string name = world_.name_at(home, store(maker).number(), "late");
      int done = 0;
      world_.network().start([&, evictor] {
        for (int i = 0; i < rounds; ++i) {
          auto promise = store(maker).promise<double[]>(name).value();
          const Key value = promise.set(std::vector<double>{1}).value();
          done += (i % 2 == 0 ? store(evictor).evict(name) : store(evictor).evict(value)).value() ? 1 : 0;
        }
      });
      world_.network().run_for(100s);
      EXPECT_EQ(done, rounds) << evictor << ' ' << home;
      EXPECT_LE(world_.rank(maker).node->levels().objects, at_first_[0].objects + 64)
          << evictor << ' ' << home;
    }
  }
  EXPECT_EQ(world_.messages_of([&] { (void)stores_.session(maker).report(); }), 0U);
  expect_nothing_left({0, 1, 2});
}

TEST_F(PromiseBetweenNodes, BreaksAndLeavesTheMarksOfTheLast) {
  EXPECT_EQ(world_.messages_of([&] {
    for (int i = 0; i < 5000; ++i) {
      (void)this->promise();
    }
  }),
            0U);
  (void)world_.connector(maker).usage();
  EXPECT_LE(world_.rank(maker).node->levels().objects, at_first_[0].objects + most_broken_promises);
}

// Wherever the name's home is, and for all waiting ranks, within the patience with silent ranks and a little
// more.
TEST_F(PromiseBetweenNodes, WhoWaitsByNameIsToldThatItIsBroken) {
  for (const int home : {0, 1, 2}) {
    const std::string name = world_.name_at(home, store(maker).number(), "late");
    std::map<int, Errc> told;
    const auto wait_all = [&] {
      told.clear();
      for (const int rank : {2, 3, 4, 5}) {
        if (world_.node_of(rank) != home) {
          world_.network().start([this, rank, name, &told] {
            told[rank] = code_of(store(rank).wait<double[]>(name, world_.network().now() + 60s));
          });
        }
      }
    };
    const auto all_told = [&](Errc code) {
      return told.size() == (home == 0 ? 4U : 2U) &&
             std::ranges::all_of(told, [code](const auto& each) { return each.second == code; });
    };
    wait_all();  // before the promise is made
    world_.network().run_for(1s);
    std::optional<Promise<double[]>> promise;
    const auto then = [&](auto what) {
      world_.network().start([what] { what(); });
      world_.network().run_for(1s);
    };
    then([&] { promise = store(maker).promise<double[]>(name).value(); });
    EXPECT_TRUE(told.empty()) << home;
    then([&] { promise.reset(); });
    world_.network().run_for(patience + 1s);
    EXPECT_TRUE(all_told(Errc::broken_promise)) << home;
    // The promise is made again, and set.
    then([&] { promise = store(maker).promise<double[]>(name).value(); });
    wait_all();
    world_.network().run_for(30s);
    EXPECT_TRUE(told.empty()) << home;
    then([&] { EXPECT_TRUE(promise->set(std::vector<double>{1})); });
    EXPECT_TRUE(all_told(Errc{})) << "home " << home << ", at once";
    then([&] { EXPECT_TRUE(store(maker).evict(name)); });
  }
  world_.network().run_for(60s);  // no rank waits any more
}

// First a rank dies while the other one of its node lives on; then the whole node.
TEST_F(PromiseBetweenNodes, WhoWaitsByNameIsToldThatItsMakerIsDead) {
  for (const int home : {0, 1, 2}) {
    const std::string of_rank = world_.name_at(home, store(maker).number(), "of one ");
    const std::string of_node = world_.name_at(home, store(maker).number(), "of all ");
    world_.network().start([=, this] {
      kept_.push_back(store(2).promise<double[]>(of_rank).value());
      kept_.push_back(store(3).promise<double[]>(of_node).value());
    });
  }
  world_.network().run_for(1s);
  ASSERT_EQ(kept_.size(), 6U);
  std::map<std::string, std::optional<Errc>> told;
  for (const int home : {0, 2}) {
    for (const std::string& stem : {std::string("of one "), std::string("of all ")}) {
      const std::string name = world_.name_at(home, store(maker).number(), stem);
      told[name];
      world_.network().start([this, name, &told, waiter = home == 0 ? 4 : 0] {
        told[name] = code_of(store(waiter).wait<double[]>(name, world_.network().now() + 120s));
      });
    }
  }
  world_.network().run_for(1s);
  mortal_.kill(2);
  world_.network().run_for(4 * patience);
  for (const auto& [name, code] : told) {
    if (name.starts_with("of one")) {
      EXPECT_EQ(code, Errc::peer_lost) << name;
    } else {
      EXPECT_FALSE(code) << name;
    }
  }
  mortal_.kill(3);
  world_.network().run_for(4 * patience);
  for (const auto& [name, code] : told) {
    EXPECT_EQ(code, Errc::peer_lost) << name;
  }
  world_.network().run_for(120s);  // no rank waits any more
}

TEST_F(PromiseBetweenNodes, BreaksWhenItsSessionCloses) {
  auto promise = this->promise();
  const Handle handle = promise.proxy().handle();
  const auto at_node_peer = wait(3, handle);
  const auto at_maker = wait(2, handle);
  world_.network().run_for(1s);
  world_.network().start([&] {
    stores_.session(maker).close();
    mortal_.close_now(maker);
  });
  world_.network().run_for(1s);
  for (const auto& told : {at_node_peer, at_maker}) {
    ASSERT_TRUE(told->got);
    EXPECT_EQ(code_of(*told->got), Errc::broken_promise);
  }
}

TEST_F(PromiseBetweenNodes, WaitsEndWhenTheirOwnRankCloses) {
  auto promise = this->promise();
  const auto told = wait(2, promise.proxy().handle());
  world_.network().run_for(100ms);
  world_.network().start([&] {
    stores_.session(2).close();
    mortal_.close_now(2);
  });
  world_.network().run_for(1s);
  ASSERT_TRUE(told->got);
  EXPECT_EQ(code_of(*told->got), Errc::closed);
}

// Handles and requests that no correct rank makes.
TEST_F(PromiseBetweenNodes, RefusesWhatNobodyPromised) {
  auto promise = this->promise();
  const Key key = promise.proxy().key();
  const Key real = store(maker).put(1.0).value();
  for (const Key& wrong :
       {Key{key.store, 1, key.serial}, Key{key.store, 4, key.serial}, Key{key.store + 1, 0, key.serial},
        Key{key.store, 0, key.serial + 1}, Key{key.store, 99, key.serial}, promised_by(real)}) {
    Handle handle = promise.proxy().handle();
    handle.key = wrong;
    handle.stamp();
    const auto told = wait(2, handle);
    world_.network().run_for(1s);
    ASSERT_TRUE(told->got) << wrong;
    EXPECT_TRUE(code_of(*told->got) == Errc::not_found || code_of(*told->got) == Errc::invalid_argument)
        << wrong << ' ' << told->got->error();
  }
  // The name of a promise of another node, requested here; and the name of a local promise, bound by another
  // node.
  std::string name;
  for (std::uint32_t nonce = 0; name.empty() || world_.home(key.store, name) != 0; ++nonce) {
    name = promised_name(Key{key.store, 2, key.serial}, nonce);
  }
  const auto& client = *world_.rank(4).links->client();
  Result<NodeReply> reply = Error(Errc::timeout, "");
  Errc bound{};
  world_.network().start([&] {
    bound = code_of(
        tests::put(world_.connector(4), key.store, world_.connector(4).name_of(key), tests::pattern(1, 10)));
    const AwaitWords asked{.store = key.store, .patience_ns = 1'000'000'000};
    reply = ask(client, 0, Kind::await, words(asked), {std::as_bytes(std::span(name)), nullptr},
                world_.network().now() + 10s);
  });
  world_.network().run_for(5s);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Errc::invalid_argument) << reply.error();
  EXPECT_EQ(bound, Errc::invalid_argument);
  EXPECT_TRUE(promise.set(std::vector<double>{1})) << "it has not changed";
}

}  // namespace
}  // namespace locum::tests
