#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/server/name_waiters.hpp"
#include "tests/core/bent_transport.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/rank_stores.hpp"
#include "tests/core/simulated_nodes.hpp"

// wait() for names whose home is another node.
namespace locum::tests {

namespace {

using namespace std::chrono_literals;
using tests::SimulatedNodes;
using tests::SimulatedNodesOptions;

constexpr std::uint32_t store = 7;

/// Counts its rank's sleeps.
class SleepCounter final : public Transport {
 public:
  SleepCounter(std::shared_ptr<Transport> behind, int& sleeps)
      : behind_(std::move(behind)), sleeps_(sleeps) {}
  Result<Sending> send(int to, std::span<const std::byte> header, std::span<const std::byte> bulk,
                       std::uint64_t ticket) override {
    return behind_->send(to, header, bulk, ticket);
  }
  void forget(int rank) noexcept override { behind_->forget(rank); }
  bool progress(Receiver& receiver) override { return behind_->progress(receiver); }
  bool arm() override { return behind_->arm(); }
  void sleep(Clock::time_point moment) override {
    ++sleeps_;
    behind_->sleep(moment);
  }
  void wake() noexcept override { behind_->wake(); }
  Clock::time_point now() const noexcept override { return behind_->now(); }

 private:
  const std::shared_ptr<Transport> behind_;
  int& sleeps_;
};

/// Ranks 0 and 1 are on node 0, the home of the names, 2 and 3 on node 1, 4 and 5 on node 2. No rank is
/// probed unless a test wants that.
class AwaitTest : public ::testing::Test {
 protected:
  static constexpr int waiting = 2;  // asks rank 0 first

  explicit AwaitTest(std::chrono::milliseconds patience = 24h) : world_(options(this, patience)) {}

  static SimulatedNodesOptions options(AwaitTest* self, std::chrono::milliseconds patience) {
    SimulatedNodesOptions options{.nodes = {.nodes = 3, .ranks_per_node = 2, .patience = patience}};
    options.network.detection = {1h, 1h};  // the network itself reports no death
    options.wrap = [self](int rank, std::shared_ptr<Transport> transport) -> std::shared_ptr<Transport> {
      return rank == waiting ? std::make_shared<SleepCounter>(std::move(transport), self->sleeps_)
                             : std::move(transport);
    };
    return options;
  }
  /// Rank `maker` puts that after a while; returns what a waiting rank of node 1 gets.
  Result<ObjectView> wait_for(int maker, const std::string& name, std::size_t size,
                              std::chrono::nanoseconds after) {
    world_.network().after(after, [this, maker, name, size] {
      world_.network().start([this, maker, name, size] {
        const auto sealed = put(world_.connector(maker), store, name, pattern(size, size));
        EXPECT_TRUE(sealed) << sealed.error();
      });
    });
    return world_.connector(waiting).wait(Address(store, name), in(20 * after));
  }

  [[nodiscard]] Deadline in(std::chrono::nanoseconds time) { return world_.network().now() + time; }

