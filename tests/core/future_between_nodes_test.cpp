// Futures of objects of other nodes: any number concurrently, and their results after a cancellation, a death
// or a close.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/store.hpp"
#include "core/value/options.hpp"
#include "tests/core/future_nodes.hpp"
#include "tests/core/queue_transport.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;
using tests::code_of;
using tests::session_of;

/// Two nodes of two ranks, with a latency of a millisecond. Rank 0 makes objects, rank 2 requests them.
class FutureBetweenNodes : public tests::FutureNodes {};

TEST_F(FutureBetweenNodes, BringsObjectsByKeyAndByName) {
  const Key key = put(1);
  ASSERT_TRUE(maker_.put(world_.name_at(0, reader_.number(), "away"), std::vector<double>(count, 2.0)));
  ASSERT_TRUE(maker_.put(world_.name_at(1, reader_.number(), "here"), std::vector<double>(count, 3.0)));
  std::vector<Future<double[]>> parts{
      reader_.get_async<double[]>(key),
      reader_.get_async<double[]>(world_.name_at(0, reader_.number(), "away")),
      reader_.get_async<double[]>(world_.name_at(1, reader_.number(), "here")),
      reader_.get_async<double[]>("nothing")};
  for (const auto& part : parts) {
    EXPECT_FALSE(part.ready());
  }
  world_.network().run_for(100ms);  // no thread calls the library
  for (std::size_t at = 0; at < 3; ++at) {
    ASSERT_TRUE(parts[at].ready());
    EXPECT_EQ((*parts[at].get())[count - 1], 1.0 + static_cast<double>(at));
  }
  EXPECT_EQ(code_of(parts[3].get()), Errc::not_found);
}

TEST_F(FutureBetweenNodes, BringsWhatObjectsSayAndNames) {
  const std::string away = world_.name_at(0, reader_.number(), "away");
  const std::string here = world_.name_at(1, reader_.number(), "here");
  const Key key = maker_.put(away, std::vector<double>(count, 2.0)).value();
  ASSERT_TRUE(maker_.put(here, std::vector<double>(count, 3.0)));
  const auto by_key = reader_.info_async(key);
  const auto by_name = reader_.info_async(away);
  const auto none = reader_.info_async("nothing");
  const auto names = reader_.keys_async();
  const auto some = reader_.keys_async(here.substr(0, 4));
  EXPECT_FALSE(by_key.ready());
  EXPECT_FALSE(names.ready());
  world_.network().run_for(100ms);  // no thread calls the library
  ASSERT_TRUE(by_key.ready());
  ASSERT_TRUE(names.ready());
  EXPECT_EQ(by_key.get().value().name, away);
  EXPECT_EQ(by_name.get().value().key, key);
  EXPECT_EQ(by_name.get().value().element, ElementType::of<double>());
  EXPECT_EQ(code_of(none.get()), Errc::not_found);
  EXPECT_EQ(names.get().value(), (std::vector<std::string>{std::min(away, here), std::max(away, here)}));
  EXPECT_EQ(some.get().value(), std::vector<std::string>{here});
  const auto cancelled = reader_.keys_async();
  cancelled.cancel();
  EXPECT_EQ(code_of(cancelled.get()), Errc::cancelled);
}

AsyncResult<double> last_of(Proxy<double[]> stand_in) {
  const auto view = co_await stand_in;
  if (!view) {
    co_return view.error();
  }
  co_return (*view)[view->size() - 1];
}

TEST_F(FutureBetweenNodes, IsWhatAStandInTurnsInto) {
  const auto stand_in = read_->proxy<double[]>(maker_.proxy<double[]>(put(4)).value().handle());
  const auto future = stand_in.get_async();
  const auto last = last_of(stand_in);
  EXPECT_FALSE(future.ready());
  EXPECT_FALSE(stand_in.ready());
  world_.network().run_for(100ms);
  ASSERT_TRUE(future.get());
  EXPECT_EQ((*future.get())[0], 4.0);
  EXPECT_TRUE(stand_in.ready());
  EXPECT_EQ(*last.get(), 4.0);
  EXPECT_TRUE(stand_in.get_async().ready()) << "it is resolved";
  const auto shown = stand_in.get(Deadline::Clock::time_point::min());
  EXPECT_EQ(shown->data(), future.get()->data()) << "copies of a future share the object";

  EXPECT_EQ(code_of(Proxy<double[]>().get_async().get()), Errc::invalid_argument);
  const auto gone = read_->proxy<double[]>(maker_.proxy<double[]>(put(5)).value().handle());
  ASSERT_TRUE(maker_.evict(gone.key()).value());
  EXPECT_EQ(code_of(gone.get_async().get()), Errc::not_found);
}

