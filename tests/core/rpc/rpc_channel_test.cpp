#include "core/rpc/rpc_channel.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/loopback/network.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Records its outcome.
class NotedCall final : public Call {
 public:
  std::span<std::byte> landing(std::span<const std::byte> /*body*/,
                               std::uint64_t bulk_bytes) noexcept override {
    ++inbound;
    memory.resize(refuses ? 0 : bulk_bytes);
    return memory;
  }
  void ended(const Result<Reply>& outcome, const std::shared_ptr<Call>& /*self*/) noexcept override {
    ++ends;
    if (outcome) {
      body = text_of(outcome->body);
      bulk = text_of(outcome->bulk);
      path = outcome->path;
    } else {
      error = outcome.error();
    }
    if (then) {
      then();
    }
  }

  std::function<void()> then;
  bool refuses = false;
  int inbound = 0;
  int ends = 0;
  std::string body;
  std::string bulk;
  std::optional<Path> path;
  std::optional<Error> error;
  std::vector<std::byte> memory;
};

/// Replies with the request reversed, or as set by the test.
class EchoService final : public Service {
 public:
  explicit EchoService(RpcChannel& channel) : channel_(channel) {}

  void serve(const Request& request) noexcept override {
    last = request.kind;
    asked_last = request.call;
    ++times;
    if (silent) {
      return;
    }
    if (refuses) {
      channel_.refuse(request.from, request.call, *refuses);
      return;
    }
    std::string text = text_of(request.body);
    const auto bulk = std::make_shared<std::vector<std::byte>>(request.bulk.begin(), request.bulk.end());
    bulk->resize(std::max(bulk->size(), least_bulk));
    channel_.reply(request.from, request.call, bytes_of(std::string(text.rbegin(), text.rend())),
                   {*bulk, bulk});
  }
  void on_rank_lost(int rank) noexcept override { lost.push_back(rank); }

  std::optional<Kind> last;
  std::uint32_t asked_last = 0;
  int times = 0;
  bool silent = false;
  std::size_t least_bulk = 0;
  std::optional<Error> refuses;
  std::vector<int> lost;

 private:
  RpcChannel& channel_;
};

class RpcChannelTest : public testing::Test {
 protected:
  struct Rank {
    std::shared_ptr<Metrics> metrics = std::make_shared<Metrics>();
    std::shared_ptr<Transport> transport;
    std::unique_ptr<RpcChannel> channel;
    std::unique_ptr<EchoService> service;
  };

