// Futures and prefetches of promises, on a simulated network.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/promise.hpp"
#include "core/server/remote_waits.hpp"
#include "core/value/options.hpp"
#include "tests/core/promise_nodes.hpp"

namespace locum::tests {
namespace {

using PromiseAhead = PromiseNodes;

// It arrives although no thread waits for it.
TEST_F(PromiseAhead, IsAFutureForWhoDoesNotWait) {
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
  EXPECT_FALSE(here.ready());
  ASSERT_TRUE(promise.set(std::vector<double>(10, 3.0)));
  world_.network().run_for(10ms);
  ASSERT_TRUE(coming.ready());
  EXPECT_EQ((*coming.get())[9], 3.0);
  EXPECT_TRUE(far.ready()) << "the stand-in is resolved";
  ASSERT_TRUE(here.ready()) << "on the promise's own node";
  EXPECT_EQ((*here.get())[9], 3.0);
  EXPECT_EQ((*stand_in(maker, handle).get_async().get())[9], 3.0) << "set before";
  auto unset = store(maker).promise<double[]>().value();
  const auto gone = stand_in(2, unset.proxy().handle()).get_async();
  unset = {};
  world_.network().run_for(10ms);
  EXPECT_EQ(code_of(gone.get()), Errc::broken_promise);
}

TEST_F(PromiseAhead, IsFetchedAheadOnceItIsSet) {
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

// Wherever it is prefetched: at its maker, at a rank of the same node, on another node.
TEST_F(PromiseAhead, IsReadyOnEveryNodeOnceItIsSet) {
  auto unnamed = promise();
  auto named = store(maker).promise<double[]>("named").value();
  std::vector<Proxy<double[]>> ahead;
  for (const int rank : {maker, 1, 2}) {
    for (const Handle& handle : {unnamed.proxy().handle(), named.proxy().handle()}) {
      ahead.push_back(stand_in(rank, handle));
      ahead.back().prefetch();
    }
  }
  world_.network().run_for(1s);
  EXPECT_TRUE(std::ranges::none_of(ahead, [](const auto& one) { return one.ready(); }));
  set_after(0ms, unnamed, {3});
  set_after(0ms, named, {3});
  world_.network().run_for(1s);
  for (std::size_t at = 0; at < ahead.size(); ++at) {
    ASSERT_TRUE(ahead[at].ready()) << at;
    EXPECT_EQ(world_.messages_of([&] { EXPECT_EQ((*ahead[at])[0], 3.0); }), 0U) << at;
  }
  for (const int rank : {maker, 1}) {
    EXPECT_EQ(world_.rank(rank).links->window(CountsUntil::it_is_used)->levels(), Window::Levels{});
    EXPECT_EQ(world_.rank(rank).links->waits()->size(), 0U);
  }
}

// The home's reply is reused: those that wait do not ask again one by one.
TEST_F(PromiseAhead, CostsNoMoreMessagesThanThreadsWhereItIsLarge) {
  constexpr int number = 100;
  auto for_threads = promise();
  auto for_futures = promise();
  std::vector<std::shared_ptr<WaitOutcome>> threads;
  std::vector<Future<double[]>> futures;
  set_after(100ms, for_threads, std::vector<double>(100'000, 3.0));
  const std::uint64_t of_threads = world_.messages_of([&] {
    for (int i = 0; i < number; ++i) {
      threads.push_back(wait(2, for_threads.proxy().handle()));
    }
    world_.network().run_for(2s);
  });
  set_after(100ms, for_futures, std::vector<double>(100'000, 3.0));
  const std::uint64_t of_futures = world_.messages_of([&] {
    for (int i = 0; i < number; ++i) {
      futures.push_back(stand_in(2, for_futures.proxy().handle()).get_async());
    }
    world_.network().run_for(150ms);
    EXPECT_TRUE(when_all(futures)) << "each counts in the window, which has room for one";
  });
  for (const auto& told : threads) {
    ASSERT_TRUE(told->got && *told->got);
  }
  for (const auto& future : futures) {
    ASSERT_TRUE(future.ready());
    EXPECT_EQ((*future.get())[99'999], 3.0);
  }
  EXPECT_EQ(of_futures, of_threads);
  EXPECT_LE(of_futures, 10U);
}

// A prefetched promise counts in the window once it is set; one that a thread waits for does not wait for the
// window.
TEST_F(PromiseAhead, TakesItsTurnOnceItIsSet) {
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
  EXPECT_EQ((*ahead[2])[0], 1.0) << "a thread waited for it";
  world_.network().run_for(1s);
  for (const auto& one : ahead) {
    EXPECT_EQ((*one)[99'999], 1.0);
    one.release();
  }
  EXPECT_EQ(world_.rank(2).links->window(CountsUntil::it_is_used)->levels(), Window::Levels{});
}

// A thread waits before it is set; the window is full when it is set.
TEST_F(PromiseAhead, ComesAtOnceForWhoWaits) {
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

// More than a rank may register at another one: the rest is requested when it is needed.
TEST_F(PromiseAhead, MayBeWaitedForInAnyNumber) {
  std::vector<Promise<double[]>> promises;
  std::vector<Proxy<double[]>> ahead;
  for (std::size_t i = 0; i < RemoteWaits::most_ahead + 100; ++i) {
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

// Promises that are never set take no room in the window.
TEST_F(PromiseAhead, KeepsNobodyFromComing) {
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

// A stand-in that is released while it waits leaves nothing, before and after the promise is set.
TEST_F(PromiseAhead, ACancelledWaitLeavesNothing) {
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

}  // namespace
}  // namespace locum::tests
