// Invalid batch requests and replies from faulty ranks.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "core/ports/wanting.hpp"
#include "core/rpc/batch_wire.hpp"
#include "core/store.hpp"
#include "core/value/options.hpp"
#include "tests/core/bent_transport.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/simulated_nodes.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;
using tests::SimulatedNodes;

// A faulty rank: the result is an error or the object, and no byte beyond the received ones is read.
TEST(BatchOfALiar, SpoiledAnswersAreErrorsOrRightOnes) {
  constexpr std::uint32_t store = 7;
  tests::Liars liars{1};
  SimulatedNodes world({.nodes = {.nodes = 2, .timeout = 1s}, .network = {}, .wrap = liars.wrap()});
  tests::BentTransport& bent = liars[1];
  std::vector<Address> addresses;
  std::vector<std::vector<std::byte>> values;
  for (std::size_t at = 0; at < 40; ++at) {
    values.push_back(pattern(at, at * 10));
    addresses.emplace_back(put(world.connector(1), store, {}, values.back()).value().key);
  }
  std::vector<Result<ObjectView>> found(40, no_memory_left());
  std::vector<tests::Message> seen;
  bent.record = [&](const tests::Message& message) { seen.push_back(message); };
  world.connector(0).find_batch(addresses, Wanting::all, found, {});
  world.connector(0).find_batch(std::span(addresses).first(3), Wanting::facts, std::span(found).first(3), {});
  bent.record = nullptr;
  ASSERT_GE(seen.size(), 2U);
  tests::Spoiler spoiler(5);
  int wrong = 0;
  int right = 0;
  for (int round = 0; round < 500; ++round) {
    bool first = true;
    bent.bend = [&](tests::Message& message) {
      if (message.envelope().kind != Kind::reply || !std::exchange(first, false)) {
        return;
      }
      if (round % 2 == 0) {
        spoiler.spoil(message, seen);
      } else if (message.bulk.size() > sizeof(BatchRow)) {  // wrong rows
        const std::size_t at = spoiler.below(40) * sizeof(BatchRow) + spoiler.below(sizeof(BatchRow));
        message.bulk[std::min(at, message.bulk.size() - 1)] ^= static_cast<std::byte>(1 + spoiler.below(255));
      }
    };
    world.connector(0).find_batch(addresses, Wanting::all, found, {});
    for (std::size_t at = 0; at < found.size(); ++at) {
      if (!found[at]) {
        ++wrong;
        continue;
      }
      ++right;
      EXPECT_EQ(found[at]->key(), addresses[at].key);
      const ObjectFacts facts = found[at]->facts();
      ASSERT_EQ(facts.size_bytes, found[at]->bytes().size());
      ASSERT_LE(facts.type_name.size(), 100U);
      unsigned sum = 0;
      for (const std::byte byte : found[at]->bytes()) {
        sum += std::to_integer<unsigned>(byte);
      }
      EXPECT_LE(sum, 255U * 400U);
    }
    if (round % 50 == 0) {
      found.assign(40, no_memory_left());
      world.network().run_until_idle();
      bent.forget();
    }
  }
  bent.bend = nullptr;
  EXPECT_GT(wrong, 500);
  EXPECT_GT(right, 5000);
}

