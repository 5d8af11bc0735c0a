// Promises that ranks of other nodes wait for: on a simulated network, whose ranks may die at any step.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/message.hpp"
#include "core/options.hpp"
#include "core/promise.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/mortal_nodes.hpp"
#include "tests/core/simulated_nodes.hpp"

namespace locum::testing {
namespace {

using namespace std::chrono_literals;
using tests::MortalNodes;
using tests::PlainNode;
using tests::SimulatedNodes;

template <class V>
Errc code_of(const Result<V>& result) {
  return result ? Errc{} : result.error().code();
}

/// Three nodes of two ranks, a millisecond apart. Rank 0 promises, all others wait; rank 1 is of its node.
class PromiseBetweenNodes : public ::testing::Test {
 protected:
  static constexpr int maker = 0;
  static constexpr auto patience = 5s;

  struct Member {
    std::shared_ptr<Session> session;
    std::optional<Store> store;
  };
  /// What somebody was told, and when.
  struct Told {
    std::optional<Result<View<double[]>>> got;
    Deadline::Clock::time_point at;
  };

  PromiseBetweenNodes() {
    for (int rank = 0; rank < world_.size(); ++rank) {
      auto session = std::make_shared<Session>(world_.rank(rank).connector, world_.rank(rank).metrics,
                                               SessionOptions{.rank = rank}, world_.arrivals(rank));
      auto store = session->open("fields").value();
      members_.push_back({std::move(session), std::move(store)});
    }
    world_.network().run_for(1s);
    for (int node = 0; node < 3; ++node) {
      at_first_.push_back(world_.rank(2 * node).node->levels());
    }
  }
  ~PromiseBetweenNodes() override {
    for (const Member& member : members_) {
      member.session->close();
    }
  }

  [[nodiscard]] Store& store(int rank) { return *members_.at(static_cast<std::size_t>(rank)).store; }
  [[nodiscard]] Proxy<double[]> stand_in(int rank, const Handle& handle) {
    return members_.at(static_cast<std::size_t>(rank)).session->proxy<double[]>(handle);
  }
  [[nodiscard]] Promise<double[]> promise() { return store(maker).promise<double[]>().value(); }
  /// That rank waits for it from now on, in a program of its own.
  [[nodiscard]] std::shared_ptr<Told> wait(int rank, const Handle& handle, std::chrono::seconds time = 60s) {
    auto told = std::make_shared<Told>();
    world_.network().start([this, rank, handle, time, told] {
      told->got = stand_in(rank, handle).get(world_.network().now() + time);
      told->at = world_.network().now();
    });
    return told;
  }
  void set_after(std::chrono::nanoseconds time, Promise<double[]>& promise, std::vector<double> value) {
    world_.network().after(time, [this, &promise, value = std::move(value)] {
      world_.network().start([&promise, value] { EXPECT_TRUE(promise.set(value)); });
    });
  }
  void expect_nothing_left(const std::vector<int>& nodes) {
    world_.network().run_for(20s);
    for (int rank = 0; rank < world_.size(); ++rank) {
      if (!mortal_.is_gone(rank)) {
        (void)world_.connector(rank).usage();
      }
    }
    for (const int node : nodes) {
      EXPECT_EQ(world_.rank(2 * node).node->levels(), at_first_[static_cast<std::size_t>(node)]) << node;
      EXPECT_EQ(world_.rank(2 * node).links->awaited(), 0U) << node;
    }
  }

