#include "core/value/part.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "core/object/object_wire.hpp"
#include "tests/core/bent_transport.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/simulated_nodes.hpp"

// Parts of objects: only the requested bytes are transferred.
namespace locum::tests::part_test {

namespace {

using tests::Message;
using tests::SimulatedNodes;

constexpr std::uint32_t store = 7;
constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

bool shows(const ObjectView& view, const std::vector<std::byte>& bytes, const ByteRange& range) {
  return std::ranges::equal(view.bytes(), std::span(bytes).subspan(range.offset, range.bytes));
}

/// Invalid ranges of an object of that size.
std::vector<ByteRange> wrong_ranges(std::uint64_t size_bytes) {
  return {{size_bytes + 1, 0}, {size_bytes, 1}, {0, size_bytes + 1}, {1, size_bytes},
          {most, 1},           {1, most},       {most, most},        {most - 1, 3},
          {size_bytes + 1, 1}, {0, most - 1},   {most, 0},           {most / 2, most / 2 + 2}};
}

TEST(Part, AreTheSameBytesForEveryRankByKeyAndName) {
  SimulatedNodes world(3, 2);
  for (const std::size_t size : {1U, 64U, 4000U, 100'000U}) {
    const auto bytes = pattern(size, size);
    for (const int home : {0, 1, 2}) {
      const std::string name = world.name_at(home, store, "part " + std::to_string(size) + '.');
      const auto sealed = put(world.connector(1), store, name, bytes);
      ASSERT_TRUE(sealed) << sealed.error();
      for (int reader = 0; reader < world.size(); ++reader) {
        Connector& connector = world.connector(reader);
        for (const ByteRange& range : {ByteRange{0, size},
                                       {0, 1},
                                       {size - 1, 1},
                                       {size / 3, size / 2 + size % 2},
                                       {0, 0},
                                       {size, 0}}) {
          for (const Address& address : {Address(sealed->key), Address(store, name)}) {
            const auto part = connector.get_some(address, range, {});
            ASSERT_TRUE(part) << part.error();
            EXPECT_TRUE(shows(*part, bytes, range));
            EXPECT_EQ(part->key(), sealed->key);
            const ObjectFacts facts = part->facts();
            EXPECT_EQ(facts.size_bytes, size) << "of the object";
            EXPECT_EQ(facts.generation, sealed->generation);
            EXPECT_TRUE(facts.whole);
            const ObjectView copy = *part;
            EXPECT_TRUE(shows(copy, bytes, range));
          }
        }
        for (const ByteRange& range : wrong_ranges(size)) {
          EXPECT_EQ(code_of(connector.get_some(Address(sealed->key), range, {})), Errc::invalid_argument);
          EXPECT_EQ(code_of(connector.get_some(Address(store, name), range, {})), Errc::invalid_argument);
        }
      }
    }
  }
}

TEST(Part, OfWhatIsHereIsAViewInPlace) {
  SimulatedNodes world(2, 2);
  const auto bytes = pattern(1, 100'000);
  const auto sealed = put(world.connector(0), store, {}, bytes).value();
  const auto whole = world.connector(1).get(Address(sealed.key), {}).value();
  ObjectView part;
  EXPECT_EQ(world.messages_of([&] {
    part = world.connector(1).get_some(Address(sealed.key), ByteRange{1000, 500}, {}).value();
  }),
            0U);
  EXPECT_EQ(part.bytes().data(), whole.bytes().data() + 1000);
  EXPECT_EQ(part.path(), Path::shm_view);
}

// 1 KiB of 16 MiB, by key and by name: the request, and the reply with these bytes.
TEST(Part, OfAnotherNodeMovesWhatWasAskedForAlone) {
  SimulatedNodes world(3, 1);
  const auto bytes = pattern(1, std::size_t{16} << 20U);
  const std::string name = world.name_at(1, store, "large ");
  const auto sealed = put(world.connector(0), store, name, bytes).value();
  const ByteRange range{5'000'000, 1024};
  for (const bool by_name : {false, true}) {
    const std::uint64_t before = world.network().counters().sent.bytes;
    Result<ObjectView> part = Error(Errc::timeout, "");
    EXPECT_EQ(world.messages_of([&] {
      part = world.connector(2).get_some(by_name ? Address(store, name) : Address(sealed.key), range, {});
    }),
              by_name ? 4U : 2U);
    ASSERT_TRUE(part) << part.error();
    EXPECT_TRUE(shows(*part, bytes, range));
    const std::uint64_t moved = world.network().counters().sent.bytes - before;
    EXPECT_GE(moved, range.bytes);
    EXPECT_LE(moved, range.bytes + (by_name ? 4U : 2U) * max_header_bytes);
  }
}

TEST(Part, OfWhatIsGoneIsNotFound) {
  SimulatedNodes world(2, 1);
  const auto key = put(world.connector(0), store, {}, pattern(1, 1000)).value().key;
  ASSERT_TRUE(world.connector(0).evict(Address(key), {}).value());
  for (const int reader : {0, 1}) {
    EXPECT_EQ(code_of(world.connector(reader).get_some(Address(key), ByteRange{0, 10}, {})), Errc::not_found);
    EXPECT_EQ(code_of(world.connector(reader).get_some(Address(store, "none"), ByteRange{0, 10}, {})),
              Errc::not_found);
    const Key nobodys{store, 77, 1};
    EXPECT_EQ(code_of(world.connector(reader).get_some(Address(nobodys), ByteRange{0, 10}, {})),
              Errc::not_found);
  }
}

TEST(Part, AreCountedInElements) {
  EXPECT_EQ(range_of({.offset = 3, .count = 2}, 8)->offset, 24U);
  EXPECT_EQ(range_of({.offset = 3, .count = 2}, 8)->bytes, 16U);
  EXPECT_EQ(range_of({.offset = 3, .count = 0}, 8)->offset, 24U);
  EXPECT_EQ(range_of({.offset = 3, .count = 0}, 8)->bytes, 0U);
  EXPECT_EQ(code_of(range_of({.offset = most, .count = 1}, 8)), Errc::invalid_argument);
  EXPECT_EQ(code_of(range_of({.offset = 0, .count = most / 8 + 1}, 8)), Errc::invalid_argument);
  EXPECT_EQ(code_of(range_of({.offset = -1, .count = 1}, 1)), Errc::invalid_argument);
}

// Replies of a faulty rank: an error, or the right bytes.
TEST(Part, SpoiledAnswersAreErrorsOrOfTheRightSize) {
  tests::Liars liars{1};
  SimulatedNodes world(
      {.nodes = {.nodes = 2, .timeout = std::chrono::seconds(1)}, .network = {}, .wrap = liars.wrap()});
  tests::BentTransport& bent = liars[1];
  const auto bytes = pattern(1, 100'000);
  const auto key = put(world.connector(1), store, {}, bytes).value().key;
  const ByteRange range{1000, 512};
  tests::Spoiler spoiler(3);
  std::vector<Message> seen;
  bent.record = [&](const Message& message) { seen.push_back(message); };
  ASSERT_TRUE(world.connector(0).get_some(Address(key), range, {}));
  bent.record = nullptr;
  ASSERT_FALSE(seen.empty());
  int errors = 0;
  bent.bend = [&](Message& message) {
    if (message.envelope().kind == Kind::reply) {
      spoiler.spoil(message, seen);
    }
  };
  for (int round = 0; round < 1000; ++round) {
    const auto part = world.connector(0).get_some(Address(key), range, {});
    errors += part ? 0 : 1;
    if (part) {
      EXPECT_EQ(part->bytes().size(), range.bytes);
      EXPECT_EQ(part->key(), key);
      (void)part->facts();
    }
    if (round % 100 == 0) {
      world.network().run_until_idle();
      bent.forget();
    }
  }
  bent.bend = nullptr;
  EXPECT_GT(errors, 300);
  EXPECT_LT(errors, 1000);
}

}  // namespace
}  // namespace locum::tests::part_test
