#include "core/value/hyperslab.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <vector>

#include "core/object/object_wire.hpp"
#include "core/rpc/packing_space.hpp"
#include "tests/core/bent_transport.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/hyperslab_samples.hpp"
#include "tests/core/simulated_nodes.hpp"

// Hyperslabs requested by or from a faulty rank.
namespace locum::tests::hyperslab_hostile_test {

namespace {

using namespace std::chrono_literals;
using tests::Message;
using tests::SimulatedNodes;

constexpr std::uint32_t store = 7;

// A rank that requests much and reads nothing uses only its quota, and does not affect other ranks.
TEST(Hyperslab, ABoundedNumberOfBytesIsPackedForOneRank) {
  constexpr int owner = 0;
  constexpr int greedy = 1;
  constexpr int other = 2;
  tests::Liars liars{owner, greedy};
  SimulatedNodes world({.nodes = {.nodes = 3}, .network = {}, .wrap = liars.wrap()});
  tests::BentTransport& replies = liars[owner];
  tests::BentTransport& requests = liars[greedy];
  const ArraySample array = field({1024, 4096}, 4);
  const auto key = put(world.connector(owner), store, {}, array).value().key;
  const Hyperslab half{.start = {0, 0}, .count = {1024, 2048}, .stride = {1, 2}};
  Message request;
  requests.record = [&](const Message& message) { request = message; };
  ASSERT_TRUE(world.connector(greedy).get_some(Address(key), Elements{half, 4}, {}));
  requests.record = nullptr;
  world.network().run_until_idle();

  world.network().pause(greedy);
  std::vector<std::uint64_t> sizes;
  replies.record = [&](const Message& message) {
    if (message.to == greedy && message.envelope().kind == Kind::reply) {
      sizes.push_back(message.bulk.size());
    }
  };
  constexpr int asked = 300;
  for (int number = 0; number < asked; ++number) {
    Envelope envelope = request.envelope();
    envelope.call = 1'000'000U + static_cast<std::uint32_t>(number);
    request.set_envelope(envelope);
    ASSERT_TRUE(requests.say(request));
  }
  world.network().run_for(100ms);
  ASSERT_EQ(sizes.size(), static_cast<std::size_t>(asked));
  EXPECT_EQ(sizes.front(), PackingSpace::most_at_a_time);
  EXPECT_EQ(sizes.back(), PackingSpace::least_at_a_time);
  EXPECT_LE(std::accumulate(sizes.begin(), sizes.end(), std::uint64_t{0}),
            PackingSpace::most_of_a_rank + asked * PackingSpace::least_at_a_time);

  sizes.clear();
  replies.record = [&](const Message& message) {
    if (message.to == other) {
      sizes.push_back(message.bulk.size());
    }
  };
  const auto view = world.connector(other).get_some(Address(key), Elements{half, 4}, {});
  replies.record = nullptr;
  ASSERT_TRUE(view) << view.error();
  EXPECT_TRUE(shows(*view, array, half));
  EXPECT_EQ(sizes, std::vector<std::uint64_t>(2, PackingSpace::most_at_a_time)) << "as if it were alone";
  world.network().resume(greedy);
  world.network().run_until_idle();
  const auto again = world.connector(greedy).get_some(Address(key), Elements{half, 4}, {});
  ASSERT_TRUE(again) << again.error();
  EXPECT_TRUE(shows(*again, array, half));
}

// Replies of a faulty rank: an error, or as many bytes as requested. For a hyperslab in several pieces.
TEST(Hyperslab, SpoiledAnswersAreErrorsOrOfTheRightSize) {
  tests::Liars liars{1};
  SimulatedNodes world({.nodes = {.nodes = 2, .timeout = 1s}, .network = {}, .wrap = liars.wrap()});
  tests::BentTransport& bent = liars[1];
  const ArraySample array = field({50, 40}, 4);
  const auto key = put(world.connector(1), store, {}, array).value().key;
  const Hyperslab slab{.start = {1, 2}, .count = {20, 10}, .stride = {2, 3}};
  const std::uint64_t bytes = packed(array, slab).size();
  tests::Spoiler spoiler(4);
  std::vector<Message> seen;
  bent.record = [&](const Message& message) { seen.push_back(message); };
  ASSERT_TRUE(world.connector(0).get_some(Address(key), Elements{slab, 4}, {}));
  bent.record = nullptr;
  ASSERT_FALSE(seen.empty());
  // A second sample: the owner sends half of it.
  seen.push_back(seen.back());
  seen.back().bulk.resize(bytes / 2);
  int errors = 0;
  int pieces = 0;
  bool halved = false;
  bent.bend = [&](Message& message) {
    if (message.envelope().kind != Kind::reply) {
      return;
    }
    if (spoiler.below(2) == 0 && message.bulk.size() > 100) {
      message.bulk.resize(1 + spoiler.below(message.bulk.size()));
      ++pieces;
      halved = true;
    }
    if (!halved || spoiler.below(4) == 0) {
      spoiler.spoil(message, seen);
    }
  };
  for (int round = 0; round < 1000; ++round) {
    halved = false;
    const auto view = world.connector(0).get_some(Address(key), Elements{slab, 4}, {});
    errors += view ? 0 : 1;
    if (view) {
      ASSERT_EQ(view->bytes().size(), bytes);
      EXPECT_EQ(view->key(), key);
      EXPECT_EQ(view->facts().extents, slab.count);
    }
    if (round % 100 == 0) {
      world.network().run_until_idle();
      bent.forget();
    }
  }
  bent.bend = nullptr;
  EXPECT_GT(pieces, 300);
  EXPECT_GT(errors, 300);
  EXPECT_LT(errors, 950);
}

// Each byte of the request takes some values. The reply is an error, or contains only bytes of the object.
TEST(Hyperslab, SpoiledQuestionsReadNothingElse) {
  tests::Liars liars{0, 1};
  SimulatedNodes world({.nodes = {.nodes = 2}, .network = {}, .wrap = liars.wrap()});
  tests::BentTransport& owner = liars[0];
  tests::BentTransport& hostile = liars[1];
  // All other memory of the node is filled with bytes that no element contains.
  ArraySample array = field({7, 11, 5}, 4);
  std::ranges::fill(array.bytes, std::byte{0x55});
  const std::vector<std::byte> secret(4000, std::byte{0xAA});
  ASSERT_TRUE(put(world.connector(0), store, {}, secret));
  const auto key = put(world.connector(0), store, {}, array).value().key;
  ASSERT_TRUE(put(world.connector(0), store, {}, secret));

  Message request;
  hostile.record = [&](const Message& message) { request = message; };
  const Hyperslab slab{.start = {1, 2, 1}, .count = {3, 4, 2}, .stride = {2, 2, 3}};
  ASSERT_TRUE(world.connector(1).get_some(Address(key), Elements{slab, 4}, {}));
  hostile.record = nullptr;
  std::vector<Message> replies;
  owner.record = [&](const Message& message) { replies.push_back(message); };
  const std::vector<std::byte> honest(request.body().begin(), request.body().end());
  ASSERT_EQ(honest.size(), sizeof(HyperslabWords));
  std::uint32_t call = 1'000'000;
  int granted = 0;
  bool refused = false;
  const auto ask = [&](std::span<const std::byte> body) {
    Envelope envelope = request.envelope();
    envelope.call = ++call;
    request.set_envelope(envelope);
    request.set_body(body);
    replies.clear();
    ASSERT_TRUE(hostile.say(request));
    world.network().run_until_idle();
    ASSERT_EQ(replies.size(), 1U);
    const Envelope answered = replies[0].envelope();
    ASSERT_EQ(answered.call, call);
    refused = answered.status != 0;
    if (refused) {
      return;
    }
    ++granted;
    ASSERT_LE(replies[0].bulk.size(), array.bytes.size());
    ASSERT_TRUE(std::ranges::all_of(replies[0].bulk, [](std::byte byte) { return byte == std::byte{0x55}; }));
  };
  for (std::size_t at = 0; at < honest.size(); ++at) {
    for (const int value : {0x00, 0x01, 0x02, 0x05, 0x07, 0x0B, 0x7F, 0x80, 0xFF}) {
      std::vector<std::byte> body = honest;
      body[at] = static_cast<std::byte>(value);
      ASSERT_NO_FATAL_FAILURE(ask(body)) << "byte " << at << " is " << value;
    }
    ASSERT_NO_FATAL_FAILURE(ask(std::span(honest).first(at))) << "cut at " << at;
    if (at % 20 == 0) {
      hostile.forget();
      owner.forget();
    }
  }
  EXPECT_GT(granted, 100);
  // Products that overflow to a small number, in two of the three dimensions.
  for (const Hyperslab& wrong : wrong_hyperslabs(7, 11)) {
    if (wrong.start.size() != 2 || wrong.count.size() != 2 || wrong.stride.size() % 2 != 0) {
      continue;
    }
    HyperslabWords asked = *read_words<HyperslabWords>(honest);
    for (const std::size_t dimension : {0, 1}) {
      asked.start[dimension] = wrong.start[dimension];
      asked.count[dimension] = wrong.count[dimension];
      asked.stride[dimension] = wrong.stride.size() == 0 ? 1 : wrong.stride[dimension];
    }
    ASSERT_NO_FATAL_FAILURE(ask(words(asked))) << wrong;
    EXPECT_TRUE(refused) << wrong;
  }
  // A rank that is valid if truncated to fewer bits.
  HyperslabWords asked = *read_words<HyperslabWords>(honest);
  asked.rank += 256;
  ASSERT_NO_FATAL_FAILURE(ask(words(asked)));
  EXPECT_TRUE(refused);
}

}  // namespace
}  // namespace locum::tests::hyperslab_hostile_test