TEST_F(FutureBetweenNodes, IsNotNeededForARangeOfStandInsToBeFetched) {
  std::vector<Proxy<double[]>> stand_ins;
  for (const Key& key : put_some(4)) {
    stand_ins.push_back(read_->proxy<double[]>(maker_.proxy<double[]>(key).value().handle()));
  }
  prefetch(stand_ins);
  world_.network().run_for(100ms);
  for (std::size_t at = 0; at < stand_ins.size(); ++at) {
    ASSERT_TRUE(stand_ins[at].ready());
    EXPECT_EQ((*stand_ins[at])[0], static_cast<double>(at));
  }
}

// In simulated time, which stands still while code runs.
TEST_F(FutureBetweenNodes, TellsHowLongItsObjectWasUnderWayAndHowLongThatWasWaitedFor) {
  const auto keys = put_some(5);
  auto since = [this, transfer = std::uint64_t{0}, waited = std::uint64_t{0}]() mutable {
    const RankReport now = read_->report();
    const std::pair both(now.transfer_ns - transfer, now.waited_ns - waited);
    transfer = now.transfer_ns;
    waited = now.waited_ns;
    return both;
  };
  const auto times = [this] {
    std::uint64_t timed = 0;
    std::uint64_t slowest = 0;
    const RankReport report = read_->report();
    for (const RankReport::Traffic& by : report.reads) {
      timed += by.timed;
      slowest = std::max(slowest, by.p99_ns);
    }
    return std::pair(timed, slowest);
  };
  (void)since();  // opening the store may have sent a request to another node
  const std::uint64_t timed_before = times().first;
  ASSERT_TRUE(reader_.get<double[]>(keys[0]));
  const auto [once, blocked] = since();
  EXPECT_EQ(blocked, once);
  EXPECT_GE(once, 4'000'000U) << "one round trip for the metadata, one for the object";
  EXPECT_LE(once, 10'000'000U);
  const auto [timed, slowest] = times();
  EXPECT_EQ(timed, timed_before + 1);
  EXPECT_GE(slowest, once);
  EXPECT_LE(slowest, once + once / 4) << "at most a quarter too long";

  const auto hidden = reader_.get_async<double[]>(keys[1]);
  world_.network().run_for(1s);
  ASSERT_TRUE(hidden.get());
  const auto [alone, unseen] = since();
  EXPECT_GE(alone, 4'000'000U);
  EXPECT_LE(alone, 10'000'000U) << "not until the future was waited for";
  EXPECT_EQ(unseen, 0U);

  const auto half = reader_.get_async<double[]>(keys[2]);
  world_.network().run_for(2ms);
  ASSERT_TRUE(half.get());
  const auto [all, rest] = since();
  EXPECT_GE(all, 4'000'000U);
  EXPECT_NEAR(static_cast<double>(all - rest), 2e6, 3e5);

  const std::vector<Future<double[]>> two{reader_.get_async<double[]>(keys[3]),
                                          reader_.get_async<double[]>(keys[4])};
  ASSERT_TRUE(when_all(two));
  const auto [both, waited] = since();
  EXPECT_LE(both, 10'000'000U) << "concurrently";
  EXPECT_NEAR(static_cast<double>(waited), static_cast<double>(both), 3e5);
}

// All are transferred concurrently; this thread makes progress while it waits.
TEST_F(FutureBetweenNodes, BringsAnyNumberThatFitsTheWindowInTheTimeOfOne) {
  std::vector<Key> keys;
  for (int i = 0; i < 50; ++i) {
    keys.push_back(maker_.put(std::vector<double>(100, i)).value());
  }
  const auto began = world_.network().now();
  auto parts = reader_.get_async<double[]>(keys);
  std::set<double> seen;
  while (auto part = when_any(parts)) {
    seen.insert((*part->get())[0]);
  }
  EXPECT_EQ(seen.size(), keys.size());
  EXPECT_LE(world_.network().now() - began, 10ms);
  parts.clear();
  expect_nothing_left(keys);
}

