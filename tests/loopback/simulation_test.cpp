#include "tests/loopback/simulation.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/loopback/network.hpp"

// The order in which ranks run, observed on a network, since only a transport can sleep.
namespace locum::loopback {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::byte, 1> header{std::byte{1}};

/// Receives and counts messages.
struct Counting final : Receiver {
  std::span<std::byte> arrived(const Arrival&) noexcept override {
    return ++messages, std::span<std::byte>();
  }
  void landed(std::uint64_t, const Result<Path>&) noexcept override {}
  void sent(std::uint64_t, const Result<void>&) noexcept override {}
  void lost(int, const Error&) noexcept override {}
  int messages = 0;
};

struct TwoRanks {
  Network network{{.ranks = 2, .latency = {10us, 10us}, .detection = {1s, 1s}}};
  std::unique_ptr<Transport> zero = network.transport(0);
  std::unique_ptr<Transport> one = network.transport(1);
  Moment start = network.now();
};

TEST(LoopbackSimulation, DoesThingsAtTheirMoment) {
  TwoRanks world;
  std::vector<std::string> done;
  world.network.after(2s, [&] { done.emplace_back("later"); });
  world.network.after(1s, [&] {
    done.emplace_back("sooner");
    EXPECT_EQ(world.network.now(), world.start + 1s);
    world.network.at(world.start, [&] { done.emplace_back("at once, as its moment has passed"); });
  });
  EXPECT_TRUE(world.network.step());
  EXPECT_EQ(done.size(), 1U);
  EXPECT_FALSE(world.network.step(world.start)) << "no more events by then";
  world.network.run_until_idle();
  EXPECT_EQ(done, (std::vector<std::string>{"sooner", "at once, as its moment has passed", "later"}));
  EXPECT_EQ(world.network.now(), world.start + 2s);
  EXPECT_FALSE(world.network.step());
  world.network.run_for(5s);
  EXPECT_EQ(world.network.now(), world.start + 7s);
}

TEST(LoopbackSimulation, CallsTheHookForMessagesWakingAndItsOwnMoment) {
  TwoRanks world;
  Counting taken;
  std::vector<std::chrono::nanoseconds> calls;
  world.network.on_ready(1, [&] {
    calls.push_back(world.network.now() - world.start);
    (void)world.one->progress(taken);
    return calls.size() == 2 ? world.network.now() + 3s : Moment::max();
  });
  world.network.after(1s, [&] { ASSERT_TRUE(world.zero->send(1, header, {}, 0)); });
  world.network.after(2s, [&] { world.one->wake(); });
  world.network.run_for(10s);
  // The first call returns when it wants to be called; a wake-up discards that moment, unless the hook
  // returns it again.
  EXPECT_EQ(calls, (std::vector<std::chrono::nanoseconds>{0s, 1s + 10us, 2s}));
  EXPECT_EQ(taken.messages, 1);

  calls = {0s};  // the next call is the second again
  world.one->wake();
  world.network.run_for(10s);
  EXPECT_EQ(calls, (std::vector<std::chrono::nanoseconds>{0s, 10s, 13s}));
}

TEST(LoopbackSimulation, PrefersAnArmedSleeperToTheHook) {
  TwoRanks world;
  Counting taken;
  int hook_calls = 0;
  world.network.on_ready(1, [&] { return ++hook_calls, Moment::max(); });
  world.network.run_for(0s);
  ASSERT_EQ(hook_calls, 1);

  int woken = 0;
  world.network.start([&] {
    while (woken < 2) {
      EXPECT_TRUE(world.one->arm());
      world.one->sleep(world.network.now() + 1s);
      (void)world.one->progress(taken);
      ++woken;
    }
  });
  ASSERT_TRUE(world.zero->send(1, header, {}, 0));
  world.network.run_for(100us);
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(taken.messages, 1);
  world.one->wake();
  world.network.run_for(0s);
  EXPECT_EQ(woken, 2);
  EXPECT_EQ(hook_calls, 1) << "the sleeper received both";
}

TEST(LoopbackSimulation, LetsTheHookHaveWhatASleeperDidNotArmFor) {
  TwoRanks world;
  Counting taken;
  Counting hooked;
  world.network.on_ready(1, [&] { return (void)world.one->progress(hooked), Moment::max(); });
  Moment woken;
  world.network.start([&] {
    world.one->sleep(world.start + 1s);
    woken = world.network.now();
    (void)world.one->progress(taken);
  });
  ASSERT_TRUE(world.zero->send(1, header, {}, 0));
  world.network.run();
  EXPECT_EQ(woken, world.start + 1s);
  EXPECT_EQ(hooked.messages, 1);
  EXPECT_EQ(taken.messages, 0);
}

TEST(LoopbackSimulation, SleepsInTheTestItself) {
  TwoRanks world;
  Counting taken;
  world.network.on_ready(1, [&] {
    if (world.one->progress(taken)) {
      EXPECT_TRUE(world.one->send(0, header, {}, 0));
    }
    return Moment::max();
  });
  ASSERT_TRUE(world.zero->send(1, header, {}, 0));
  ASSERT_TRUE(world.zero->arm());
  world.zero->sleep(world.start + 1s);
  EXPECT_EQ(world.network.now(), world.start + 20us);
  EXPECT_FALSE(world.zero->arm()) << "the reply has arrived";
  world.zero->sleep(world.start + 1s);
  EXPECT_EQ(world.network.now(), world.start + 1s) << "not armed: sleeps until its deadline";
  EXPECT_TRUE(world.zero->progress(taken));
  EXPECT_TRUE(world.zero->arm());
  world.zero->sleep(world.start + 2s);
  EXPECT_EQ(world.network.now(), world.start + 2s) << "nothing arrived";
  world.network.after(1s, [&] { world.zero->wake(); });
  world.zero->sleep(Moment::max());
  EXPECT_EQ(world.network.now(), world.start + 3s);
}

TEST(LoopbackSimulation, RunsBlockingProgramsSideBySide) {
  Network network({.ranks = 20});
  std::vector<std::unique_ptr<Transport>> transports;
  std::vector<int> order;
  for (int rank = 0; rank < network.size(); ++rank) {
    transports.push_back(network.transport(rank));
    network.start([&, rank] {
      for (int lap = 0; lap < 3; ++lap) {
        Transport& own = *transports[static_cast<std::size_t>(rank)];
        own.sleep(own.now() + std::chrono::milliseconds(100 - rank));
        order.push_back(rank);
      }
    });
  }
  network.run();
  ASSERT_EQ(order.size(), 60U);
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(order[i], 19 - static_cast<int>(i)) << "the shortest sleep ends first";
  }
}

