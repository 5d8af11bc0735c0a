// Messages travel with others, and none is lost by it.
#include "core/rpc/held_messages.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/rpc/rpc_channel.hpp"
#include "tests/loopback/network.hpp"

namespace locum::tests::held_messages {
namespace {

using namespace std::chrono_literals;

class NotedCall final : public Call {
 public:
  std::span<std::byte> landing(std::span<const std::byte> /*body*/, std::uint64_t bytes) noexcept override {
    memory.resize(bytes);
    return memory;
  }
  void ended(const Result<Reply>& outcome, const std::shared_ptr<Call>& /*self*/) noexcept override {
    ++ends;
    error = outcome ? std::nullopt : std::optional(outcome.error());
    bulk_bytes = outcome ? outcome->bulk.size() : 0;
  }

  int ends = 0;
  std::size_t bulk_bytes = 0;
  std::optional<Error> error;
  std::vector<std::byte> memory;
};

/// Two ranks of which the second one serves, and notes what.
class HeldMessagesTest : public testing::Test, private Service {
 protected:
  HeldMessagesTest() {
    for (int rank = 0; rank < 2; ++rank) {
      transports_[index(rank)] = network_.transport(rank);
      channels_[index(rank)] = std::make_unique<RpcChannel>(
          transports_[index(rank)], metrics_[index(rank)],
          RpcChannelOptions{.rank = rank, .size = 2, .incarnation = 5, .patience = 5s, .node_of_rank = {}});
      network_.on_ready(rank, [channel = channels_[index(rank)].get()] {
        while (channel->step()) {
        }
        return channel->next_due();
      });
    }
    channel(1).serve(this);
  }
  ~HeldMessagesTest() override {
    for (int rank = 0; rank < 2; ++rank) {
      network_.on_ready(rank, nullptr);
    }
  }

  std::shared_ptr<NotedCall> ask(Kind kind, Urgency urgency, std::size_t bulk_bytes = 40) {
    auto call = std::make_shared<NotedCall>();
    const auto bulk = std::make_shared<std::vector<std::byte>>(bulk_bytes, std::byte{7});
    channel(0).ask(1, kind, std::as_bytes(std::span("body")), {*bulk, bulk}, network_.now() + 30s, call,
                   urgency);
    transports_[0]->wake();
    return call;
  }
  [[nodiscard]] RpcChannel& channel(int rank) { return *channels_[index(rank)]; }
  [[nodiscard]] std::uint64_t sent(int rank) const { return network_.counters(rank).sent.messages; }
  static std::size_t index(int rank) { return static_cast<std::size_t>(rank); }

  void serve(const Request& request) noexcept override {
    served.push_back(request.kind);
    wholes += request.bulk.size() == 40 && request.bulk.back() == std::byte{7} ? 1 : 0;
    last_call = request.call;
    if (!silent) {
      const auto bulk = std::make_shared<std::vector<std::byte>>(answer_bytes, std::byte{9});
      channel(1).reply(0, request.call, {}, {*bulk, bulk});
    }
  }
  void on_rank_lost(int /*rank*/) noexcept override {}

