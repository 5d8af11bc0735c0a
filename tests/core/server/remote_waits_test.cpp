// However many threads of a rank wait for a promise, it costs one request; a promise of the own node is
// awaited in the same way: on a simulated network.
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
#include "tests/core/promise_nodes.hpp"

namespace locum::tests {
namespace {

class PromiseWaiting : public PromiseNodes {
 protected:
  using Futures = std::vector<Future<double[]>>;

  [[nodiscard]] Futures ask_for(int number, int rank, const Handle& handle, Deadline deadline = {}) {
    Futures all;
    for (int i = 0; i < number; ++i) {
      all.push_back(stand_in(rank, handle).get_async(deadline));
    }
    return all;
  }
  [[nodiscard]] Deadline in(std::chrono::nanoseconds time) { return world_.network().now() + time; }
  [[nodiscard]] std::size_t waits_of(int rank) { return world_.rank(rank).links->waits()->size(); }
};

TEST_F(PromiseWaiting, OfAThousandInARankCostsOneQuestion) {
  auto promise = this->promise();
  const Handle handle = promise.proxy().handle();
  set_after(500ms, promise, {1, 2, 3});
  std::vector<std::shared_ptr<WaitOutcome>> threads;
  Futures futures;
  std::vector<Proxy<double[]>> ahead;
  const std::uint64_t messages = world_.messages_of([&] {
    for (int i = 0; i < 20; ++i) {
      threads.push_back(wait(2, handle));
    }
    futures = ask_for(900, 2, handle);
    for (int i = 0; i < 80; ++i) {
      ahead.push_back(stand_in(2, handle));
      ahead.back().prefetch();
    }
    world_.network().run_for(2s);
  });
  EXPECT_EQ(messages, 2U);
  for (const auto& told : threads) {
    ASSERT_TRUE(told->got && *told->got);
    EXPECT_EQ((**told->got)[2], 3.0);
  }
  for (const auto& future : futures) {
    ASSERT_TRUE(future.ready());
    EXPECT_EQ((*future.get())[2], 3.0);
  }
  for (const auto& one : ahead) {
    EXPECT_TRUE(one.ready());
    EXPECT_EQ((*one)[2], 3.0);
  }
  EXPECT_EQ(waits_of(2), 0U);
}

TEST_F(PromiseWaiting, EachWaitsUntilItsOwnDeadline) {
  auto promise = this->promise();
  const Handle handle = promise.proxy().handle();
  const auto soon = stand_in(2, handle).get_async(in(1s));
  const auto later = stand_in(2, handle).get_async(in(3s));
  const auto thread = wait(2, handle, 4s);
  const auto in_time = wait(2, handle, 60s);
  world_.network().run_for(1001ms);
  EXPECT_TRUE(soon.ready());
  EXPECT_FALSE(later.ready());
  world_.network().run_for(2s);
  EXPECT_TRUE(later.ready());
  EXPECT_FALSE(thread->got);
  world_.network().run_for(1s);
  ASSERT_TRUE(thread->got);
  for (const Errc code : {code_of(soon.get()), code_of(later.get()), code_of(*thread->got)}) {
    EXPECT_EQ(code, Errc::timeout);
  }
  EXPECT_FALSE(in_time->got);
  EXPECT_EQ(waits_of(2), 1U);
  ASSERT_TRUE(promise.set(std::vector<double>{5}));
  world_.network().run_for(10ms);
  ASSERT_TRUE(in_time->got && *in_time->got) << "the request of the first was repeated";
  EXPECT_EQ((**in_time->got)[0], 5.0);
}

// The request was sent for the first one that waits.
TEST_F(PromiseWaiting, GoesOnForTheOthersWhereOneIsCancelled) {
  auto promise = this->promise();
  const Handle handle = promise.proxy().handle();
  auto first = stand_in(2, handle).get_async();
  const auto second = stand_in(2, handle).get_async();
  world_.network().run_for(100ms);
  first.cancel();
  world_.network().run_for(2s);
  EXPECT_EQ(code_of(first.get()), Errc::cancelled);
  EXPECT_FALSE(second.ready());
  ASSERT_TRUE(promise.set(std::vector<double>{5}));
  world_.network().run_for(10ms);
  ASSERT_TRUE(second.ready());
  EXPECT_EQ((*second.get())[0], 5.0);
}

TEST_F(PromiseWaiting, IsForgottenWhereNobodyWaitsAnyMore) {
  auto promise = this->promise();
  for (const int rank : {maker, 1, 2}) {
    auto futures = ask_for(3, rank, promise.proxy().handle());
    stand_in(rank, promise.proxy().handle()).prefetch();
    world_.network().run_for(100ms);
    EXPECT_EQ(waits_of(rank), 1U) << rank;
    futures[0].cancel();
    futures.clear();
    world_.network().run_for(patience / 5 + 1ms);
    EXPECT_EQ(waits_of(rank), 0U) << rank;
  }
}

// Also if another rank of the node is the maker: no message, and no thread of the maker.
TEST_F(PromiseWaiting, OnTheMakersNodeNeedsNoMessage) {
  for (const int rank : {maker, 1}) {
    auto promise = this->promise();
    const auto at_first = waits_of(rank);
    Futures futures;
    EXPECT_EQ(world_.messages_of([&] {
      futures = ask_for(100, rank, promise.proxy().handle());
      const auto sum = futures[7].then([](const Result<View<double[]>>& view) { return (*view)[1] + 1.0; });
      world_.network().run_for(3s);
      EXPECT_FALSE(futures[0].ready());
      EXPECT_EQ(waits_of(rank), at_first + 1);
      EXPECT_TRUE(promise.set(std::vector<double>{4, 5}));
      world_.network().run_for(10ms);
      EXPECT_TRUE(futures[0].ready()) << rank;
      EXPECT_EQ(*sum.get(), 6.0);
    }),
              0U);
    for (const auto& future : futures) {
      EXPECT_EQ((*future.get())[1], 5.0);
    }
    EXPECT_EQ(waits_of(rank), 0U);
  }
}

TEST_F(PromiseWaiting, OnTheMakersNodeEndsInEveryWay) {
  for (const int rank : {maker, 1}) {
    std::optional<Promise<double[]>> broken = this->promise();
    const auto of_broken = stand_in(rank, broken->proxy().handle()).get_async();
    auto late = this->promise();
    const auto in_vain = stand_in(rank, late.proxy().handle()).get_async(in(1s));
    auto named = store(maker).promise<double[]>("named" + std::to_string(rank)).value();
    const auto of_named = stand_in(rank, named.proxy().handle()).get_async();
    auto evicted = this->promise();
    const Handle gone = evicted.proxy().handle();
    ASSERT_TRUE(evicted.set(std::vector<double>{1}));
    ASSERT_TRUE(store(maker).evict(gone.key).value());
    const auto of_gone = stand_in(rank, gone).get_async();
    broken.reset();
    set_after(0ms, named, {8});
    world_.network().run_for(1001ms);
    EXPECT_EQ(code_of(of_broken.get()), Errc::broken_promise);
    EXPECT_EQ(code_of(in_vain.get()), Errc::timeout);
    EXPECT_EQ(code_of(of_gone.get()), Errc::not_found);
    ASSERT_TRUE(of_named.ready());
    EXPECT_EQ((*of_named.get())[0], 8.0);
  }
}

TEST_F(PromiseWaiting, AtAMateOfTheMakerEndsWithIt) {
  auto promise = this->promise();
  const auto future = stand_in(1, promise.proxy().handle()).get_async(in(60s));
  world_.network().run_for(100ms);
  mortal_.kill(maker);
  world_.network().run_for(patience / 5 + 500ms);
  ASSERT_TRUE(future.ready());
  EXPECT_EQ(code_of(future.get()), Errc::peer_lost);
}

TEST_F(PromiseWaiting, EndsWhenItsOwnRankCloses) {
  auto promise = this->promise();
  for (const int rank : {1, 2}) {
    const auto future = stand_in(rank, promise.proxy().handle()).get_async();
    world_.network().run_for(100ms);
    world_.network().start([&] {
      stores_.session(rank).close();
      mortal_.close_now(rank);
    });
    world_.network().run_for(1s);
    ASSERT_TRUE(future.ready());
    EXPECT_EQ(code_of(future.get()), Errc::closed) << rank;
  }
}

// A refused wait fails with an error; a thread may wait nevertheless.
TEST_F(PromiseWaiting, OfVeryManyIsRefusedHonestly) {
  constexpr std::size_t beyond = 10;
  std::vector<Promise<double[]>> promises;
  Futures futures;
  for (std::size_t i = 0; i < RemoteWaits::most_ahead + beyond; ++i) {
    promises.push_back(promise());
    futures.push_back(stand_in(2, promises.back().proxy().handle()).get_async());
  }
  const auto told = wait(2, promises.back().proxy().handle());
  world_.network().run_for(100ms);
  EXPECT_EQ(std::ranges::count_if(futures, [](const auto& future) { return future.ready(); }), beyond);
  EXPECT_EQ(code_of(futures.back().get()), Errc::out_of_memory);
  for (auto& promise : promises) {
    ASSERT_TRUE(promise.set(std::vector<double>{1}));
  }
  world_.network().run_for(100ms);
  EXPECT_TRUE(told->got && *told->got);
  EXPECT_EQ(std::ranges::count_if(futures, [](const auto& future) { return future.ready() && future.get(); }),
            static_cast<std::ptrdiff_t>(RemoteWaits::most_ahead));
}

TEST_F(PromiseWaiting, OfTheOwnNodeDoesNotCountAmongThose) {
  std::vector<Promise<double[]>> own;
  Futures futures;
  for (std::size_t i = 0; i < RemoteWaits::most_ahead; ++i) {
    own.push_back(promise());
    futures.push_back(stand_in(1, own.back().proxy().handle()).get_async());
  }
  auto far = store(2).promise<double[]>().value();
  futures.push_back(stand_in(1, far.proxy().handle()).get_async());
  world_.network().run_for(100ms);
  EXPECT_FALSE(futures.back().ready());
  ASSERT_TRUE(far.set(std::vector<double>{1}));
  world_.network().run_for(100ms);
  EXPECT_TRUE(futures.back().ready() && futures.back().get());
}

// A promise that is set is looked up by its name; all awaited ones are looked up only at times.
TEST_F(PromiseWaiting, CostsAsManyLooksAsAreSetInARow) {
  constexpr std::size_t number = 1000;
  std::vector<Promise<double[]>> promises;
  Futures futures;
  for (std::size_t i = 0; i < number; ++i) {
    promises.push_back(promise());
    for (const int rank : {maker, 1, 2}) {
      futures.push_back(stand_in(rank, promises.back().proxy().handle()).get_async());
    }
  }
  world_.network().run_for(100ms);
  const std::uint64_t before = world_.rank(maker).node->watches();
  for (auto& promise : promises) {
    ASSERT_TRUE(promise.set(std::vector<double>{1}));
  }
  world_.network().run_for(100ms);
  for (const auto& future : futures) {
    ASSERT_TRUE(future.ready() && future.get());
  }
  // Once for each that waits, and once for the alarm's check of all of this rank and of other ranks'
  // requests.
  EXPECT_LE(world_.rank(maker).node->watches() - before, 5 * number);
}

// A forged handle: wherever the name's home is, there is no such rank.
TEST_F(PromiseWaiting, OfAMakerThatThereIsNotEndsAtOnce) {
  auto promise = this->promise();
  for (const std::uint32_t creator : {6U, 77U, 0x7FFF'FFFFU, 0x8000'0000U, ~0U}) {
    for (std::uint64_t serial = 1; serial < 8; ++serial) {
      Handle handle = promise.proxy().handle();
      handle.key = promised_by({handle.key.store, creator, serial});
      handle.stamp();
      const auto future = stand_in(2, handle).get_async();
      const auto told = wait(2, handle);
      world_.network().run_for(100ms);
      ASSERT_TRUE(future.ready() && told->got) << handle.key;
      EXPECT_EQ(code_of(future.get()), Errc::not_found);
      EXPECT_EQ(code_of(*told->got), Errc::not_found);
    }
  }
}

}  // namespace
}  // namespace locum::tests