  int sleeps_ = 0;
  SimulatedNodes world_;
};

// Put by each rank in turn: the one where the wait is registered, the other one of its node, the other one of
// the waiter's node, and one of a third node.
TEST_F(AwaitTest, CostsOneQuestionHoweverLongItLasts) {
  for (const auto after : {1ms, 1'000ms, 3'600'000ms}) {
    for (const int maker : {0, 1, 3, 5}) {
      const std::string name = world_.name_at(
          0, store, "awaited " + std::to_string(maker) + ' ' + std::to_string(after.count()) + '.');
      sleeps_ = 0;
      const auto before = world_.network().now();
      Result<ObjectView> found = Error(Errc::timeout, "");
      const std::uint64_t messages = world_.messages_of([&] { found = wait_for(maker, name, 100, after); });
      ASSERT_TRUE(found) << found.error();
      EXPECT_TRUE(holds(*found, pattern(100, 100)));
      EXPECT_EQ(messages, maker < 2 ? 2U : 4U) << "request and reply, and those of the put";
      EXPECT_GE(world_.network().now() - before, after);
      EXPECT_LT(world_.network().now() - before, after + 1ms) << "notified at once";
      EXPECT_LE(sleeps_, 3) << "a waiting rank sleeps";
      EXPECT_EQ(world_.rank(0).links->awaited(), 0U);
    }
  }
}

// Another thread would have to wake first: see Links::look_for_bound().
TEST_F(AwaitTest, IsAnsweredByThePutThatBindsTheName) {
  const std::string name = world_.name_at(0, store, "answered ");
  std::optional<Result<ObjectView>> found;
  world_.network().start([&] { found = world_.connector(waiting).wait(Address(store, name), in(60s)); });
  world_.network().run_for(1s);
  ASSERT_EQ(world_.rank(0).links->awaited(), 1U);
  ASSERT_TRUE(put(world_.connector(0), store, name, pattern(1, 100)));
  EXPECT_EQ(world_.rank(0).links->awaited(), 0U) << "the reply is left to another thread";
  world_.network().run_for(1s);
  ASSERT_TRUE(found);
  ASSERT_TRUE(*found) << found->error();
  EXPECT_TRUE(holds(**found, pattern(1, 100)));
}

TEST_F(AwaitTest, BringsWhatIsThereAtOnceAndFetchesWhatIsLarge) {
  const std::string name = world_.name_at(0, store, "there ");
  ASSERT_TRUE(put(world_.connector(1), store, name, pattern(1, 100)));
  Connector& here = world_.connector(waiting);
  EXPECT_EQ(world_.messages_of([&] { EXPECT_TRUE(here.wait(Address(store, name), in(1s))); }), 2U);

  const std::string large = world_.name_at(0, store, "large ");
  EXPECT_EQ(world_.messages_of([&] {
    const auto found = wait_for(0, large, 100'000, 1s);
    ASSERT_TRUE(found) << found.error();
    EXPECT_TRUE(holds(*found, pattern(100'000, 100'000)));
  }),
            4U);
}

TEST_F(AwaitTest, ADeadlineEndsItOnBothSides) {
  const std::string name = world_.name_at(0, store, "never ");
  Connector& here = world_.connector(waiting);
  const auto before = world_.network().now();
  EXPECT_EQ(world_.messages_of([&] {
    const auto found = here.wait(Address(store, name), in(10s));
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code(), Errc::timeout);
    EXPECT_NE(found.error().text().find("evicted"), std::string::npos) << found.error();
    EXPECT_EQ(found.error().key(), name);
  }),
            1U);
  EXPECT_EQ(world_.network().now() - before, 10s);
  EXPECT_EQ(world_.rank(0).links->awaited(), 1U) << "removed only when the table is checked";
  world_.network().run_for(1ms);  // the home counts the time from the request's arrival
  EXPECT_EQ(world_.messages_of([&] { ASSERT_TRUE(put(world_.connector(1), store, name, pattern(1, 10))); }),
            0U)
      << "no wait is left";
  EXPECT_EQ(world_.rank(0).links->awaited(), 0U);
  EXPECT_EQ(here.wait(Address(store, name), Deadline::Clock::time_point::min()).error().code(),
            Errc::timeout);
}

// The awaited name is put, evicted at once, and put again.
TEST_F(AwaitTest, GoesOnWhereWhatWasPutIsGoneAgain) {
  const std::string name = world_.name_at(0, store, "fleeting ");
  world_.network().after(1s, [&] {
    world_.network().start([&] {
      Connector& maker = world_.connector(4);
      ASSERT_TRUE(put(maker, store, name, pattern(1, 100'000)));
      ASSERT_TRUE(maker.evict(Address(store, name), {}).value());
      world_.rank(4).links->client()->pause(1s);
      ASSERT_TRUE(put(maker, store, name, pattern(2, 100'000)));
    });
  });
  const auto found = world_.connector(waiting).wait(Address(store, name), in(20s));
  ASSERT_TRUE(found) << found.error();
  EXPECT_TRUE(holds(*found, pattern(1, 100'000)) || holds(*found, pattern(2, 100'000)));
}

TEST_F(AwaitTest, ManyWaitForManyNames) {
  constexpr int names = 20;
  int told = 0;
  for (const int reader : {waiting, 3, 4, 5}) {
    world_.network().start([this, reader, &told] {
      for (int number = 0; number < names; ++number) {
        const std::string name = world_.name_at(0, store, "many " + std::to_string(number) + '.');
        const auto found = world_.connector(reader).wait(Address(store, name), in(60s));
        ASSERT_TRUE(found) << found.error();
        EXPECT_TRUE(holds(*found, pattern(static_cast<std::size_t>(number), 50)));
        ++told;
      }
    });
  }
  world_.network().start([this] {
    for (int number = 0; number < names; ++number) {
      const int maker = number % 2;
      world_.rank(maker).links->client()->pause(100ms);
      const std::string name = world_.name_at(0, store, "many " + std::to_string(number) + '.');
      ASSERT_TRUE(put(world_.connector(maker), store, name, pattern(static_cast<std::size_t>(number), 50)));
    }
  });
  world_.network().run();
  EXPECT_EQ(told, 4 * names);
}

TEST_F(AwaitTest, GoesToTheNextRankWhenTheOneThatHoldsItCloses) {
  const std::string name = world_.name_at(0, store, "closing ");
  world_.network().after(1s, [&] { world_.network().start([&] { world_.rank(0).links->close(); }); });
  world_.network().after(2s, [&] {
    world_.network().start([&] { EXPECT_TRUE(put(world_.connector(1), store, name, pattern(1, 50))); });
  });
  const auto found = world_.connector(waiting).wait(Address(store, name), in(20s));
  ASSERT_TRUE(found) << found.error();
  EXPECT_TRUE(holds(*found, pattern(1, 50)));
}

TEST_F(AwaitTest, EndsWhenAllRanksThatCouldHoldItClose) {
  const std::string name = world_.name_at(0, store, "closing ");
  for (const int rank : {0, 1}) {
    world_.network().after((1 + rank) * 1s, [this, rank] {
      world_.network().start([this, rank] { world_.rank(rank).links->close(); });
    });
  }
  const auto found = world_.connector(waiting).wait(Address(store, name), in(20s));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code(), Errc::closed);
}

class AwaitDeathTest : public AwaitTest {
 protected:
  AwaitDeathTest() : AwaitTest(1s) {}
};

TEST_F(AwaitDeathTest, GoesToTheNextRankWhenTheOneThatHoldsItDies) {
  const std::string name = world_.name_at(0, store, "inherited ");
  world_.network().after(1s, [&] { world_.network().kill(0); });
  const auto found = wait_for(1, name, 100, 30s);
  ASSERT_TRUE(found) << found.error();
  EXPECT_TRUE(holds(*found, pattern(100, 100)));
}

TEST_F(AwaitDeathTest, IsLostWithTheLastRankOfItsNode) {
  const std::string name = world_.name_at(0, store, "homeless ");
  world_.network().after(1s, [&] { world_.network().kill(0); });
  world_.network().after(5s, [&] { world_.network().kill(1); });
  const auto before = world_.network().now();
  const auto found = world_.connector(waiting).wait(Address(store, name), in(60s));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code(), Errc::peer_lost);
  EXPECT_LT(world_.network().now() - before, 10s);
}

// As if a limit on threads prevented notifications.
TEST_F(AwaitDeathTest, EndsThoughNobodyTellsOfNames) {
  world_.rank(0).node->refuse_watches();
  const auto found = wait_for(1, world_.name_at(0, store, "untold "), 100, 500ms);
  ASSERT_TRUE(found) << found.error();
  EXPECT_TRUE(holds(*found, pattern(100, 100)));
}

// The dead rank's quota at rank 0 is free as soon as rank 0 has noticed the death.
TEST_F(AwaitDeathTest, WhoDiesIsForgotten) {
  const std::string name = world_.name_at(0, store, "orphan ");
  world_.network().start([&] { (void)world_.connector(waiting).wait(Address(store, name), in(60s)); });
  world_.network().run_for(500ms);
  EXPECT_EQ(world_.rank(0).links->awaited(), 1U);
  world_.network().kill(waiting);
  world_.rank(0).links->lose(waiting, Error(Errc::peer_lost, "killed"));
  EXPECT_EQ(world_.rank(0).links->awaited(), 0U);
}

NameWaiters::Waiter waiter(int rank, std::size_t name_bytes, NameWaiters::Clock::time_point until) {
  return {rank, 1, store, std::string(name_bytes, 'n'), until};
}

// The fate of a promise is looked after meanwhile: that does not cut off what is on its way.
TEST(AwaitOnASlowLink, BringsALargeObjectOnce) {
  SimulatedNodesOptions options{.nodes = {.nodes = 3, .ranks_per_node = 2}};
  options.network.bytes_per_us = 1;
  SimulatedNodes world(options);
  RankStores stores(world);
  const std::vector<double> value(200'000, 2.5);  // for 1.6 s
  for (const int home : {0, 2}) {
    const std::string name = world.name_at(home, stores[0].number(), "field ");
    world.network().after(150ms,
                          [&] { world.network().start([&] { EXPECT_TRUE(stores[0].put(name, value)); }); });
    const auto found = stores[2].wait<double[]>(name, world.network().now() + 60s);
    ASSERT_TRUE(found) << found.error();
    EXPECT_EQ((*found)[199'999], 2.5);
    EXPECT_EQ(found->path(), Path::rendezvous) << "home " << home;
  }
}

TEST(NameWaiters, AreBoundedForEachRankByNumberAndBytes) {
  const NameWaiters::Clock::time_point now{};
  NameWaiters names;
  for (std::size_t i = 0; i < NameWaiters::most_of_rank; ++i) {
    ASSERT_TRUE(names.add(waiter(1, 1, now + (i == 0 ? 1s : 9s)), now));
  }
  EXPECT_FALSE(names.add(waiter(1, 1, now + 9s), now));
  EXPECT_TRUE(names.add(waiter(2, 1, now + 9s), now)) << "each rank has its own quota";
  EXPECT_TRUE(names.add(waiter(1, 1, now + 9s), now + 1s)) << "overdue waits make room";
  EXPECT_FALSE(names.add(waiter(1, 1, now + 9s), now + 1s));
  const std::size_t long_name = std::size_t{64} << 10U;
  for (std::size_t bytes = 0; bytes + long_name <= NameWaiters::most_bytes_of_rank; bytes += long_name) {
    ASSERT_TRUE(names.add(waiter(3, long_name, now + 9s), now));
  }
  EXPECT_FALSE(names.add(waiter(3, long_name, now + 9s), now));
  names.forget(3);
  EXPECT_TRUE(names.add(waiter(3, long_name, now + 9s), now));
  names.forget(1);
  EXPECT_EQ(names.size(), 2U);
}

TEST(NameWaiters, AreServedOnceAndNotAfterTheirTime) {
  const NameWaiters::Clock::time_point now{};
  NameWaiters names;
  for (int rank = 0; rank < 4; ++rank) {
    ASSERT_TRUE(names.add(waiter(rank, 1, now + rank * 1s), now));
  }
  std::vector<int> asked;
  names.serve(now + 1s, [&](const NameWaiters::Waiter& each) {
    asked.push_back(each.rank);
    names.forget(3);  // as when a reply cannot be sent
    return each.rank == 2;
  });
  EXPECT_EQ(asked, (std::vector<int>{2, 3}));
  EXPECT_EQ(names.size(), 0U);
}

}  // namespace
}  // namespace locum::tests
