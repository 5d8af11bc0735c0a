#include "core/client/landing_memory.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "tests/core/bent_transport.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/hyperslab_samples.hpp"
#include "tests/core/simulated_nodes.hpp"

// Objects of another node, and parts of them, that are received in memory of the caller.
namespace locum::tests::landing_memory_test {

namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

constexpr std::uint32_t store = 7;

/// Whether the view shows that memory.
bool shows(const ObjectView& view, const std::vector<std::byte>& memory) {
  return view.bytes().data() == memory.data();
}

bool is_zero(const std::vector<std::byte>& memory) {
  return std::ranges::all_of(memory, [](std::byte byte) { return byte == std::byte{}; });
}

TEST(LandingMemory, IsLentUntilTheBlockIsDestroyed) {
  std::vector<std::byte> memory(100);
  LandingMemory landing(memory);
  EXPECT_FALSE(landing.is_lent());
  landing.set_position(60);
  EXPECT_FALSE(landing.place({}, 41).value()) << "does not fit";
  auto block = landing.place({}, 40).value();
  ASSERT_TRUE(block);
  EXPECT_EQ(block->memory().data(), memory.data() + 60);
  EXPECT_TRUE(landing.is_lent());
  EXPECT_FALSE(landing.place({}, 1).value()) << "another bulk may still be on its way";
  block.reset();
  EXPECT_FALSE(landing.is_lent());
  EXPECT_TRUE(landing.place({}, 1).value());
}

TEST(LandingMemory, ReceivesWholeObjectsByKeyAndName) {
  SimulatedNodes world(3, 2);
  for (const std::size_t size : {5000U, 100'000U, 3'000'000U}) {
    const auto bytes = pattern(size, size);
    for (const int home : {0, 1, 2}) {
      const std::string name = world.name_at(home, store, "read " + std::to_string(size) + '.');
      const auto sealed = put(world.connector(1), store, name, bytes).value();
      for (const Address& address : {Address(sealed.key), Address(store, name)}) {
        for (const int reader : {2, 5}) {
          std::vector<std::byte> memory(size + 1);
          const auto found = world.connector(reader).get_into(address, {}, memory, {});
          ASSERT_TRUE(found) << found.error();
          EXPECT_TRUE(shows(*found, memory)) << size << ' ' << home << ' ' << reader;
          EXPECT_TRUE(holds(*found, bytes));
          EXPECT_EQ(found->key(), sealed.key);
          EXPECT_EQ(memory.back(), std::byte{}) << "behind the object";
          EXPECT_EQ(world.connector(reader).usage().own_copies, 0U);
        }
        std::vector<std::byte> memory(size);
        const auto here = world.connector(0).get_into(address, {}, memory, {});
        ASSERT_TRUE(here) << here.error();
        EXPECT_TRUE(holds(*here, bytes));
        EXPECT_FALSE(shows(*here, memory)) << "it is in the memory of the node";
      }
    }
  }
}

// As many as for a get of the same object, or of the same part.
TEST(LandingMemory, CostsNoFurtherMessages) {
  SimulatedNodes world(2, 1);
  const auto bytes = pattern(1, 1'000'000);
  const std::string name = world.name_at(1, store, "counted ");
  const auto sealed = put(world.connector(1), store, name, bytes).value();
  std::vector<std::byte> memory(bytes.size());
  for (const Address& address : {Address(sealed.key), Address(store, name)}) {
    const std::uint64_t into =
        world.messages_of([&] { EXPECT_TRUE(world.connector(0).get_into(address, {}, memory, {})); });
    EXPECT_EQ(into, 4U) << "which object and where, and its bytes";
    const std::uint64_t part = world.messages_of([&] {
      EXPECT_TRUE(world.connector(0).get_into(address, ByteRange{500'000, 10'000}, memory, {}));
    });
    EXPECT_EQ(part, address.name.empty() ? 2U : 4U);
  }
}

TEST(LandingMemory, ReceivesPartsAndHyperslabs) {
  SimulatedNodes world(2, 1);
  HyperslabSampler sampler(4);
  for (int round = 0; round < 60; ++round) {
    const ArraySample array = sampler.array(1 + round % 4, round < 40 ? 9 : 40);
    const auto sealed = put(world.connector(1), store, {}, array).value();
    const Hyperslab slab = sampler.slab(array.extents);
    const auto right = packed(array, slab);
    std::vector<std::byte> memory(right.size());
    const auto found =
        world.connector(0).get_into(Address(sealed.key), Elements{slab, array.element_bytes}, memory, {});
    ASSERT_TRUE(found) << found.error();
    EXPECT_TRUE(shows(*found, memory));
    EXPECT_EQ(memory, right);
    EXPECT_EQ(found->facts().extents, slab.count);
    const ByteRange range{array.bytes.size() / 3, 1 + array.bytes.size() / 2};
    std::vector<std::byte> some(range.bytes);
    const auto part = world.connector(0).get_into(Address(sealed.key), range, some, {});
    ASSERT_TRUE(part) << part.error();
    EXPECT_TRUE(shows(*part, some));
    EXPECT_TRUE(std::ranges::equal(some, std::span(array.bytes).subspan(range.offset, range.bytes)));
  }
}

// Every second element of 8 MiB: the owner packs and sends it in several replies.
TEST(LandingMemory, ReceivesAHyperslabInPieces) {
  SimulatedNodes world(2, 1);
  ArraySample array{.extents = {2048, 2048}, .element_bytes = 2, .bytes = pattern(1, std::size_t{8} << 20U)};
  const auto sealed = put(world.connector(1), store, {}, array).value();
  const Hyperslab slab{.start = {0, 1}, .count = {2048, 1024}, .stride = {1, 2}};
  const auto right = packed(array, slab);
  std::vector<std::byte> memory(right.size());
  const auto found = world.connector(0).get_into(Address(sealed.key), Elements{slab, 2}, memory, {});
  ASSERT_TRUE(found) << found.error();
  EXPECT_TRUE(shows(*found, memory));
  EXPECT_EQ(memory, right);
}

TEST(LandingMemory, IsLeftAloneByWhatDoesNotFitOrHasAChecksum) {
  SimulatedNodes world(2, 1);
  const ArraySample array{.extents = {50'000}, .element_bytes = 2, .bytes = pattern(1, 100'000)};
  const auto plain = put(world.connector(1), store, {}, array).value();
  const auto summed = put(world.connector(1), store, {}, array, {}, true).value();
  std::vector<std::byte> small(array.bytes.size() - 1);
  const auto found = world.connector(0).get_into(Address(plain.key), {}, small, {});
  ASSERT_TRUE(found) << found.error();
  EXPECT_TRUE(holds(*found, array.bytes));
  EXPECT_TRUE(is_zero(small));
  std::vector<std::byte> memory(array.bytes.size());
  for (const Selection& selection : {Selection(), Selection(ByteRange{0, 100'000})}) {
    const auto checked = world.connector(0).get_into(Address(summed.key), selection, memory, {});
    ASSERT_TRUE(checked) << checked.error();
    EXPECT_TRUE(holds(*checked, array.bytes));
    EXPECT_TRUE(is_zero(memory));
  }
}

// 10 MB take a millisecond: the deadline passes meanwhile.
TEST(LandingMemory, IsNotWrittenToAfterACallThatWasLate) {
  for (const Selection& selection : {Selection(), Selection(ByteRange{0, 10'000'000})}) {
    SimulatedNodes world(2, 1);
    const auto bytes = pattern(1, 10'000'000);
    const auto sealed = put(world.connector(1), store, {}, bytes).value();
    std::vector<std::byte> memory(bytes.size());
    const auto until = world.network().now() + microseconds(200);
    const auto found = world.connector(0).get_into(Address(sealed.key), selection, memory, until);
    EXPECT_EQ(code_of(found), Errc::timeout);
    EXPECT_GE(world.network().now(), until + microseconds(700)) << "it ended before its transfer";
    std::ranges::fill(memory, std::byte{});
    world.network().run_for(seconds(60));
    EXPECT_TRUE(is_zero(memory));
  }
}

// The bulk is cut off on its way: the call ends when the sender is given up, and what arrives later is not
// written.
TEST(LandingMemory, IsFreeOnceASilentSenderIsGivenUp) {
  for (const auto cut : {loopback::Cut::lose, loopback::Cut::hold}) {
    SimulatedNodes world(2, 1);
    const auto bytes = pattern(1, 10'000'000);
    const auto sealed = put(world.connector(1), store, {}, bytes).value();
    std::vector<std::byte> memory(bytes.size());
    world.network().after(microseconds(300), [&] { world.network().cut(0, 1, cut); });
    const auto began = world.network().now();
    const auto found =
        world.connector(0).get_into(Address(sealed.key), {}, memory, began + microseconds(500));
    ASSERT_FALSE(found);
    EXPECT_LE(world.network().now() - began, seconds(30)) << "patience is 5 s";
    std::ranges::fill(memory, std::byte{});
    world.network().heal();
    world.network().run_for(seconds(60));
    EXPECT_TRUE(is_zero(memory));
  }
}

TEST(LandingMemory, IsFreeOnceTheSenderHasDied) {
  for (const int microsecond : {1, 5, 20, 100, 500, 900}) {
    SimulatedNodes world(2, 2);
    const auto bytes = pattern(1, 10'000'000);
    const auto sealed = put(world.connector(2), store, {}, bytes).value();
    std::vector<std::byte> memory(bytes.size());
    world.network().after(microseconds(microsecond), [&] { world.network().kill(2); });
    world.network().after(microseconds(2 * microsecond), [&] { world.network().kill(3); });
    const auto found =
        world.connector(0).get_into(Address(sealed.key), {}, memory, world.network().now() + seconds(20));
    if (found) {
      EXPECT_TRUE(holds(*found, bytes));
    } else {
      EXPECT_EQ(code_of(found), Errc::peer_lost) << found.error();
      std::ranges::fill(memory, std::byte{});
      world.network().run_for(seconds(60));
      EXPECT_TRUE(is_zero(memory));
    }
  }
}

// Replies of a rank that lies: an error, or as many bytes as were asked for.
TEST(LandingMemory, TakesNothingFromSpoiledRepliesOutsideOfIt) {
  Liars liars{1};
  SimulatedNodes world({.nodes = {.nodes = 2, .timeout = seconds(1)}, .network = {}, .wrap = liars.wrap()});
  BentTransport& bent = liars[1];
  const auto bytes = pattern(1, 100'000);
  const auto key = put(world.connector(1), store, {}, bytes).value().key;
  Spoiler spoiler(5);
  std::vector<Message> seen;
  std::vector<std::byte> memory(1000);
  const std::span<std::byte> middle = std::span(memory).subspan(250, 500);
  bent.record = [&](const Message& message) { seen.push_back(message); };
  ASSERT_TRUE(world.connector(0).get_into(Address(key), ByteRange{10, 500}, middle, {}));
  bent.record = nullptr;
  bent.bend = [&](Message& message) {
    if (message.envelope().kind == Kind::reply) {
      spoiler.spoil(message, seen);
    }
  };
  int errors = 0;
  for (int round = 0; round < 1000; ++round) {
    const auto part = world.connector(0).get_into(Address(key), ByteRange{10, 500}, middle, {});
    errors += part ? 0 : 1;
    EXPECT_TRUE(!part || part->bytes().size() == 500U);
    if (round % 100 == 0) {
      world.network().run_until_idle();
      bent.forget();
    }
  }
  EXPECT_GT(errors, 0);
  const auto outside = [&](std::size_t begin, std::size_t end) {
    return std::all_of(memory.begin() + static_cast<std::ptrdiff_t>(begin),
                       memory.begin() + static_cast<std::ptrdiff_t>(end),
                       [](std::byte byte) { return byte == std::byte{}; });
  };
  EXPECT_TRUE(outside(0, 250) && outside(750, 1000));
  bent.bend = nullptr;
}

}  // namespace

}  // namespace locum::tests::landing_memory_test