// More than fit the window, and no thread waits for any of them.
TEST_F(FutureBetweenNodes, BringsWhatHadToWaitForItsTurn) {
  std::vector<Key> keys;
  for (int i = 0; i < 2500; ++i) {
    keys.push_back(maker_.put(1.0 * i).value());
  }
  auto parts = reader_.get_async<double>(keys);
  EXPECT_GT(world_.rank(2).links->window(CountsUntil::it_is_got)->levels().queued, 1000U);
  parts.resize(2000);  // the others leave the queue
  world_.network().run_for(100ms);
  for (std::size_t at = 0; at < parts.size(); ++at) {
    ASSERT_TRUE(parts[at].ready()) << at;
    EXPECT_EQ(**parts[at].get(), at);
  }
  EXPECT_EQ(world_.rank(2).links->window(CountsUntil::it_is_got)->levels(), Window::Levels{});
  parts.clear();
  expect_nothing_left(keys);
}

TEST_F(FutureBetweenNodes, ComesThoughUnusedPrefetchesFillTheirWindow) {
  std::vector<Proxy<double[]>> unused;
  for (const Key& key : put_some(20)) {
    unused.push_back(read_->proxy<double[]>(maker_.proxy<double[]>(key).value().handle()));
    unused.back().prefetch();
  }
  world_.network().run_for(200ms);
  EXPECT_GT(world_.rank(2).links->window(CountsUntil::it_is_used)->levels().queued, 0U);
  const auto future = reader_.get_async<double[]>(put(5));
  world_.network().run_for(100ms);
  ASSERT_TRUE(future.ready());
  EXPECT_EQ((*future.get())[0], 5);
}

TEST_F(FutureBetweenNodes, EndsAtItsDeadlineWhereTheOwnerDoesNotAnswer) {
  const Key key = put(1);
  world_.network().cut(0, 2, loopback::Cut::hold);
  const auto began = world_.network().now();
  const auto late = reader_.get_async<double[]>(key, {.deadline = world_.network().now() + 50ms});
  EXPECT_FALSE(late.wait_for(world_.network().now() + 20ms));
  EXPECT_EQ(code_of(late.get()), Errc::timeout);
  EXPECT_LE(world_.network().now() - began, 200ms);
  world_.network().heal();
  EXPECT_EQ((*reader_.get_async<double[]>(key).get())[0], 1);
}

// Each is cancelled after a different number of events; then the memory is reused.
TEST_F(FutureBetweenNodes, IsCancelledAtEveryStep) {
  for (std::uint64_t steps = 0;; ++steps) {
    const Key key = put(7);
    auto future = std::make_optional(reader_.get_async<double[]>(key));
    for (std::uint64_t step = 0; step < steps && !future->ready(); ++step) {
      ASSERT_TRUE(world_.network().step());
    }
    const bool came = future->ready();
    future->cancel();
    EXPECT_TRUE(future->ready());
    EXPECT_EQ(code_of(future->get()), came ? Errc{} : Errc::cancelled) << steps;
    future.reset();
    // A transfer that is still open must not write to memory that is reused.
    const Key next = reader_.put(std::vector<double>(count, -1.0)).value();
    world_.network().run_for(100ms);
    const auto kept = reader_.get<double[]>(next).value();
    EXPECT_TRUE(std::ranges::all_of(kept, [](double value) { return value == -1; })) << steps;
    EXPECT_EQ((*reader_.get_async<double[]>(key).get())[0], 7) << "the next request gets it";
    EXPECT_TRUE(reader_.evict(next).value());
    EXPECT_TRUE(maker_.evict(key).value());
    if (came) {
      EXPECT_GT(steps, 5U);
      break;
    }
  }
  expect_nothing_left({});
}

// The second requester's continues when the first one's is cancelled.
TEST_F(FutureBetweenNodes, IsOneFlightForAllThatAsk) {
  const Key key = put(7);
  const std::uint64_t before = world_.network().counters().transfers;
  const auto first = reader_.get_async<double[]>(key);
  const auto second = reader_.get_async<double[]>(key);
  first.cancel();
  EXPECT_EQ((*second.get())[0], 7);
  EXPECT_EQ(world_.network().counters().transfers - before, 1U);
}