// Each byte of the request takes some values, and its bulk is truncated: the request is refused, or the reply
// contains only requested objects.
TEST(BatchOfALiar, SpoiledQuestionsReadNothingElse) {
  constexpr std::uint32_t store = 7;
  tests::Liars liars{0, 1};
  SimulatedNodes world({.nodes = {.nodes = 2}, .network = {}, .wrap = liars.wrap()});
  tests::BentTransport& owner = liars[0];
  tests::BentTransport& hostile = liars[1];
  std::vector<Address> addresses;
  for (std::size_t at = 0; at < 4; ++at) {
    addresses.emplace_back(put(world.connector(0), store, {}, std::vector(100, std::byte{0x55})).value().key);
    ASSERT_TRUE(
        put(world.connector(0), store, "secret" + std::to_string(at), std::vector(100, std::byte{0xAA})));
  }
  tests::Message request;
  hostile.record = [&](const tests::Message& message) { request = message; };
  std::vector<Result<ObjectView>> found(4, no_memory_left());
  world.connector(1).find_batch(addresses, Wanting::all, found, {});
  hostile.record = nullptr;
  ASSERT_EQ(request.envelope().kind, Kind::fetch_batch);
  std::vector<tests::Message> replies;
  owner.record = [&](const tests::Message& message) { replies.push_back(message); };
  std::uint32_t call = 1'000'000;
  int refused = 0;
  int answered = 0;
  const auto ask = [&](std::span<const std::byte> body, std::span<const std::byte> bulk) {
    Envelope envelope = request.envelope();
    envelope.call = ++call;
    request.set_envelope(envelope);
    request.set_body(body);
    request.bulk.assign(bulk.begin(), bulk.end());
    replies.clear();
    ASSERT_TRUE(hostile.say(request));
    world.network().run_until_idle();
    ASSERT_EQ(replies.size(), 1U);
    ASSERT_EQ(replies[0].envelope().call, call);
    if (replies[0].envelope().status != 0) {
      ++refused;
      return;
    }
    ++answered;
    EXPECT_EQ(read_words<BatchReplyWords>(replies[0].body())->count, 4U);
    EXPECT_LE(replies[0].bulk.size(), 4 * sizeof(BatchRow) + 4 * 128 + 64);
    EXPECT_EQ(std::ranges::search(replies[0].bulk, std::vector(50, std::byte{0xAA})).size(), 0U);
  };
  const std::vector<std::byte> body(request.body().begin(), request.body().end());
  const std::vector<std::byte> bulk = request.bulk;
  for (const auto& [part, size] : {std::pair{0, body.size()}, std::pair{1, bulk.size()}}) {
    for (std::size_t at = 0; at < size; ++at) {
      for (const int value : {0x00, 0x01, 0x05, 0x7F, 0x80, 0xFF}) {
        auto spoiled = part == 0 ? body : bulk;
        spoiled[at] = static_cast<std::byte>(value);
        ASSERT_NO_FATAL_FAILURE(part == 0 ? ask(spoiled, bulk) : ask(body, spoiled));
      }
      const auto cut = std::span(part == 0 ? body : bulk).first(at);
      ASSERT_NO_FATAL_FAILURE(part == 0 ? ask(cut, bulk) : ask(body, cut));
    }
    hostile.forget();
    owner.forget();
  }
  EXPECT_GT(refused, 80);
  EXPECT_GT(answered, 300);
  const std::vector<std::byte> many((most_in_a_batch + 1) * sizeof(Key));
  const BatchWords too_many{.count = most_in_a_batch + 1};
  const int before = refused;
  ASSERT_NO_FATAL_FAILURE(ask(words(too_many), many));
  EXPECT_EQ(refused, before + 1);
}

// A rank that requests much and reads nothing gets only its quota; others are served.
TEST(BatchOfALiar, ABoundedNumberOfBytesIsPackedForOneRank) {
  constexpr std::uint32_t store = 7;
  tests::Liars liars{0, 1};
  SimulatedNodes world({.nodes = {.nodes = 3}, .network = {}, .wrap = liars.wrap()});
  std::vector<Address> addresses;
  for (std::size_t at = 0; at < 300; ++at) {
    addresses.emplace_back(put(world.connector(0), store, {}, pattern(at, 4000)).value().key);
  }
  std::vector<Result<ObjectView>> found(300, no_memory_left());
  tests::Message request;
  liars[1].record = [&](const tests::Message& message) {
    request = message.envelope().kind == Kind::fetch_batch && message.bulk.size() > 4000 ? message : request;
  };
  world.connector(1).find_batch(addresses, Wanting::all, found, {});
  liars[1].record = nullptr;
  world.network().run_until_idle();
  world.network().pause(1);
  std::uint64_t packed = 0;
  std::uint64_t replies = 0;
  liars[0].record = [&](const tests::Message& message) {
    packed += message.to == 1 ? message.bulk.size() : 0;
    replies += message.to == 1 ? 1 : 0;
  };
  for (std::uint32_t number = 0; number < 300; ++number) {
    Envelope envelope = request.envelope();
    envelope.call = 1'000'000 + number;
    request.set_envelope(envelope);
    ASSERT_TRUE(liars[1].say(request));
  }
  world.network().run_for(100ms);
  EXPECT_EQ(replies, 300U);
  EXPECT_GT(packed, 40U << 20U);
  EXPECT_LE(packed, (64U << 20U) + (300U << 10U) * 24);
  liars[0].record = nullptr;
  world.connector(2).find_batch(addresses, Wanting::all, found, {});
  for (std::size_t at = 0; at < 300; ++at) {
    ASSERT_TRUE(found[at]);
    EXPECT_TRUE(holds(*found[at], pattern(at, 4000)));
  }
  world.network().resume(1);
  world.network().run_until_idle();
  world.connector(1).find_batch(addresses, Wanting::all, found, {});
  EXPECT_TRUE(std::ranges::all_of(found, [](const auto& one) { return one.has_value(); }));
}

}  // namespace
}  // namespace locum::tests