  MortalNodes mortal_{
      {.nodes = {.nodes = 3, .ranks_per_node = 2, .window_bytes = 1'000'000, .patience = patience},
       .network = {.latency = {1ms, 1ms}}}};
  SimulatedNodes& world_ = mortal_.world();
  std::vector<Member> members_;
  std::vector<PlainNode::Levels> at_first_;
};

TEST_F(PromiseBetweenNodes, IsPushedToWhoWaits) {
  auto promise = this->promise();
  const auto began = world_.network().now();
  set_after(500ms, promise, {1, 2, 3});  // before anybody is asked whether he lives
  std::shared_ptr<Told> told;
  const std::uint64_t messages = world_.messages_of([&] {
    told = wait(2, promise.proxy().handle());
    world_.network().run_for(10s);
  });
  ASSERT_TRUE(told->got && *told->got) << told->got->error();
  EXPECT_EQ((**told->got)[2], 3.0);
  EXPECT_EQ(messages, 2U) << "it asks once, and is told once";
  EXPECT_GE(told->at - began, 500ms);
  EXPECT_LE(told->at - began, 502ms) << "as soon as the word is there";
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
    std::vector<std::shared_ptr<Told>> all;
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
  ASSERT_TRUE(told->got) << "it waits for what will never come";
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
    EXPECT_EQ(store(2).get<double[]>(key, {.offset = 10, .count = 5})->size(), 5U);
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

// One waits at the rank that dies, the other at its mate.
TEST_F(PromiseBetweenNodes, EndsWithItsMaker) {
  auto promise = this->promise();
  const Handle handle = promise.proxy().handle();
  const std::vector<std::shared_ptr<Told>> all{wait(2, handle, 60s), wait(3, handle, 60s),
                                               wait(4, handle, 60s)};
  world_.network().run_for(1s);
  const auto died = world_.network().now();
  mortal_.kill(maker);
  world_.network().run_for(20s);
  for (const auto& told : all) {
    ASSERT_TRUE(told->got) << "somebody waits for a dead rank";
    EXPECT_EQ(code_of(*told->got), Errc::peer_lost);
    EXPECT_LE(told->at - died, patience + patience / 5 + 500ms);
  }
  const auto late = wait(5, handle);
  world_.network().run_for(10s);
  ASSERT_TRUE(late->got);
  EXPECT_EQ(code_of(*late->got), Errc::peer_lost);
}

// Asked for at a mate of the maker, which lives on.
TEST_F(PromiseBetweenNodes, EndsAtTheMateThatKeepsTheWait) {
  auto promise = this->promise();
  const Key key = promise.proxy().key();
  const std::string name = world_.connector(maker).name_of(key);
  std::optional<Errc> told;
  Deadline::Clock::time_point at;
  world_.network().start([&] {
    const AwaitWords asked{.store = key.store, .patience_ns = 60'000'000'000};
    const auto& client = *world_.rank(3).links->client();  // which asks rank 1 first
    told = code_of(client.ask(0, Kind::await, words(asked), {std::as_bytes(std::span(name)), nullptr},
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

TEST_F(PromiseBetweenNodes, EndsWithTheNodeOfItsMaker) {
  auto promise = this->promise();
  const auto told = wait(2, promise.proxy().handle());
  world_.network().run_for(1s);
  mortal_.kill_node(0);
  world_.network().run_for(20s);
  ASSERT_TRUE(told->got);
  EXPECT_EQ(code_of(*told->got), Errc::peer_lost);
}

TEST_F(PromiseBetweenNodes, OfADeadRankThatWasSetIsThere) {
  auto promise = this->promise();
  ASSERT_TRUE(promise.set(std::vector<double>{1}));
  mortal_.kill(maker);
  const auto told = wait(2, promise.proxy().handle());
  world_.network().run_for(20s);
  ASSERT_TRUE(told->got && *told->got);
  EXPECT_EQ((**told->got)[0], 1.0);
}

TEST_F(PromiseBetweenNodes, ADeadWaiterIsForgotten) {
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

// Nobody waits for it, and it comes.
TEST_F(PromiseBetweenNodes, IsAFutureForWhoDoesNotWait) {
  auto promise = store(maker).promise<double[]>().value();
  const Handle handle = promise.proxy().handle();
  const auto far = stand_in(2, handle);
  const auto coming = far.get_async();
  const auto in_vain = far.get_async(world_.network().now() + 1s);
  const auto here = stand_in(maker, handle).get_async();
  world_.network().run_for(2s);
  EXPECT_FALSE(coming.ready());
  ASSERT_TRUE(in_vain.ready());
  EXPECT_EQ(code_of(in_vain.get()), Errc::timeout);
  EXPECT_EQ(code_of(here.get()), Errc::unsupported) << "on the promise's own node";
  ASSERT_TRUE(promise.set(std::vector<double>(10, 3.0)));
  world_.network().run_for(10ms);
  ASSERT_TRUE(coming.ready());
  EXPECT_EQ((*coming.get())[9], 3.0);
  EXPECT_TRUE(far.ready()) << "the stand-in is resolved";
  EXPECT_EQ((*stand_in(maker, handle).get_async().get())[9], 3.0) << "set before";
  const auto gone = stand_in(2, store(maker).promise<double[]>().value().proxy().handle()).get_async();
  world_.network().run_for(10ms);
  EXPECT_EQ(code_of(gone.get()), Errc::broken_promise);
}

TEST_F(PromiseBetweenNodes, IsFetchedAheadOnceItIsSet) {
  auto promise = this->promise();
  const auto waiting = stand_in(2, promise.proxy().handle());
  waiting.prefetch();
  world_.network().run_for(1s);
  EXPECT_FALSE(waiting.ready());
  EXPECT_EQ(code_of(waiting.try_get()), Errc::timeout);
  ASSERT_TRUE(promise.set(std::vector<double>(100'000, 3.0)));
  world_.network().run_for(1s);
  ASSERT_TRUE(waiting.ready());
  const std::uint64_t messages = world_.messages_of([&] { EXPECT_EQ((*waiting)[99'999], 3.0); });
  EXPECT_EQ(messages, 0U);
}

// What has been set counts in the window as anything that is fetched ahead; what somebody waits for does not
// wait for that.
TEST_F(PromiseBetweenNodes, TakesItsTurnOnceItIsSet) {
  std::vector<Promise<double[]>> promises;
  std::vector<Proxy<double[]>> ahead;
  for (int i = 0; i < 3; ++i) {
    promises.push_back(promise());
    ahead.push_back(stand_in(2, promises.back().proxy().handle()));
    ahead.back().prefetch();
  }
  world_.network().run_for(100ms);
  for (auto& promise : promises) {
    ASSERT_TRUE(promise.set(std::vector<double>(100'000, 1.0)));
  }
  world_.network().run_for(1s);
  const auto ready = [&] {
    return std::ranges::count_if(ahead, [](const auto& one) { return one.ready(); });
  };
  EXPECT_EQ(ready(), 1) << "one fits";
  EXPECT_EQ((*ahead[2])[0], 1.0) << "waited for";
  world_.network().run_for(1s);
  for (const auto& one : ahead) {
    EXPECT_EQ((*one)[99'999], 1.0);
    one.release();
  }
  EXPECT_EQ(world_.rank(2).links->window(CountsUntil::it_is_used)->levels(), Window::Levels{});
}

// A thread waits before it is set, and the window is full when it is.
TEST_F(PromiseBetweenNodes, ComesAtOnceForWhoWaits) {
  auto full = promise();
  auto late = promise();
  const auto first = stand_in(2, full.proxy().handle());
  const auto second = stand_in(2, late.proxy().handle());
  first.prefetch();
  second.prefetch();
  world_.network().run_for(100ms);
  ASSERT_TRUE(full.set(std::vector<double>(100'000, 1.0)));
  world_.network().run_for(100ms);
  ASSERT_TRUE(first.ready());
  std::optional<Errc> told;
  world_.network().start([&] { told = code_of(second.get(world_.network().now() + 10s)); });
  world_.network().run_for(100ms);
  ASSERT_TRUE(late.set(std::vector<double>(100'000, 2.0)));
  world_.network().run_for(100ms);
  ASSERT_TRUE(told) << "it waits for the window";
  EXPECT_EQ(*told, Errc{});
}

// More than a rank may have kept at another one: the rest is asked for when it is needed.
TEST_F(PromiseBetweenNodes, MayBeWaitedForInAnyNumber) {
  std::vector<Promise<double[]>> promises;
  std::vector<Proxy<double[]>> ahead;
  for (int i = 0; i < 2000; ++i) {
    promises.push_back(promise());
    ahead.push_back(stand_in(2, promises.back().proxy().handle()));
    ahead.back().prefetch();
  }
  world_.network().run_for(100ms);
  const auto told = wait(2, promises.back().proxy().handle());
  world_.network().run_for(100ms);
  for (auto& promise : promises) {
    ASSERT_TRUE(promise.set(std::vector<double>{1}));
  }
  world_.network().run_for(100ms);
  ASSERT_TRUE(told->got && *told->got);
  for (const auto& one : ahead) {
    ASSERT_EQ((*one)[0], 1.0);
  }
}

// Promises that are never set take no place of what can come.
TEST_F(PromiseBetweenNodes, KeepsNobodyFromComing) {
  std::vector<Promise<double[]>> promises;
  std::vector<Proxy<double[]>> unset;
  for (int i = 0; i < 900; ++i) {
    promises.push_back(promise());
    unset.push_back(stand_in(2, promises.back().proxy().handle()));
    unset.back().prefetch();
  }
  std::vector<Proxy<double[]>> others;
  for (int i = 0; i < 1000; ++i) {
    const auto made = store(maker).put_proxy(std::vector<double>{double(i)}).value();
    others.push_back(stand_in(2, made.handle()));
    others.back().prefetch();
  }
  world_.network().run_for(2s);
  for (const auto& other : others) {
    EXPECT_TRUE(other.ready());
  }
  EXPECT_EQ(world_.rank(2).links->window(CountsUntil::it_is_used)->levels().under_way, 0U);
}

// A stand-in that is let go of while it waits leaves nothing, before and after the promise is set.
TEST_F(PromiseBetweenNodes, ACancelledWaitLeavesNothing) {
  for (int steps = 0; steps < 20; ++steps) {
    auto promise = this->promise();
    auto waiting = stand_in(2, promise.proxy().handle());
    waiting.prefetch();
    if (steps % 2 == 0) {
      world_.network().run_for(10ms);
      ASSERT_TRUE(promise.set(std::vector<double>(10'000, 1.0)));
    }
    for (int step = 0; step < steps; ++step) {
      (void)world_.network().step();
    }
    waiting.release();
    if (steps % 2 != 0) {
      world_.network().run_for(10ms);
      ASSERT_TRUE(promise.set(std::vector<double>(10'000, 1.0)));
    }
    world_.network().run_for(1s);
    EXPECT_TRUE(store(maker).evict(promise.proxy().key()).value());
  }
  expect_nothing_left({0, 1});
  EXPECT_EQ(world_.rank(2).links->window(CountsUntil::it_is_used)->levels(), Window::Levels{});
}

TEST_F(PromiseBetweenNodes, BreaksWhenItsSessionCloses) {
  auto promise = this->promise();
  const Handle handle = promise.proxy().handle();
  const auto at_mate = wait(3, handle);
  const auto at_maker = wait(2, handle);
  world_.network().run_for(1s);
  world_.network().start([&] {
    members_[maker].session->close();
    mortal_.close_now(maker);
  });
  world_.network().run_for(1s);
  for (const auto& told : {at_mate, at_maker}) {
    ASSERT_TRUE(told->got);
    EXPECT_EQ(code_of(*told->got), Errc::broken_promise);
  }
}

TEST_F(PromiseBetweenNodes, WaitsEndWhenTheirOwnRankCloses) {
  auto promise = this->promise();
  const auto told = wait(2, promise.proxy().handle());
  world_.network().run_for(100ms);
  world_.network().start([&] {
    members_[2].session->close();
    mortal_.close_now(2);
  });
  world_.network().run_for(1s);
  ASSERT_TRUE(told->got);
  EXPECT_EQ(code_of(*told->got), Errc::closed);
}

// Handles and questions that no rank makes.
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
  // The name of a promise of another node, asked for here; and that of one of here, bound by another node.
  std::string name;
  for (std::uint32_t nonce = 0; name.empty() || world_.home(key.store, name) != 0; ++nonce) {
    name = promised_name(Key{key.store, 2, key.serial}, nonce);
  }
  const auto& client = *world_.rank(4).links->client();
  Result<NodeAnswer> answer = Error(Errc::timeout, "");
  Errc bound{};
  world_.network().start([&] {
    bound = code_of(put(world_.connector(4), key.store, world_.connector(4).name_of(key), pattern(1, 10)));
    const AwaitWords asked{.store = key.store, .patience_ns = 1'000'000'000};
    answer = client.ask(0, Kind::await, words(asked), {std::as_bytes(std::span(name)), nullptr},
                        world_.network().now() + 10s);
  });
  world_.network().run_for(5s);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Errc::invalid_argument) << answer.error();
  EXPECT_EQ(bound, Errc::invalid_argument);
  EXPECT_TRUE(promise.set(std::vector<double>{1})) << "nothing of it has changed";
}

// The maker dies after each event of a run in which it sets its promise: who waits gets the value or learns
// of the death, everybody the same.
TEST_F(PromiseBetweenNodes, IsSetOrLostWheneverItsMakerDies) {
  int set = 0;
  int lost = 0;
  for (int events = 0; events < 40; ++events) {
    MortalNodes mortal({.nodes = {.nodes = 2, .ranks_per_node = 2, .patience = patience},
                        .network = {.latency = {1ms, 1ms}}});
    SimulatedNodes& world = mortal.world();
    std::vector<std::shared_ptr<Session>> sessions;
    std::vector<Store> stores;
    for (int rank = 0; rank < world.size(); ++rank) {
      sessions.push_back(std::make_shared<Session>(world.rank(rank).connector, world.rank(rank).metrics,
                                                   SessionOptions{.rank = rank}, world.arrivals(rank)));
      stores.push_back(sessions.back()->open("fields").value());
    }
    auto promise = stores[maker].promise<double[]>("named").value();
    std::vector<Errc> codes(2, Errc::timeout);
    int ended = 0;
    for (const std::size_t waiter : {2U, 3U}) {
      world.network().start([&, waiter] {
        const auto got =
            sessions[waiter]->proxy<double[]>(promise.proxy().handle()).get(world.network().now() + 60s);
        codes[waiter - 2] = code_of(got);
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
    for (const auto& session : sessions) {
      session->close();
    }
  }
  EXPECT_GT(set, 0);
  EXPECT_GT(lost, 0);
}

}  // namespace
}  // namespace locum::testing