TEST_F(FutureBetweenNodes, DroppedUnreadLeavesNothing) {
  const auto keys = put_some(5);
  { const auto parts = reader_.get_async<double[]>(keys); }
  world_.network().run_for(100ms);
  expect_nothing_left(keys);
}

TEST_F(FutureBetweenNodes, SaysThatTheOwnerHasDied) {
  const auto keys = put_some(20);
  auto parts = reader_.get_async<double[]>(keys);
  world_.network().run_for(500us);
  mortal_.kill_node(0);
  int told = 0;
  const auto began = world_.network().now();
  while (auto part = when_any(parts)) {
    EXPECT_EQ(code_of(part->get()), Errc::peer_lost);
    ++told;
  }
  EXPECT_EQ(told, 20);
  EXPECT_LE(world_.network().now() - began, 6s);
  expect_nothing_left({});
}

TEST_F(FutureBetweenNodes, SaysThatTheRuntimeWasClosed) {
  const auto keys = put_some(20);
  const auto parts = reader_.get_async<double[]>(keys);
  world_.network().run_for(500us);
  const auto before = world_.network().now();
  read_->close();
  mortal_.close_now(2);
  for (const auto& part : parts) {
    ASSERT_TRUE(part.ready());
    EXPECT_EQ(code_of(part.get()), Errc::closed);
  }
  EXPECT_LE(world_.network().now() - before, 1s);
}

// By the real clock, with 50 ms per message: sequentially this would take 100 s.
TEST(FutureOfSlowNodes, BringsAThousandInTheTimeOfOne) {
  constexpr int number = 1000;
  auto ranks = tests::link_plain_nodes({.nodes = 2, .ranks_per_node = 1, .helper = true},
                                       tests::queue_transports(2, 50ms));
  std::vector<std::shared_ptr<Session>> sessions;
  std::vector<Store> stores;
  for (int rank = 0; rank < 2; ++rank) {
    sessions.push_back(session_of(ranks[static_cast<std::size_t>(rank)], rank,
                                  ranks[static_cast<std::size_t>(rank)].links->completions()));
    stores.push_back(sessions.back()->open("fields").value());
  }
  std::vector<Key> keys;
  for (int i = 0; i < number; ++i) {
    keys.push_back(stores[0].put(1.0 * i).value());
  }
  const auto began = std::chrono::steady_clock::now();
  const auto since = [&] { return std::chrono::steady_clock::now() - began; };
  auto parts = stores[1].get_async<double>(keys);
  std::chrono::nanoseconds first{};
  double sum = 0;
  while (auto part = when_any(parts)) {
    first = sum == 0 && first == 0ns ? since() : first;
    sum += **part->get();
  }
  const std::chrono::nanoseconds all = since();
  EXPECT_EQ(sum, number * (number - 1) / 2.0);
  EXPECT_GE(first, 100ms);
  EXPECT_LE(all, 10s) << "a tenth of the sequential time";
  std::cout << "the first after " << first / 1us << " us, all " << number << " after " << all / 1us
            << " us\n";
  for (const auto& session : sessions) {
    session->close();
  }
}

// All threads wait, and each checks when any operation has ended.
TEST(FutureOfSlowNodes, WakesEachThreadThatWaits) {
  auto ranks = tests::link_plain_nodes({.nodes = 2, .ranks_per_node = 1, .helper = true},
                                       tests::queue_transports(2, 50ms));
  const auto made = session_of(ranks[0], 0, ranks[0].links->completions());
  const auto read = session_of(ranks[1], 1, ranks[1].links->completions());
  Store maker = made->open("fields").value();
  std::vector<Key> keys;
  for (int i = 0; i < 4; ++i) {
    keys.push_back(maker.put(1.0 * i).value());
  }
  const auto began = std::chrono::steady_clock::now();
  const auto parts = read->open("fields").value().get_async<double>(keys);
  std::vector<std::thread> threads;
  for (const auto& part : parts) {
    threads.emplace_back([&part] { EXPECT_TRUE(part.get(20s)); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, 15s) << "one slept until its deadline";
  for (const auto& session : {made, read}) {
    session->close();
  }
}

}  // namespace
}  // namespace locum::tests