TEST(LoopbackSimulation, StopsAPausedRankAndKeepsWhatCame) {
  TwoRanks world;
  Counting taken;
  std::vector<std::chrono::nanoseconds> calls;
  world.network.on_ready(1, [&] {
    calls.push_back(world.network.now() - world.start);
    (void)world.one->progress(taken);
    return world.start + 1s;
  });
  Moment slept;
  world.network.start([&] {
    world.one->sleep(world.start + 2s);
    slept = world.network.now();
  });
  world.network.run_for(0s);
  world.network.pause(1);
  ASSERT_TRUE(world.zero->send(1, header, {}, 0));
  world.network.run_for(5s);
  EXPECT_EQ(calls.size(), 1U);
  EXPECT_EQ(slept, Moment());
  world.network.resume(1);
  world.network.run_until([&] { return taken.messages == 1 && slept != Moment(); }, world.start + 6s);
  EXPECT_EQ(slept, world.start + 5s);
  ASSERT_GE(calls.size(), 2U);
  EXPECT_EQ(calls[1], 5s);
  world.network.on_ready(1, nullptr);
}

TEST(LoopbackSimulation, LetsAProgramLingerBesideASleeper) {
  TwoRanks world;
  std::vector<std::string> said;
  world.network.start([&] {
    world.one->sleep(world.start + 5s);
    said.emplace_back("slept");
  });
  world.network.start([&] {
    world.network.linger(1, world.start + 2s);
    EXPECT_EQ(world.network.now(), world.start + 2s);
    said.emplace_back("lingered");
    world.network.linger(1, world.start + 9s);
    EXPECT_EQ(world.network.now(), world.start + 9s);
    said.emplace_back("again");
  });
  world.network.run();
  EXPECT_EQ(said, (std::vector<std::string>{"lingered", "slept", "again"}));
  world.network.linger(1, world.start + 12s);  // the test's own code
  EXPECT_EQ(world.network.now(), world.start + 12s);
}