  RpcChannelTest() {
    for (int number = 0; number < network_.size(); ++number) {
      Rank& rank = ranks_[static_cast<std::size_t>(number)];
      rank.transport = network_.transport(number);
      rank.channel = std::make_unique<RpcChannel>(rank.transport, rank.metrics,
                                                  RpcChannelOptions{.rank = number,
                                                                    .size = 3,
                                                                    .incarnation = 5,
                                                                    .patience = 5s,
                                                                    .node_of_rank = {},
                                                                    .most_answer_bytes = 100'000});
      rank.service = std::make_unique<EchoService>(*rank.channel);
      rank.channel->serve(rank.service.get());
      network_.on_ready(number, [channel = rank.channel.get()] {
        while (channel->step()) {
        }
        return channel->next_due();
      });
    }
  }
  ~RpcChannelTest() override {
    for (int number = 0; number < network_.size(); ++number) {
      network_.on_ready(number, nullptr);
    }
  }

  std::shared_ptr<NotedCall> ask(int from, int to, std::string_view body, std::string_view bulk = {},
                                 std::chrono::nanoseconds within = 30s, Kind kind = Kind::list) {
    auto call = std::make_shared<NotedCall>();
    const auto keep = std::make_shared<std::vector<std::byte>>(bytes_of(bulk));
    channel(from).ask(to, kind, bytes_of(body), {*keep, keep}, network_.now() + within, call);
    ranks_[static_cast<std::size_t>(from)].transport->wake();
    return call;
  }
  /// A message of a rank that numbers its requests as it likes.
  void say(int from, int to, Kind kind, std::uint32_t call, std::span<const std::byte> bulk = {}) {
    const Envelope envelope{.kind = kind, .call = call, .incarnation = 5};
    ASSERT_TRUE(ranks_[static_cast<std::size_t>(from)].transport->send(
        to, std::as_bytes(std::span(&envelope, 1)), bulk, 0));
  }
  [[nodiscard]] std::uint64_t turned_away(int rank) const {
    return ranks_[static_cast<std::size_t>(rank)].metrics->turned_away;
  }
  [[nodiscard]] RpcChannel& channel(int rank) { return *ranks_[static_cast<std::size_t>(rank)].channel; }
  [[nodiscard]] EchoService& service(int rank) { return *ranks_[static_cast<std::size_t>(rank)].service; }

  loopback::Network network_{{.ranks = 3, .detection = {std::chrono::hours(1), std::chrono::hours(1)}}};
  std::array<Rank, 3> ranks_;
};

TEST_F(RpcChannelTest, AnswersLaterWhatTheTransportDoesNotTake) {
  int refused = 0;
  network_.on_message([&](int from, int, std::span<const std::byte>) {
    const bool refuses = from == 2 && refused < 3;
    refused += refuses ? 1 : 0;
    return loopback::Verdict{.fate = refuses ? loopback::Fate::refuse : loopback::Fate::deliver};
  });
  const auto call = ask(0, 2, "text");
  network_.run_for(1s);
  EXPECT_EQ(refused, 3);
  EXPECT_EQ(call->ends, 1);
  EXPECT_EQ(call->body, "txet");
  EXPECT_FALSE(channel(0).is_lost(2));
}

TEST_F(RpcChannelTest, HasNotAskedWhatTheTransportDoesNotTake) {
  network_.on_message(
      [](int, int, std::span<const std::byte>) { return loopback::Verdict{.fate = loopback::Fate::refuse}; });
  const auto call = ask(0, 2, "text");
  EXPECT_EQ(call->ends, 1);
  ASSERT_TRUE(call->error);
  EXPECT_EQ(call->error->code(), Errc::out_of_memory);
  EXPECT_EQ(channel(0).under_way(), 0U);
  EXPECT_FALSE(channel(0).is_lost(2));
  EXPECT_EQ(channel(0).next_due(), RpcChannel::Clock::time_point::max());
}

TEST_F(RpcChannelTest, BringsQuestionsAndAnswersOfAllSizes) {
  for (const std::size_t bulk_bytes : {0U, 1U, 4096U, 4097U, 1U << 20U}) {
    const std::string bulk(bulk_bytes, 'b');
    for (const int to : {0, 1}) {
      const auto call = ask(0, to, "abc", bulk);
      network_.run_for(1s);
      ASSERT_EQ(call->ends, 1) << bulk_bytes;
      ASSERT_FALSE(call->error) << *call->error;
      EXPECT_EQ(call->body, "cba");
      EXPECT_EQ(call->bulk, bulk);
      EXPECT_EQ(service(to).last, Kind::list);
    }
  }
  EXPECT_EQ(channel(0).under_way(), 0U);
  EXPECT_EQ(channel(0).next_due(), RpcChannel::Clock::time_point::max());
}

TEST_F(RpcChannelTest, BringsTheOtherSidesErrorWithItsRank) {
  for (const std::size_t text_bytes : {10U, 3000U}) {
    service(2).refuses = Error(Errc::stale, std::string(text_bytes, 't'), "detail").about("key");
    const auto call = ask(0, 2, "x");
    network_.run_for(1s);
    ASSERT_TRUE(call->error);
    EXPECT_EQ(call->error->code(), Errc::stale);
    EXPECT_EQ(call->error->text(), std::string(text_bytes, 't'));
    EXPECT_EQ(call->error->detail(), "detail");
    EXPECT_EQ(call->error->rank(), 2);
  }
}

TEST_F(RpcChannelTest, RefusesQuestionsThatNobodyServes) {
  channel(1).serve(nullptr);
  const auto call = ask(0, 1, "x");
  network_.run_for(1s);
  ASSERT_TRUE(call->error);
  EXPECT_EQ(call->error->code(), Errc::closed);
}

TEST_F(RpcChannelTest, GivesUpOnTimeAndDropsWhatComesLater) {
  network_.on_message([](int from, int, std::span<const std::byte>) {
    return from == 1 ? loopback::Verdict{loopback::Fate::delay, 200ms} : loopback::Verdict{};
  });
  const auto late = ask(0, 1, "late", std::string(100'000, 'x'), 100ms);
  const auto in_time = ask(0, 1, "in time", {}, 900ms);
  const auto before = network_.now();
  (void)network_.run_until([&] { return late->ends > 0; });
  EXPECT_EQ(network_.now() - before, 100ms);
  ASSERT_TRUE(late->error);
  EXPECT_EQ(late->error->code(), Errc::timeout);
  network_.run_for(2s);
  EXPECT_EQ(late->ends, 1);
  EXPECT_EQ(in_time->ends, 1);
  EXPECT_FALSE(in_time->error);
}

// The memory of a call that gave up stays until nothing is written there any more.
TEST_F(RpcChannelTest, KeepsTheMemoryOfALandingThatCameTooLate) {
  const std::string bulk(1'000'000, 'x');  // 0.1 ms in transfer
  auto call = ask(0, 1, "x", bulk, 30s);
  (void)network_.run_until([&] { return !call->memory.empty(); });
  const std::weak_ptr<NotedCall> watched = call;
  channel(0).close(Error(Errc::closed, "closed"));
  ASSERT_TRUE(call->error);
  EXPECT_EQ(call->error->code(), Errc::closed);
  call.reset();
  EXPECT_FALSE(watched.expired());
  network_.run_for(1s);
  EXPECT_TRUE(watched.expired());
}

// While the first reply's memory is being written, another reply neither uses nor frees it.
TEST_F(RpcChannelTest, TakesNoSecondAnswerWhileTheFirstOneLands) {
  for (const std::size_t second_bytes : {std::size_t{0}, std::size_t{8}, std::size_t{1} << 21U}) {
    SCOPED_TRACE(second_bytes);
    service(1).silent = true;
    const auto call = ask(0, 1, "x");
    network_.run_for(1ms);
    const auto number = service(1).asked_last;
    const auto first = std::make_shared<std::vector<std::byte>>(std::size_t{1} << 20U, std::byte{1});
    const auto second = std::make_shared<std::vector<std::byte>>(second_bytes, std::byte{2});
    channel(1).reply(0, number, bytes_of("first"), {*first, first});
    channel(1).reply(0, number, bytes_of("second"), {*second, second});
    network_.run_for(1s);
    EXPECT_EQ(call->inbound, 1);
    EXPECT_EQ(call->ends, 1);
    EXPECT_EQ(call->body, "first");
    EXPECT_EQ(call->bulk.size(), first->size());
  }
}

// Until then the bulk may be written to memory that the call would free when it ends.
TEST_F(RpcChannelTest, EndsACallOfALostRankWhenItsBulkLandsNoMore) {
  service(1).least_bulk = std::size_t{1} << 20U;
  const auto call = ask(0, 1, "x");
  (void)network_.run_until([&] { return call->inbound > 0; });
  ASSERT_EQ(call->ends, 0);
  network_.on_ready(0, nullptr);  // so that messages move only by the calls below
  RpcChannel& reader = channel(0);
  network_.cut(0, 1);
  // Overdue calls end after the transport has made progress: it has not been told yet to forget this rank
  // when the calls of lost ranks end.
  const auto late = std::make_shared<NotedCall>();
  late->then = [&] { reader.lose(1, Error(Errc::peer_lost, "the test says so")); };
  reader.ask(2, Kind::exists, {}, {}, network_.now(), late);
  while (late->ends == 0) {
    (void)reader.step();
  }
  EXPECT_EQ(call->ends, 0) << "the transport may still write to its memory";
  for (int round = 0; call->ends == 0 && round < 1000; ++round) {
    network_.run_for(1ms);
    (void)reader.step();
  }
  EXPECT_EQ(call->ends, 1);
  ASSERT_TRUE(call->error);
  EXPECT_EQ(call->error->code(), Errc::peer_lost);
}

TEST_F(RpcChannelTest, RefusesAQuestionThatIsTooLong) {
  const auto call = ask(0, 1, "x", std::string((1U << 20U) + 1, 'x'));
  network_.run_for(1s);
  ASSERT_TRUE(call->error);
  EXPECT_EQ(call->error->code(), Errc::invalid_argument);
}

// A rank's unread replies, unanswered requests and announced bulks are limited, and others are served as
// before.
TEST_F(RpcChannelTest, HoldsABoundedNumberOfAnswersForARankThatReadsNone) {
  const std::uint32_t most = channel(0).options().most_requests;
  service(0).least_bulk = 8192;  // more than travels with a header
  network_.on_ready(2, nullptr);
  std::vector<std::shared_ptr<NotedCall>> calls;
  for (std::uint32_t i = 0; i < most + 500; ++i) {
    calls.push_back(ask(2, 0, "x"));
  }
  network_.run_for(1s);
  EXPECT_EQ(channel(0).requests_of(2), most);
  const auto other = ask(1, 0, "abc");
  network_.run_for(1s);
  EXPECT_EQ(other->body, "cba");

  // Now it reads.
  network_.on_ready(2, [this] {
    while (channel(2).step()) {
    }
    return channel(2).next_due();
  });
  network_.run_for(1s);
  EXPECT_EQ(channel(0).requests_of(2), 0U);
  std::uint32_t refused = 0;
  for (const auto& call : calls) {
    ASSERT_EQ(call->ends, 1);
    refused += call->error && call->error->code() == Errc::out_of_memory ? 1U : 0U;
  }
  EXPECT_EQ(refused, 500U);
  EXPECT_EQ(ask(2, 0, "abc")->ends, 0);
  network_.run_for(1s);
  EXPECT_EQ(channel(0).requests_of(2), 0U);
}

TEST_F(RpcChannelTest, HoldsABoundedNumberOfQuestionsThatAreAnsweredLater) {
  const std::uint32_t most = channel(0).options().most_requests;
  service(0).silent = true;
  std::vector<std::shared_ptr<NotedCall>> calls;
  for (std::uint32_t i = 0; i < most + 500; ++i) {
    calls.push_back(ask(2, 0, "x"));
  }
  network_.run_for(1s);
  EXPECT_EQ(channel(0).requests_of(2), most);
  EXPECT_EQ(channel(0).requests_of(1), 0U);
  EXPECT_EQ(calls.front()->ends, 0);
  ASSERT_TRUE(calls.back()->error);
  EXPECT_EQ(calls.back()->error->code(), Errc::out_of_memory);
  channel(0).reply(2, 1, {});
  channel(0).reply(2, 1, {});
  EXPECT_EQ(channel(0).requests_of(2), most - 1) << "a reply is counted once";
  const auto one_more = ask(2, 0, "x");
  network_.run_for(1s);
  EXPECT_EQ(one_more->ends, 0);
  channel(0).lose(2, Error(Errc::peer_lost, "killed"));
  EXPECT_EQ(channel(0).requests_of(2), 0U);
}

// Otherwise a rank that gives all its requests the same number, or none, could fill this rank's memory.
TEST_F(RpcChannelTest, TurnsAwayQuestionsOfANumberThatIsOpenAndOfNone) {
  service(0).silent = true;
  for (int time = 0; time < 10; ++time) {
    say(2, 0, Kind::list, 7);
    say(2, 0, Kind::list, 0);
    say(2, 0, Kind::join, 0);
  }
  network_.run_for(1s);
  EXPECT_EQ(service(0).times, 1);
  EXPECT_EQ(channel(0).requests_of(2), 1U);
  EXPECT_EQ(turned_away(0), 29U);
  say(1, 0, Kind::list, 7);
  network_.run_for(1s);
  EXPECT_EQ(service(0).times, 2) << "each rank has its own numbers";
  channel(0).reply(2, 7, {});
  say(2, 0, Kind::list, 7);
  network_.run_for(1s);
  EXPECT_EQ(service(0).times, 3) << "the number is free again";
  EXPECT_EQ(channel(0).requests_of(2), 1U);
  say(2, 0, Kind::end_read, 0);
  network_.run_for(1s);
  EXPECT_EQ(service(0).times, 4) << "a request without a reply";
  EXPECT_EQ(channel(0).requests_of(2), 1U);
}

TEST_F(RpcChannelTest, CountsAQuestionUntilThatOneIsAnswered) {
  service(0).silent = true;
  const std::uint32_t most = channel(0).options().most_requests;
  for (std::uint32_t number = 1; number <= most; ++number) {
    say(2, 0, Kind::list, number);
  }
  network_.run_for(1s);
  ASSERT_EQ(channel(0).requests_of(2), most);
  const std::vector<std::byte> too_long((1U << 20U) + 1);
  for (std::uint32_t number = 1; number <= 10; ++number) {
    say(2, 0, Kind::ping, number);
    say(2, 0, Kind::list, number);            // too many
    say(2, 0, Kind::list, number, too_long);  // too many
  }
  network_.run_for(1s);
  EXPECT_EQ(channel(0).requests_of(2), most);
  EXPECT_EQ(turned_away(0), 20U);
  channel(0).reply(2, 100, {});
  say(2, 0, Kind::list, 1, too_long);
  network_.run_for(1s);
  EXPECT_EQ(channel(0).requests_of(2), most - 1);
  channel(0).serve(nullptr);
  say(2, 0, Kind::list, 1);
  network_.run_for(1s);
  EXPECT_EQ(channel(0).requests_of(2), most - 1) << "a closed rank";
}

TEST_F(RpcChannelTest, CountsMessagesOfAnotherRuntime) {
  for (const Envelope& envelope : {Envelope{.kind = Kind::list, .call = 1, .incarnation = 6},
                                   Envelope{.kind = Kind::reply, .call = 1, .incarnation = 4},
                                   Envelope{.kind = Kind{}, .call = 1, .incarnation = 5}}) {
    ASSERT_TRUE(ranks_[2].transport->send(0, std::as_bytes(std::span(&envelope, 1)), {}, 0));
  }
  const std::byte too_short{};
  ASSERT_TRUE(ranks_[2].transport->send(0, std::span(&too_short, 1), {}, 0));
  network_.run_for(1s);
  EXPECT_EQ(ranks_[0].metrics->foreign_messages, 4U);
  EXPECT_EQ(service(0).times, 0);
  say(2, 0, Kind::list, 1);
  network_.run_for(1s);
  EXPECT_EQ(service(0).times, 1);
  EXPECT_EQ(ranks_[0].metrics->foreign_messages, 4U);
  EXPECT_EQ(turned_away(0), 0U);
}

// A wait that may never be answered does not count, but its number stays taken: its reply must not match
// another request.
TEST_F(RpcChannelTest, AWaitKeepsItsNumberUntilItIsAnsweredOrGivenUp) {
  service(0).silent = true;
  say(2, 0, Kind::await, 3);
  say(2, 0, Kind::list, 3);
  network_.run_for(1s);
  EXPECT_EQ(channel(0).requests_of(2), 0U);
  EXPECT_EQ(turned_away(0), 1U);
  channel(0).dismiss(2, 3);
  say(2, 0, Kind::list, 3);
  network_.run_for(1s);
  EXPECT_EQ(channel(0).requests_of(2), 1U);
  EXPECT_EQ(turned_away(0), 1U);
}

TEST_F(RpcChannelTest, TakesNoMoreBulksOfPingsThanOfQuestions) {
  const std::vector<std::byte> bulk(1U << 20U);
  for (std::uint32_t number = 1; number <= 20; ++number) {
    say(2, 0, Kind::ping, number, bulk);
  }
  network_.run_for(50us);  // all are announced, none has arrived
  EXPECT_EQ(channel(0).requests_of(2), channel(0).options().most_request_bytes / bulk.size());
  EXPECT_EQ(turned_away(0), 4U);
  network_.run_for(1s);
  EXPECT_EQ(channel(0).requests_of(2), 0U);
}

TEST_F(RpcChannelTest, TellsARankThatReadsNothingItsErrorsByTheirCodeAlone) {
  service(0).refuses = Error(Errc::stale, std::string(15'000, 'e'));
  network_.on_ready(2, nullptr);
  std::vector<std::shared_ptr<NotedCall>> calls;
  for (int i = 0; i < 100; ++i) {
    calls.push_back(ask(2, 0, "x"));
  }
  network_.run_for(1s);
  EXPECT_EQ(channel(0).requests_of(2), 100'000U / 15'000);
  network_.on_ready(2, [this] {
    while (channel(2).step()) {
    }
    return channel(2).next_due();
  });
  network_.run_for(1s);
  EXPECT_EQ(channel(0).requests_of(2), 0U);
  std::size_t whole = 0;
  for (const auto& call : calls) {
    ASSERT_TRUE(call->error);
    EXPECT_EQ(call->error->code(), Errc::stale);
    whole += call->error->text().size() >= 15'000 ? 1U : 0U;
  }
  EXPECT_EQ(whole, 100'000U / 15'000);
  const auto later = ask(2, 0, "x");
  network_.run_for(1s);
  EXPECT_GE(later->error->text().size(), 15'000U);
}

TEST_F(RpcChannelTest, TakesABoundedNumberOfBytesFromOneRankAtATime) {
  constexpr std::size_t bytes = std::size_t{1} << 20U;
  std::vector<std::shared_ptr<NotedCall>> calls;
  for (int i = 0; i < 20; ++i) {
    calls.push_back(ask(2, 0, "x", std::string(bytes, 'x')));
  }
  network_.run_for(50us);  // all are announced, none has arrived
  EXPECT_EQ(channel(0).requests_of(2), channel(0).options().most_request_bytes / bytes);
  network_.run_for(1s);
  EXPECT_EQ(channel(0).requests_of(2), 0U);
  int refused = 0;
  for (const auto& call : calls) {
    ASSERT_EQ(call->ends, 1);
    refused += call->error && call->error->code() == Errc::out_of_memory ? 1 : 0;
  }
  EXPECT_EQ(refused, 4);
}

TEST_F(RpcChannelTest, EndsACallThatHasNoMemoryForItsAnswer) {
  const auto call = std::make_shared<NotedCall>();
  call->refuses = true;
  const auto keep = std::make_shared<std::vector<std::byte>>(100'000);
  channel(0).ask(1, Kind::list, {}, {*keep, keep}, network_.now() + 30s, call);
  ranks_[0].transport->wake();
  network_.run_for(1s);
  ASSERT_TRUE(call->error);
  EXPECT_EQ(call->error->code(), Errc::out_of_memory);
}

TEST_F(RpcChannelTest, TakesARankForDeadThatOwesAndIsSilent) {
  network_.kill(1);
  const auto call = ask(0, 1, "x");
  const auto other = ask(0, 2, "x");
  const auto before = network_.now();
  (void)network_.run_until([&] { return call->ends > 0; });
  ASSERT_TRUE(call->error);
  EXPECT_EQ(call->error->code(), Errc::peer_lost);
  EXPECT_EQ(call->error->rank(), 1);
  EXPECT_EQ(network_.now() - before, 5s);
  EXPECT_TRUE(channel(0).is_lost(1));
  EXPECT_EQ(service(0).lost, std::vector<int>{1});
  EXPECT_FALSE(other->error);
  EXPECT_FALSE(channel(0).is_lost(2));
  const auto again = ask(0, 1, "x");
  network_.run_for(1ms);
  ASSERT_TRUE(again->error) << "a lost rank stays lost, without another wait";
  EXPECT_EQ(again->error->code(), Errc::peer_lost);
}

TEST_F(RpcChannelTest, LeavesARankAloneThatTakesLongButLives) {
  service(1).silent = true;
  const auto call = ask(0, 1, "x", {}, 60s);
  network_.run_for(59s);
  EXPECT_EQ(call->ends, 0);
  EXPECT_FALSE(channel(0).is_lost(1));
  network_.run_for(2s);
  ASSERT_TRUE(call->error);
  EXPECT_EQ(call->error->code(), Errc::timeout);
}

// After a stop of its own a rank finds overdue requests: it probes the other ranks before it gives them up.
TEST_F(RpcChannelTest, ARankThatWasStoppedTakesNobodyForDead) {
  service(1).silent = true;
  const auto call = ask(0, 1, "x", {}, 600s);
  network_.run_for(2s);
  network_.pause(0);
  network_.run_for(100s);
  network_.resume(0);
  network_.run_for(60s);
  EXPECT_EQ(call->ends, 0);
  EXPECT_FALSE(channel(0).is_lost(1));
}

TEST_F(RpcChannelTest, AnswersOfARankThatWasGivenUpAreNotBelieved) {
  service(1).silent = true;
  const auto call = ask(0, 1, "x", {}, 600s);
  network_.run_for(1s);
  channel(0).lose(1, Error(Errc::peer_lost, "the test says so"));
  service(1).silent = false;
  channel(1).reply(0, 1, bytes_of("too late"));
  network_.run_for(1s);
  EXPECT_EQ(call->ends, 1);
  ASSERT_TRUE(call->error);
  EXPECT_EQ(call->error->code(), Errc::peer_lost);
}

// Any bytes from any rank: no request is served, no call to another rank ends, nothing breaks.
TEST_F(RpcChannelTest, DropsWhatMakesNoSense) {
  service(1).silent = true;
  const auto call = ask(0, 1, "x");
  network_.run_for(1ms);
  service(0).last.reset();
  std::mt19937_64 random(11);
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> header(1 + random() % 64);
    for (std::byte& byte : header) {
      byte = static_cast<std::byte>(random());
    }
    Envelope envelope;
    envelope.kind = static_cast<Kind>(random() % 256);
    envelope.version = round % 3 == 0 ? static_cast<std::uint8_t>(random()) : wire_version;
    envelope.incarnation = round % 3 == 1 ? random() : 5;
    envelope.status = static_cast<std::uint8_t>(random());
    envelope.call = 1;
    if (round % 2 == 0 && header.size() >= sizeof envelope) {
      std::memcpy(header.data(), &envelope, sizeof envelope);
      if (envelope.version == wire_version && envelope.incarnation == 5 && envelope.kind >= Kind::ping &&
          static_cast<std::uint8_t>(envelope.kind) <= last_kind) {
        continue;  // that would be a request
      }
    }
    const std::vector<std::byte> bulk(random() % 2 == 0 ? 0 : random() % 10'000);
    ASSERT_TRUE(ranks_[2].transport->send(0, header, bulk, static_cast<std::uint64_t>(round)));
    network_.run_for(1ms);
  }
  EXPECT_EQ(call->ends, 0) << "rank 2 cannot reply for rank 1";
  EXPECT_FALSE(service(0).last);
}

TEST_F(RpcChannelTest, EndsEverythingWhenItIsClosed) {
  service(1).silent = true;
  const auto before = ask(0, 1, "x");
  channel(0).close(Error(Errc::closed, "closed"));
  const auto after = ask(0, 1, "x");
  network_.run_for(1ms);
  for (const auto& call : {before, after}) {
    EXPECT_EQ(call->ends, 1);
    ASSERT_TRUE(call->error);
    EXPECT_EQ(call->error->code(), Errc::closed);
  }
}

}  // namespace
}  // namespace locum
