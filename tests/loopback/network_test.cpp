#include "tests/loopback/network.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "tests/core/mailbox.hpp"

namespace locum::tests {
namespace {

using loopback::Cut;
using loopback::Fate;
using loopback::Moment;
using loopback::Network;
using loopback::NetworkOptions;
using loopback::Verdict;
using namespace std::chrono_literals;

/// A network whose ranks are all served by hooks that receive all messages.
struct Served {
  explicit Served(const NetworkOptions& options) : network(options) {
    for (int rank = 0; rank < network.size(); ++rank) {
      transports.push_back(network.transport(rank));
      mailboxes.push_back(std::make_unique<Mailbox>(*transports.back()));
      network.on_ready(
          rank, [mailbox = mailboxes.back().get()] { return (void)mailbox->progress(), Moment::max(); });
    }
  }
  Mailbox& at(int rank) { return *mailboxes.at(static_cast<std::size_t>(rank)); }
  std::vector<std::uint64_t> numbers(int rank) {
    std::vector<std::uint64_t> all;
    for (const Letter& letter : at(rank).letters) {
      all.push_back(number_of(letter.header));
    }
    return all;
  }

  Network network;
  std::vector<std::unique_ptr<Transport>> transports;
  std::vector<std::unique_ptr<Mailbox>> mailboxes;
};

using Numbers = std::vector<std::uint64_t>;
const NetworkOptions quick{.ranks = 3, .latency = {10us, 10us}, .detection = {1s, 1s}, .give_up = 100ms};

Errc code_of(const Result<void>& outcome) {
  return outcome ? Errc{} : outcome.error().code();
}

TEST(LoopbackNetwork, TakesTheTimeOfLatencyAndBandwidth) {
  NetworkOptions options = quick;
  options.bytes_per_us = 1000;
  Served world(options);
  const Moment start = world.network.now();
  std::vector<std::chrono::nanoseconds> times;
  const auto note = [&] { times.push_back(world.network.now() - start); };
  world.at(1).on_arrival = [&](const Letter&) { note(); };
  world.at(1).on_landing = [&](const Letter&) { note(); };
  world.at(0).on_sent = [&](const Result<void>&) { note(); };
  const std::vector<std::byte> small(1992);
  const std::vector<std::byte> large(1'000'000);
  world.at(0).send(1, numbered(0), small);
  world.at(0).send(1, numbered(1), large);
  world.network.run_until_idle();
  // 2000 bytes take 2 us; the second message waits for the first; the receiver's request, the bulk, and the
  // report of its arrival take a latency each.
  EXPECT_EQ(times, (std::vector<std::chrono::nanoseconds>{12us, 12us, 12us + 20us + 1ms, 12us + 30us + 1ms}));
}

TEST(LoopbackNetwork, ReadsALargeBulkWhenItMovesAndNotBefore) {
  Served world(quick);
  std::vector<std::byte> large(100'000, std::byte{1});
  ASSERT_EQ(world.at(0).send(1, numbered(0), large), Sending::pending);
  world.network.run_for(25us);  // requested at 10 us, transferred at 30 us and later
  std::ranges::fill(large, std::byte{2});
  world.network.run_until_idle();
  EXPECT_TRUE(world.at(1).letters.at(0).bulk == large);
  EXPECT_EQ(world.network.counters().transfers, 1U);
}

TEST(LoopbackNetwork, Counts) {
  Served world(quick);
  const std::vector<std::byte> bulk(10'000);
  const std::array<std::byte, 3> ask{std::byte{7}};
  const std::array<std::byte, 5> tell{std::byte{9}};
  world.at(0).send(1, ask);
  world.at(0).send(2, ask);
  world.at(1).send(0, tell, bulk);
  world.network.run_until_idle();
  const auto& all = world.network.counters();
  EXPECT_EQ(all.sent.messages, 3U);
  EXPECT_EQ(all.sent.bytes, 10'011U);
  EXPECT_EQ(all.received.messages, 3U);
  EXPECT_EQ(all.received.bytes, 10'011U);
  EXPECT_EQ(all.by_kind[7], 2U);
  EXPECT_EQ(all.by_kind[9], 1U);
  EXPECT_EQ(all.transfers, 1U);
  EXPECT_EQ(all.lost.messages, 0U);
  EXPECT_EQ(world.network.counters(0).sent.messages, 2U);
  EXPECT_EQ(world.network.counters(0).received.bytes, 10'005U);
  EXPECT_EQ(world.network.counters(2).received.messages, 1U);
  EXPECT_EQ(world.network.counters(2).sent.messages, 0U);
}

/// Every kind of fault, on a network with this seed: returns a hash of all events. The world is kept, so that
/// the next one has other addresses.
std::uint64_t fault_trace(std::uint64_t seed, std::uint64_t& events,
                          std::vector<std::unique_ptr<Served>>& kept) {
  Served& world = *kept.emplace_back(std::make_unique<Served>(NetworkOptions{.ranks = 12,
                                                                             .seed = seed,
                                                                             .latency = {1us, 300us},
                                                                             .reorder = seed % 2 == 0,
                                                                             .drop = 0.05,
                                                                             .detection = {1ms, 9ms},
                                                                             .give_up = 2ms}));
  std::vector<std::vector<std::byte>> bulks;
  loopback::Random random(seed + 1);
  for (int i = 0; i < 1500; ++i) {
    world.network.after(std::chrono::microseconds(random.below(20'000)), [&world, &random, &bulks] {
      const int from = static_cast<int>(random.below(12));
      const int to = static_cast<int>(random.below(12));
      bulks.emplace_back(random.below(2) * random.below(50'000));
      (void)world.transports[static_cast<std::size_t>(from)]->send(to, numbered(random.next()), bulks.back(),
                                                                   1'000'000 + bulks.size());
    });
  }
  bulks.reserve(1500);
  // Mailboxes do not know these tickets: their outcomes are not tested here.
  for (int rank = 0; rank < 12; ++rank) {
    struct Silent final : Receiver {
      std::span<std::byte> arrived(const Arrival& message) noexcept override {
        return memory.emplace_back(message.bulk_bytes);
      }
      void landed(std::uint64_t, const Result<Path>&) noexcept override {}
      void sent(std::uint64_t, const Result<void>&) noexcept override {}
      void lost(int, const Error&) noexcept override {}
      std::vector<std::vector<std::byte>> memory;
    };
    world.network.on_ready(rank, [&world, rank, silent = std::make_shared<Silent>()] {
      return (void)world.transports[static_cast<std::size_t>(rank)]->progress(*silent), Moment::max();
    });
  }
  world.network.after(4ms, [&] { world.network.partition({1, 2, 3}, Cut::hold); });
  world.network.after(6ms, [&] { world.network.cut(4, 5); });
  world.network.after(8ms, [&] { world.network.heal(); });
  world.network.after(9ms, [&] { world.network.pause(6); });
  world.network.after(11ms, [&] { world.network.kill(7); });
  world.network.after(12ms, [&] { world.network.resume(6); });
  world.network.after(13ms, [&] { world.network.sever(8, 9); });
  world.network.run_until_idle();
  events = world.network.events();
  return world.network.trace();
}

TEST(LoopbackNetwork, DoesTheSameForTheSameSeed) {
  std::vector<std::uint64_t> traces;
  std::vector<std::unique_ptr<Served>> kept;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    std::uint64_t events = 0;
    std::uint64_t events_again = 0;
    traces.push_back(fault_trace(seed, events, kept));
    EXPECT_EQ(fault_trace(seed, events_again, kept), traces.back()) << "seed " << seed;
    EXPECT_EQ(events_again, events);
    EXPECT_GT(events, 3000U) << "a run has more events than calls";
  }
  std::ranges::sort(traces);
  EXPECT_EQ(std::ranges::adjacent_find(traces), traces.end()) << "two seeds gave the same run";
}

TEST(LoopbackNetwork, CarriesFourThousandRanksToOne) {
  constexpr int ranks = 4096;
  const auto start = std::chrono::steady_clock::now();
  Served world({.ranks = ranks, .latency = {1us, 50us}});
  // Every rank sends a request to rank 0, which replies; replies are counted at their arrival.
  world.at(0).on_arrival = [&](const Letter& letter) { world.at(0).send(letter.from, numbered(1)); };
  const std::vector<std::byte> bulk(10'000);
  for (int rank = 1; rank < ranks; ++rank) {
    world.at(rank).send(0, numbered(0), bulk);
  }
  world.network.run_until_idle();
  for (int rank = 1; rank < ranks; ++rank) {
    ASSERT_EQ(world.at(rank).letters.size(), 1U);
    ASSERT_EQ(world.at(rank).open_tickets(), 0U);
  }
  const auto& all = world.network.counters();
  EXPECT_EQ(all.sent.messages, 2U * (ranks - 1));
  EXPECT_EQ(all.transfers, ranks - 1U);
  // A hook's first call, a request, a reply, a bulk, its end and the reports of each.
  EXPECT_LT(world.network.events(), 8U * ranks);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 20s) << "measured: less than a second";
}

TEST(LoopbackNetwork, ReordersOnlyWhenAsked) {
  for (const bool reorder : {false, true}) {
    Served world({.ranks = 2, .seed = 5, .latency = {1us, 100us}, .reorder = reorder});
    for (std::uint64_t i = 0; i < 100; ++i) {
      world.at(0).send(1, numbered(i));
    }
    world.network.run_until_idle();
    Numbers numbers = world.numbers(1);
    EXPECT_EQ(std::ranges::is_sorted(numbers), !reorder);
    std::ranges::sort(numbers);
    EXPECT_EQ(std::ranges::adjacent_find(numbers), numbers.end()) << "no message arrives twice";
    EXPECT_EQ(numbers.size(), 100U);
  }
}

TEST(LoopbackNetwork, DropsWithProbabilityAndGivesTheBulkBack) {
  NetworkOptions options = quick;
  options.drop = 0.3;
  Served world(options);
  const std::vector<std::byte> large(10'000);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    world.at(0).send(1, numbered(i), large);
  }
  world.network.run_until_idle();
  const std::uint64_t lost = world.network.counters().lost.messages;
  EXPECT_NEAR(static_cast<double>(lost), 300, 60);
  EXPECT_EQ(world.at(1).letters.size(), 1000 - lost);
  const auto outcomes = world.at(0).outcomes();
  ASSERT_EQ(outcomes.size(), 1000U) << "each bulk has an outcome";
  EXPECT_EQ(std::ranges::count(outcomes, Errc::timeout, code_of), static_cast<std::ptrdiff_t>(lost));
  EXPECT_TRUE(std::ranges::is_sorted(world.numbers(1))) << "messages arrive in order";
}

TEST(LoopbackNetwork, LosesOrHoldsWhatMeetsACut) {
  for (const Cut how : {Cut::lose, Cut::hold}) {
    Served world(quick);
    world.at(0).send(1, numbered(0));
    world.network.run_until_idle();
    world.at(0).send(1, numbered(1));  // in transfer when the link is cut
    world.network.cut(0, 1, how);
    world.at(0).send(1, numbered(2));
    world.at(1).send(0, numbered(3));
    world.at(0).send(2, numbered(4));
    world.network.run_for(1h);
    EXPECT_EQ(world.numbers(1), Numbers{0});
    EXPECT_EQ(world.numbers(2), Numbers{4}) << "others are not cut off";
    world.at(0).send(1, numbered(5));
    world.network.heal(0, 1);
    world.at(0).send(1, numbered(6));
    world.network.run_until_idle();
    EXPECT_EQ(world.numbers(1), how == Cut::hold ? (Numbers{0, 1, 2, 5, 6}) : (Numbers{0, 5, 6}));
    EXPECT_EQ(world.numbers(0), how == Cut::hold ? Numbers{3} : Numbers{});
    EXPECT_TRUE(world.at(0).lost_ranks.empty()) << "a cut link may be restored: no rank is lost";
    EXPECT_EQ(world.network.counters().lost.messages, how == Cut::hold ? 0U : 3U);
  }
}

TEST(LoopbackNetwork, LosesOrHoldsABulkThatMeetsACut) {
  for (const Cut how : {Cut::lose, Cut::hold}) {
    Served world(quick);
    const std::vector<std::byte> large(10'000, std::byte{3});
    world.at(0).send(1, numbered(0), large);
    world.network.run_for(15us);
    ASSERT_EQ(world.at(1).open_landings(), 1U) << "the header has arrived, the bulk is requested";
    world.network.partition({1}, how);
    world.network.run_for(1s);
    EXPECT_EQ(world.at(1).open_landings(), how == Cut::hold ? 1U : 0U);
    world.network.heal();
    world.network.run_until_idle();
    const Letter& letter = world.at(1).letters.at(0);
    ASSERT_TRUE(letter.landed.has_value());
    EXPECT_EQ(letter.landed->has_value(), how == Cut::hold);
    EXPECT_EQ(letter.bulk == large, how == Cut::hold);
    EXPECT_EQ(code_of(world.at(0).outcomes().at(0)), how == Cut::hold ? Errc{} : Errc::timeout);
  }
}

TEST(LoopbackNetwork, SeversForEver) {
  Served world(quick);
  const std::vector<std::byte> large(10'000);
  world.at(0).send(1, numbered(0), large);
  world.network.sever(0, 1);
  world.network.heal();
  world.network.run_for(999ms);
  EXPECT_TRUE(world.at(0).lost_ranks.empty());
  world.network.run_for(2ms);
  EXPECT_EQ(world.at(0).lost_ranks, std::vector<int>{1});
  EXPECT_EQ(world.at(1).lost_ranks, std::vector<int>{0});
  EXPECT_FALSE(world.at(0).outcomes().at(0).has_value());
  EXPECT_TRUE(world.at(1).letters.empty());
  EXPECT_FALSE(world.transports[0]->send(1, numbered(1), {}, 9).has_value());
  world.at(0).send(2, numbered(2));
  world.network.run_until_idle();
  EXPECT_EQ(world.numbers(2), Numbers{2});
}

TEST(LoopbackNetwork, KeepsOrLosesWhatADeadRankHadSaid) {
  // The messages that arrive are the first ones sent; how many follows from the seed.
  std::vector<std::size_t> kept;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    NetworkOptions options = quick;
    options.seed = seed;
    Served world(options);
    for (std::uint64_t i = 0; i < 6; ++i) {
      world.at(0).send(1, numbered(i));
    }
    world.network.kill(0);
    world.network.run_until_idle();
    const Numbers numbers = world.numbers(1);
    kept.push_back(numbers.size());
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      EXPECT_EQ(numbers[i], i);
    }
    EXPECT_EQ(world.at(1).lost_ranks, std::vector<int>{0});
    EXPECT_EQ(world.at(2).lost_ranks, std::vector<int>{0});
    EXPECT_TRUE(world.at(0).lost_ranks.empty());
  }
  EXPECT_GT(std::ranges::count(kept, 0U), 8) << "half of the seeds lose even the first one";
  EXPECT_GT(std::ranges::count_if(kept, [](std::size_t count) { return count > 0 && count < 6; }), 8);
}

TEST(LoopbackNetwork, EndsBothSidesOfABulkAtADeath) {
  for (const int dead : {0, 1}) {
    Served world(quick);
    const std::vector<std::byte> large(10'000, std::byte{1});
    world.at(0).send(1, numbered(0), large);
    world.network.run_for(15us);
    ASSERT_EQ(world.at(1).open_landings(), 1U);
    world.network.kill(dead);
    (void)world.at(dead).progress();
    EXPECT_EQ(world.at(0).open_tickets(), dead == 0 ? 0U : 1U) << "a dead rank's own ends fail at once";
    EXPECT_EQ(world.at(1).open_landings(), dead == 1 ? 0U : 1U);
    std::vector<std::string> told;
    world.at(0).on_sent = [&](const Result<void>& outcome) {
      told.emplace_back(outcome ? "sent" : "not sent");
    };
    world.at(1).on_landing = [&](const Letter& letter) {
      told.emplace_back(letter.landed->has_value() ? "landed" : "not landed");
    };
    world.network.run_until_idle();
    EXPECT_EQ(told, std::vector<std::string>{dead == 0 ? "not landed" : "not sent"});
    EXPECT_EQ(world.at(1 - dead).lost_ranks, std::vector<int>{dead});
    const Letter& letter = world.at(1).letters.at(0);
    EXPECT_TRUE(letter.bulk == std::vector<std::byte>(10'000)) << "nothing was written to it";
  }
}

TEST(LoopbackNetwork, TellsNobodyOfADeathWhereThatIsWanted) {
  NetworkOptions options = quick;
  options.detection = {std::chrono::nanoseconds::max(), std::chrono::nanoseconds::max()};
  Served world(options);
  const std::vector<std::byte> large(10'000);
  world.at(0).send(1, numbered(0), large);
  world.network.kill(1);
  world.network.run_for(24h);
  EXPECT_TRUE(world.at(0).lost_ranks.empty());
  EXPECT_EQ(world.at(0).open_tickets(), 1U) << "the outcome is never reported";
  world.at(0).send(1, numbered(1));
  world.network.run_until_idle();
  EXPECT_EQ(world.network.counters().lost.messages, 2U);
}

TEST(LoopbackNetwork, TellsOfEachDeathAtATimeOfItsOwn) {
  NetworkOptions options = quick;
  options.ranks = 50;
  options.detection = {1s, 2s};
  Served world(options);
  world.network.kill(7);
  world.network.run_for(1500ms);
  int told = 0;
  for (int rank = 0; rank < 50; ++rank) {
    told += static_cast<int>(world.at(rank).lost_ranks.size());
  }
  EXPECT_GT(told, 10);
  EXPECT_LT(told, 40);
  world.network.run_until_idle();
  for (int rank = 0; rank < 50; ++rank) {
    EXPECT_EQ(world.at(rank).lost_ranks, rank == 7 ? std::vector<int>{} : std::vector<int>{7});
  }
}

TEST(LoopbackNetwork, ClosesARankWithItsTransport) {
  Served world(quick);
  world.at(0).send(1, numbered(1));
  world.network.on_ready(0, nullptr);
  world.transports[0].reset();
  EXPECT_THROW((void)world.network.transport(0), Error);
  world.network.run_until_idle();
  EXPECT_EQ(world.numbers(1), Numbers{1}) << "sent messages arrive";
  EXPECT_EQ(world.at(1).lost_ranks, std::vector<int>{0});
}

TEST(LoopbackNetwork, DoesWhatTheJudgeSays) {
  Served world(quick);
  Fate fate = Fate::deliver;
  world.network.on_message([&](int from, int to, std::span<const std::byte> header) {
    return from == 0 && to == 1 && number_of(header) == 2 ? Verdict{fate, 1ms} : Verdict{};
  });
  const auto round = [&](Fate what) {
    fate = what;
    world.at(1).letters.clear();
    for (std::uint64_t i = 1; i <= 3; ++i) {
      (void)world.transports[0]->send(1, numbered(i), {}, 0);
    }
    world.network.run_for(500us);
    return world.numbers(1);
  };
  EXPECT_EQ(round(Fate::deliver), (Numbers{1, 2, 3}));
  EXPECT_EQ(round(Fate::drop), (Numbers{1, 3}));
  EXPECT_EQ(round(Fate::refuse), (Numbers{1, 3}));
  EXPECT_EQ(round(Fate::delay), Numbers{1}) << "the third waits for the second";
  world.network.run_for(1ms);
  EXPECT_EQ(world.numbers(1), (Numbers{1, 2, 3}));
  fate = Fate::refuse;
  const auto refused = world.transports[0]->send(1, numbered(2), {}, 0);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Errc::out_of_memory);
}

TEST(LoopbackNetwork, StrandsABulkAndBringsItsMessage) {
  Served world(quick);
  world.network.on_message([](int, int to, std::span<const std::byte>) {
    return Verdict{.fate = to == 1 ? Fate::strand : Fate::deliver};
  });
  const std::vector<std::byte> large(1'000'000);
  world.at(0).send(1, numbered(0), large);
  world.at(0).send(2, numbered(1), large);
  world.at(0).send(1, numbered(2));
  world.network.run_for(1h);
  EXPECT_EQ(world.numbers(1), (Numbers{0, 2}));
  EXPECT_EQ(world.network.counters().transfers, 1U);
  EXPECT_EQ(world.at(0).outcomes().size(), 1U);
  EXPECT_EQ(world.at(1).open_landings(), 1U);
}

TEST(LoopbackNetwork, KillsAtExactlyThatMessage) {
  for (const auto& [fate, received, dead] : {std::tuple(Fate::kill_before, Numbers{}, 0),
                                             {Fate::kill_after, {1, 2}, 0},
                                             {Fate::kill_receiver, {1}, 1}}) {
    NetworkOptions options = quick;
    options.lost_at_death = 1;
    Served world(options);
    world.network.on_message([&, what = fate](int, int, std::span<const std::byte> header) {
      return Verdict{number_of(header) == 2 ? what : Fate::deliver, {}};
    });
    for (std::uint64_t i = 1; i <= 3; ++i) {
      (void)world.transports[0]->send(1, numbered(i), {}, 0);
    }
    world.network.run_until_idle();
    EXPECT_EQ(world.numbers(1), received);
    EXPECT_FALSE(world.network.alive(dead));
    EXPECT_TRUE(world.network.alive(1 - dead));
    EXPECT_EQ(world.at(2).lost_ranks, std::vector<int>{dead});
  }
}

TEST(LoopbackNetworkDeathTest, RefusesWhatAReceiverMayNotDo) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto within_arrival = [](const std::function<void(Served&)>& act) {
    Served world(quick);
    world.at(1).on_arrival = [&](const Letter&) { act(world); };
    world.at(0).send(1, numbered(1));
    world.network.run_until_idle();
  };
  EXPECT_DEATH(within_arrival([](Served& world) { (void)world.transports[1]->sleep(world.network.now()); }),
               "the receiver of rank 1 sleeps; it may send, and nothing else");
  EXPECT_DEATH(within_arrival([](Served& world) { (void)world.at(1).progress(); }),
               "the receiver of rank 1 calls progress");
}

}  // namespace
}  // namespace locum::tests