  loopback::Network network_{{.ranks = 2, .detection = {1h, 1h}}};
  std::array<std::shared_ptr<Metrics>, 2> metrics_{std::make_shared<Metrics>(), std::make_shared<Metrics>()};
  std::array<std::shared_ptr<Transport>, 2> transports_;
  std::array<std::unique_ptr<RpcChannel>, 2> channels_;
  std::vector<Kind> served;
  std::uint32_t last_call = 0;
  int wholes = 0;
  bool silent = false;
  std::size_t answer_bytes = 0;
};

TEST_F(HeldMessagesTest, TravelWithTheNextOneOfTheirStepInOrder) {
  const auto first = ask(Kind::bind, Urgency::none);
  const auto second = ask(Kind::evict, Urgency::none);
  EXPECT_EQ(sent(0), 0U);
  const auto third = ask(Kind::list, Urgency::now);
  EXPECT_EQ(sent(0), 1U);
  network_.run_for(1s);
  EXPECT_EQ(served, (std::vector{Kind::bind, Kind::evict, Kind::list}));
  EXPECT_EQ(wholes, 3);
  EXPECT_EQ(sent(0), 1U);
  EXPECT_EQ(sent(1), 1U) << "the replies did not travel with the one that was waited for";
  for (const auto& call : {first, second, third}) {
    EXPECT_EQ(call->ends, 1);
    EXPECT_FALSE(call->error);
  }
  EXPECT_EQ(channel(0).under_way(), 0U);
  EXPECT_EQ(channel(0).next_due(), RpcChannel::Clock::time_point::max());
  EXPECT_EQ(channel(1).next_due(), RpcChannel::Clock::time_point::max());
}

TEST_F(HeldMessagesTest, AreSentAtTheEndOfTheStepAndAnsweredSoonWhereNothingTakesThemAlong) {
  const auto before = network_.now();
  const auto call = ask(Kind::bind, Urgency::none);
  network_.run_for(1ms);
  EXPECT_EQ(served.size(), 1U);
  EXPECT_EQ(call->ends, 0) << "nobody waits for the reply: it may come later";
  ASSERT_TRUE(network_.run_until([&] { return call->ends > 0; }, before + 1s));
  EXPECT_LT(network_.now() - before, 20ms);
  EXPECT_EQ(sent(0), 1U);
  EXPECT_EQ(sent(1), 1U);
}

TEST_F(HeldMessagesTest, ThoseOfOneStepTravelTogetherAndSoDoTheirReplies) {
  answer_bytes = 4'096;
  std::vector<std::shared_ptr<NotedCall>> calls;
  for (int n = 0; n < 15; ++n) {
    calls.push_back(ask(Kind::list, Urgency::soon));
  }
  EXPECT_EQ(sent(0), 0U);
  network_.run_for(1ms);
  EXPECT_EQ(sent(0), 1U);
  EXPECT_EQ(sent(1), 1U);
  EXPECT_EQ(wholes, 15);
  for (const auto& call : calls) {
    EXPECT_EQ(call->ends, 1);
    EXPECT_EQ(call->bulk_bytes, 4'096U);
  }
  const auto alone = ask(Kind::list, Urgency::soon);
  network_.run_for(1ms);
  EXPECT_EQ(alone->ends, 1) << "its reply waits for nothing";
}

// Who has asked while the service was there gets its reply.
TEST_F(HeldMessagesTest, RepliesAreSentBeforeTheChannelCloses) {
  const auto call = ask(Kind::bind, Urgency::none);
  network_.run_for(1ms);
  EXPECT_EQ(call->ends, 0);
  channel(1).close(Error(Errc::closed, "closed"));
  network_.run_for(1ms);
  EXPECT_EQ(call->ends, 1);
  EXPECT_FALSE(call->error);
}

TEST_F(HeldMessagesTest, AReplyTravelsWithTheNextMessageWhateverThatIs) {
  silent = true;
  const auto awaited = ask(Kind::await, Urgency::now);
  network_.run_for(1ms);
  const std::uint32_t number = last_call;
  silent = false;
  const auto call = ask(Kind::bind, Urgency::none);
  network_.run_for(1ms);
  EXPECT_EQ(sent(1), 0U);
  channel(1).reply(0, number, {});
  network_.run_for(1ms);
  EXPECT_EQ(sent(1), 1U);
  EXPECT_EQ(awaited->ends, 1);
  EXPECT_EQ(call->ends, 1);
}

TEST_F(HeldMessagesTest, WhatIsTooLongIsSentAlone) {
  for (const std::size_t bytes : {std::size_t{3'000}, std::size_t{8'500}, std::size_t{100'000}}) {
    const std::uint64_t before = sent(0);
    const auto call = ask(Kind::bind, Urgency::none, bytes);
    const auto other = ask(Kind::list, Urgency::now, bytes);
    network_.run_for(1s);
    EXPECT_EQ(sent(0) - before, bytes == 3'000 ? 1U : 2U) << bytes;
    EXPECT_EQ(call->ends + other->ends, 2) << bytes;
    EXPECT_FALSE(call->error || other->error) << bytes;
  }
}

TEST_F(HeldMessagesTest, ManyOfThemTravelInAsManyMessagesAsTheyNeed) {
  std::vector<std::shared_ptr<NotedCall>> calls;
  for (int n = 0; n < 200; ++n) {
    calls.push_back(ask(Kind::bind, Urgency::none));
  }
  network_.run_for(1s);
  EXPECT_EQ(served.size(), 200U);
  EXPECT_EQ(wholes, 200);
  for (const auto& call : calls) {
    EXPECT_EQ(call->ends, 1);
  }
}

TEST_F(HeldMessagesTest, ALongReplyIsReceivedWhole) {
  answer_bytes = 3'000;
  const auto call = ask(Kind::bind, Urgency::none);
  const auto other = ask(Kind::list, Urgency::now);
  network_.run_for(1s);
  EXPECT_EQ(call->bulk_bytes, 3'000U);
  EXPECT_EQ(other->bulk_bytes, 3'000U);
}

TEST_F(HeldMessagesTest, AreKeptOrEndWithAnErrorWhereTheTransportTakesNothing) {
  bool refuses = true;
  network_.on_message([&](int, int, std::span<const std::byte>) {
    return loopback::Verdict{.fate = refuses ? loopback::Fate::refuse : loopback::Fate::deliver};
  });
  const auto call = ask(Kind::bind, Urgency::none);
  const auto other = ask(Kind::list, Urgency::now);
  EXPECT_EQ(other->ends, 1);
  ASSERT_TRUE(other->error);
  EXPECT_EQ(other->error->code(), Errc::out_of_memory);
  network_.run_for(1ms);
  EXPECT_EQ(call->ends, 1);
  ASSERT_TRUE(call->error);
  EXPECT_EQ(call->error->code(), Errc::out_of_memory);
  // The reply, too, is sent later.
  refuses = false;
  const auto again = ask(Kind::bind, Urgency::none);
  network_.run_for(1ms);
  refuses = true;
  network_.run_for(100ms);
  EXPECT_EQ(again->ends, 0);
  refuses = false;
  network_.run_for(1s);
  EXPECT_EQ(again->ends, 1);
  EXPECT_FALSE(again->error);
}

TEST_F(HeldMessagesTest, EndWithALostRankAndWithTheChannel) {
  const auto call = ask(Kind::bind, Urgency::none);
  channel(0).lose(1, Error(Errc::peer_lost, "the test says so"));
  network_.run_for(1s);
  EXPECT_EQ(call->ends, 1);
  ASSERT_TRUE(call->error);
  EXPECT_EQ(call->error->code(), Errc::peer_lost);
  EXPECT_EQ(sent(0), 0U);
  channel(0).close(Error(Errc::closed, "closed"));
  EXPECT_EQ(channel(0).next_due(), RpcChannel::Clock::time_point::max());
}

// The rest of a message is dropped behind the first part that no rank sends; what came before counts.
TEST_F(HeldMessagesTest, AreTakenOnlyAsFarAsTheyMakeSense) {
  const auto part = [](Envelope envelope) {
    std::vector<std::byte> bytes;
    append_message({envelope, std::as_bytes(std::span("body")), {}}, bytes);
    return bytes;
  };
  const Envelope good{.kind = Kind::list, .call = 1, .incarnation = 5};
  const std::vector<std::vector<std::byte>> bad{part({.kind = Kind::list, .call = 2, .incarnation = 6}),
                                                part({.kind = Kind::together, .call = 2, .incarnation = 5}),
                                                part({.kind = Kind{77}, .call = 2, .incarnation = 5}),
                                                part({.kind = Kind::list, .version = 1, .incarnation = 5}),
                                                std::vector<std::byte>(7),
                                                std::vector<std::byte>(16, std::byte{255}),
                                                std::vector<std::byte>(16)};
  std::uint64_t foreign = 0;
  for (const auto& end : bad) {
    std::vector<std::byte> bulk = part(good);
    bulk.insert(bulk.end(), end.begin(), end.end());
    const auto more = part(good);
    bulk.insert(bulk.end(), more.begin(), more.end());
    const Envelope envelope{.kind = Kind::together, .incarnation = 5};
    served.clear();
    ASSERT_TRUE(transports_[0]->send(1, std::as_bytes(std::span(&envelope, 1)), bulk, 0));
    network_.run_for(1ms);
    EXPECT_EQ(served, std::vector{Kind::list});
    EXPECT_EQ(metrics_[1]->foreign_messages, ++foreign);
  }
  const std::vector<std::byte> too_long(most_together_bytes + 16);
  const Envelope envelope{.kind = Kind::together, .incarnation = 5};
  ASSERT_TRUE(transports_[0]->send(1, std::as_bytes(std::span(&envelope, 1)), too_long, 0));
  network_.run_for(1ms);
  EXPECT_EQ(metrics_[1]->foreign_messages, ++foreign);
}

TEST_F(HeldMessagesTest, ABulkThatIsFetchedIsTakenAsWell) {
  std::vector<std::byte> bulk;
  for (std::uint32_t number = 1; bulk.size() < 6'000; ++number) {
    append_message({{.kind = Kind::list, .call = number, .incarnation = 5},
                    std::as_bytes(std::span("body")),
                    std::vector<std::byte>(40, std::byte{7})},
                   bulk);
  }
  const Envelope envelope{.kind = Kind::together, .incarnation = 5};
  ASSERT_TRUE(transports_[0]->send(1, std::as_bytes(std::span(&envelope, 1)), bulk, 0));
  network_.run_for(1s);
  EXPECT_EQ(static_cast<std::size_t>(wholes), served.size());
  EXPECT_GE(served.size(), 50U);
  EXPECT_EQ(channel(1).requests_of(0), 0U);
}

}  // namespace
}  // namespace locum::tests::held_messages