TEST(LoopbackSimulation, KeepsWhoLingersOnAPausedRank) {
  TwoRanks world;
  std::vector<Moment> went_on;
  world.network.start([&] {
    for (const auto moment : {2s, 3s}) {
      world.network.linger(1, world.start + moment);
      went_on.push_back(world.network.now());
    }
  });
  world.network.after(1s, [&] { world.network.pause(1); });
  world.network.after(7s, [&] { world.network.resume(1); });
  world.network.run();
  EXPECT_EQ(went_on, (std::vector<Moment>{world.start + 7s, world.start + 7s}));
}

TEST(LoopbackSimulation, EndsWhoLingersOnADeadRank) {
  TwoRanks world;
  bool unwound = false;
  bool went_on = false;
  world.network.start([&] {
    struct Unwound {
      TwoRanks& world;
      bool& done;
      ~Unwound() {
        world.network.linger(1, world.start + 30s);
        EXPECT_EQ(world.one->now(), world.start + 30s) << "its private time";
        done = true;
      }
    } ending{world, unwound};
    world.network.linger(1, world.start + 10s);
    went_on = true;
  });
  world.network.after(1s, [&] { world.network.kill(1); });
  world.network.run();
  EXPECT_TRUE(unwound);
  EXPECT_FALSE(went_on);
  EXPECT_EQ(world.network.now(), world.start + 10s);
}

TEST(LoopbackSimulation, EndsProgramsOfADeadRank) {
  TwoRanks world;
  bool unwound = false;
  bool went_on = false;
  world.network.start([&] {
    struct Unwound {
      TwoRanks& world;
      bool& done;
      ~Unwound() {  // a destructor that waits: its sleeps end
        const auto before = world.one->now();
        world.one->sleep(before + 3s);
        EXPECT_EQ(world.one->now(), before + 3s);
        done = true;
      }
    };
    const Unwound unwinding{world, unwound};
    world.one->sleep(Moment::max());
    went_on = true;
  });
  world.network.after(1s, [&] { world.network.kill(1); });
  world.network.run();
  EXPECT_TRUE(unwound);
  EXPECT_FALSE(went_on);
  EXPECT_FALSE(world.network.alive(1));
  EXPECT_EQ(world.network.now(), world.start + 1s) << "simulated time of the others has not advanced";
}

TEST(LoopbackSimulation, SaysWhatAProgramThrewAndEndsTheOthers) {
  TwoRanks world;
  bool ended = false;
  world.network.start([&] {
    struct Ended {
      bool& flag;
      ~Ended() { flag = true; }
    } const last{ended};
    world.zero->sleep(Moment::max());
  });
  world.network.start([&] {
    world.one->sleep(world.start + 1s);
    throw std::runtime_error("one is fed up");
  });
  try {
    world.network.run();
    ADD_FAILURE() << "no exception";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "one is fed up");
  }
  EXPECT_TRUE(ended);
}

TEST(LoopbackSimulation, NoticesThatNothingCanHappen) {
  TwoRanks world;
  world.network.start([&] { world.one->sleep(Moment::max()); });
  try {
    world.network.run();
    ADD_FAILURE() << "no exception";
  } catch (const std::logic_error& error) {
    EXPECT_STREQ(error.what(), "nothing can happen any more, but still asleep are ranks 1");
  }
}

TEST(LoopbackSimulationDeathTest, RefusesMisuse) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        TwoRanks world;
        world.network.on_ready(1, [&] { return world.one->sleep(world.start + 1s), Moment::max(); });
        world.network.run_for(1s);
      },
      "the hook of rank 1 sleeps; it has to return the moment instead");
  EXPECT_DEATH(
      {
        TwoRanks world;
        world.network.on_ready(1, [&] { return world.network.run_for(1s), Moment::max(); });
        world.network.run_for(1s);
      },
      "within the simulation runs the simulation");
  EXPECT_DEATH(
      {
        TwoRanks world;
        world.network.on_ready(1, [&] { return world.network.now(); });
        world.network.run_for(1s);
      },
      "millions of events happen at one moment");
  EXPECT_DEATH(
      {
        TwoRanks world;
        world.zero->sleep(Moment::max());
      },
      "nothing can happen any more, but still asleep are ranks 0");
  EXPECT_DEATH(
      {
        TwoRanks world;
        for (int i = 0; i < 2; ++i) {
          world.network.start([&] { world.one->sleep(world.start + 1s); });
        }
        world.network.run();
      },
      "two threads sleep at once in the transport of rank 1");
}

}  // namespace
}  // namespace locum::loopback
