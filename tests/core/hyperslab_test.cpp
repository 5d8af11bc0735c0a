#include "core/hyperslab.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "core/object_wire.hpp"
#include "core/packing_space.hpp"
#include "tests/core/bent_transport.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/hyperslab_samples.hpp"
#include "tests/core/mortal_nodes.hpp"

// Hyperslabs of objects: only their elements move.
namespace locum::testing {

namespace {

using namespace std::chrono_literals;
using tests::Message;
using tests::MortalNodes;
using tests::SimulatedNodes;

constexpr std::uint32_t store = 7;

ArraySample field(const Extents& extents, std::uint32_t element_bytes) {
  ArraySample array{extents, element_bytes, {}};
  const auto extent = extents.span();
  const std::uint64_t elements =
      std::accumulate(extent.begin(), extent.end(), std::uint64_t{1}, std::multiplies<>());
  array.bytes = pattern(elements, elements * element_bytes);
  return array;
}

::testing::AssertionResult shows(const ObjectView& view, const ArraySample& array, const Hyperslab& slab) {
  const ObjectFacts facts = view.facts();
  if (!std::ranges::equal(view.bytes(), packed(array, slab))) {
    return ::testing::AssertionFailure() << "other bytes: " << slab;
  }
  if (facts.extents != slab.count || facts.size_bytes != array.bytes.size() || !facts.whole ||
      facts.element_bytes != array.element_bytes || facts.type_name != "element[]") {
    return ::testing::AssertionFailure() << "other facts: " << slab;
  }
  return ::testing::AssertionSuccess();
}

TEST(Hyperslab, AreTheSameElementsForEveryRankByKeyAndName) {
  SimulatedNodes world({.nodes = {.nodes = 3, .ranks_per_node = 2, .inline_bytes = 1000}});
  HyperslabSampler sampler(2);
  for (int round = 0; round < 40; ++round) {
    const std::size_t rank = 1 + static_cast<std::size_t>(round) % 4;
    const ArraySample array = sampler.array(rank, rank < 3 ? 60 : 10);
    const std::string name = world.name_at(round % 3, store, "field " + std::to_string(round) + '.');
    const auto sealed = put(world.connector(1), store, name, array);
    ASSERT_TRUE(sealed) << sealed.error();
    for (int reader = 0; reader < world.size(); ++reader) {
      Connector& connector = world.connector(reader);
      for (int box = 0; box < 4; ++box) {
        const Hyperslab slab = sampler.slab(array.extents);
        for (const Address& address : {Address(sealed->key), Address(store, name)}) {
          const auto view = connector.get_hyperslab(address, slab, array.element_bytes, {});
          ASSERT_TRUE(view) << view.error() << slab;
          ASSERT_TRUE(shows(*view, array, slab));
          EXPECT_EQ(view->key(), sealed->key);
          EXPECT_EQ(view->facts().generation, sealed->generation);
          const ObjectView copy = *view;
          EXPECT_TRUE(shows(copy, array, slab));
        }
      }
      const Hyperslab any = sampler.slab(array.extents);
      EXPECT_EQ(code_of(connector.get_hyperslab(Address(sealed->key), any, array.element_bytes + 1, {})),
                Errc::type_mismatch);
    }
    ASSERT_TRUE(world.connector(1).evict(Address(store, name), {}).value());
  }
}

TEST(Hyperslab, WhichTheObjectDoesNotHaveAreRefusedEverywhere) {
  SimulatedNodes world({.nodes = {.nodes = 2, .inline_bytes = 100}});
  const std::string name = world.name_at(0, store, "field ");
  const auto key = put(world.connector(0), store, name, field({6, 10}, 4)).value().key;
  const auto plain = put(world.connector(0), store, {}, pattern(1, 240)).value().key;
  for (const int reader : {0, 1}) {
    Connector& connector = world.connector(reader);
    for (const Hyperslab& slab : wrong_hyperslabs(6, 10)) {
      EXPECT_EQ(code_of(connector.get_hyperslab(Address(key), slab, 4, {})), Errc::invalid_argument) << slab;
      EXPECT_EQ(code_of(connector.get_hyperslab(Address(store, name), slab, 4, {})), Errc::invalid_argument)
          << slab;
    }
    EXPECT_EQ(code_of(connector.get_hyperslab(Address(plain), {.start = {0}, .count = {1}}, 1, {})),
              Errc::invalid_argument)
        << "bytes have no dimensions";
    EXPECT_EQ(code_of(connector.get_hyperslab(Address(key), {.start = {0, 0}, .count = {1, 1}}, 0, {})),
              Errc::invalid_argument);
  }
}

// No message; a copy only of what does not lie side by side.
TEST(Hyperslab, OfWhatIsHereIsInPlaceIfItCanBe) {
  SimulatedNodes world(2, 2);
  const ArraySample array = field({20, 30, 10}, 8);
  const auto key = put(world.connector(0), store, {}, array).value().key;
  const auto whole = world.connector(1).get(Address(key), {}).value();
  const Hyperslab planes{.start = {3, 0, 0}, .count = {2, 30, 10}};
  const Hyperslab column{.start = {0, 7, 3}, .count = {20, 1, 1}};
  ObjectView in_place;
  ObjectView copied;
  EXPECT_EQ(world.messages_of([&] {
    in_place = world.connector(1).get_hyperslab(Address(key), planes, 8, {}).value();
    copied = world.connector(1).get_hyperslab(Address(key), column, 8, {}).value();
  }),
            0U);
  EXPECT_TRUE(shows(in_place, array, planes));
  EXPECT_EQ(in_place.bytes().data(), whole.bytes().data() + 3 * 30 * 10 * 8);
  EXPECT_EQ(in_place.path(), Path::shm_view);
  EXPECT_TRUE(shows(copied, array, column));
  EXPECT_EQ(copied.path(), Path::shm_copy);
}

// What is in place stays while it is viewed; what was copied keeps nothing of the object.
TEST(Hyperslab, PinsTheObjectOnlyInPlace) {
  SimulatedNodes world(2, 1);
  const ArraySample array = field({20, 30}, 8);
  const auto pinned = [&] { return world.rank(0).node->levels().pinned; };
  const auto key = put(world.connector(0), store, {}, array).value().key;
  const Hyperslab rows{.start = {3, 0}, .count = {2, 30}};
  const Hyperslab column{.start = {0, 7}, .count = {20, 1}};
  ObjectView in_place = world.connector(0).get_hyperslab(Address(key), rows, 8, {}).value();
  EXPECT_EQ(pinned(), 1U);
  const ObjectView copied = world.connector(0).get_hyperslab(Address(key), column, 8, {}).value();
  const ObjectView fetched = world.connector(1).get_hyperslab(Address(key), rows, 8, {}).value();
  world.network().run_until_idle();
  ASSERT_TRUE(world.connector(0).evict(Address(key), {}).value());
  EXPECT_TRUE(shows(in_place, array, rows));
  in_place = {};
  EXPECT_EQ(pinned(), 0U);
  EXPECT_TRUE(shows(copied, array, column));
  EXPECT_TRUE(shows(fetched, array, rows));
}

// By key and by name: the question, and the answer with these bytes.
TEST(Hyperslab, OfAnotherNodeMoveTheirElementsAlone) {
  SimulatedNodes world(3, 1);
  const ArraySample array = field({128, 128, 128}, 4);
  const std::string name = world.name_at(1, store, "large ");
  const auto key = put(world.connector(0), store, name, array).value().key;
  for (const Hyperslab& slab : {Hyperslab{.start = {5, 6, 7}, .count = {20, 20, 20}},
                                Hyperslab{.start = {0, 0, 64}, .count = {128, 128, 1}},
                                Hyperslab{.start = {0, 0, 0}, .count = {16, 16, 16}, .stride = {8, 8, 8}},
                                Hyperslab{.start = {64, 0, 0}, .count = {1, 128, 128}}}) {
    const std::uint64_t bytes = packed(array, slab).size();
    for (const bool by_name : {false, true}) {
      const std::uint64_t before = world.network().counters().sent.bytes;
      Result<ObjectView> view = Error(Errc::timeout, "");
      EXPECT_EQ(world.messages_of([&] {
        view = world.connector(2).get_hyperslab(by_name ? Address(store, name) : Address(key), slab, 4, {});
      }),
                by_name ? 4U : 2U);
      ASSERT_TRUE(view) << view.error();
      EXPECT_TRUE(shows(*view, array, slab));
      const std::uint64_t moved = world.network().counters().sent.bytes - before;
      EXPECT_GE(moved, bytes);
      EXPECT_LE(moved, bytes + (by_name ? 4U : 2U) * max_header_bytes);
    }
  }
}

TEST(Hyperslab, AreTakenOutOfTheCopyThatTheNodeHas) {
  SimulatedNodes world(2, 2);
  const ArraySample array = field({60, 40}, 8);
  const auto key = put(world.connector(0), store, {}, array).value().key;
  const ObjectView copy = world.connector(2).get(Address(key), {}).value();
  world.network().run_until_idle();
  const Hyperslab slab{.start = {1, 2}, .count = {10, 3}, .stride = {2, 5}};
  EXPECT_EQ(world.messages_of([&] {
    EXPECT_TRUE(shows(world.connector(3).get_hyperslab(Address(key), slab, 8, {}).value(), array, slab));
  }),
            0U);
}

// The owner packs some at a time, and sends long runs from where they stand.
TEST(Hyperslab, LargeOnesComeInPieces) {
  SimulatedNodes world({.nodes = {.nodes = 2, .memory_bytes = std::uint64_t{128} << 20U}});
  constexpr std::uint64_t mebi = std::uint64_t{1} << 20U;
  const ArraySample array = field({6, 2 * mebi}, 2);
  const auto key = put(world.connector(0), store, {}, array).value().key;
  struct Case {
    Hyperslab slab;
    std::uint64_t answers;
  };
  for (const auto& [slab, answers] :
       {Case{{.start = {0, 0}, .count = {5, 2 * mebi}}, 1}, Case{{.start = {0, 1}, .count = {6, mebi}}, 6},
        Case{{.start = {0, 1}, .count = {6, mebi}, .stride = {1, 2}}, 3},
        Case{{.start = {0, 1}, .count = {6, mebi / 2 - 1}}, 2}}) {
    Result<ObjectView> view = Error(Errc::timeout, "");
    const std::uint64_t before = world.network().counters().sent.bytes;
    EXPECT_EQ(world.messages_of([&] { view = world.connector(1).get_hyperslab(Address(key), slab, 2, {}); }),
              2 * answers)
        << slab;
    ASSERT_TRUE(view) << view.error();
    EXPECT_TRUE(shows(*view, array, slab));
    EXPECT_LE(world.network().counters().sent.bytes - before,
              view->bytes().size() + 2 * answers * max_header_bytes);
  }
}

// A rank that asks for much and reads nothing costs what it may cost, and no other rank anything.
TEST(Hyperslab, ABoundedNumberOfBytesIsPackedForOneRank) {
  constexpr int owner = 0;
  constexpr int greedy = 1;
  constexpr int other = 2;
  tests::BentTransport* answers = nullptr;
  tests::BentTransport* questions = nullptr;
  SimulatedNodes world(
      {.nodes = {.nodes = 3},
       .network = {},
       .wrap = [&](int rank, std::shared_ptr<Transport> transport) -> std::shared_ptr<Transport> {
         const auto made = std::make_shared<tests::BentTransport>(std::move(transport));
         (rank == owner ? answers : questions) = rank == other ? questions : made.get();
         return made;
       }});
  const ArraySample array = field({1024, 4096}, 4);
  const auto key = put(world.connector(owner), store, {}, array).value().key;
  const Hyperslab half{.start = {0, 0}, .count = {1024, 2048}, .stride = {1, 2}};
  Message question;
  questions->record = [&](const Message& message) { question = message; };
  ASSERT_TRUE(world.connector(greedy).get_hyperslab(Address(key), half, 4, {}));
  questions->record = nullptr;
  world.network().run_until_idle();

  world.network().pause(greedy);
  std::vector<std::uint64_t> sizes;
  answers->record = [&](const Message& message) {
    if (message.to == greedy && message.envelope().kind == Kind::reply) {
      sizes.push_back(message.bulk.size());
    }
  };
  constexpr int asked = 300;
  for (int number = 0; number < asked; ++number) {
    Envelope envelope = question.envelope();
    envelope.call = 1'000'000U + static_cast<std::uint32_t>(number);
    question.set_envelope(envelope);
    ASSERT_TRUE(questions->say(question));
  }
  world.network().run_for(100ms);
  ASSERT_EQ(sizes.size(), static_cast<std::size_t>(asked));
  EXPECT_EQ(sizes.front(), PackingSpace::most_at_a_time);
  EXPECT_EQ(sizes.back(), PackingSpace::least_at_a_time);
  EXPECT_LE(std::accumulate(sizes.begin(), sizes.end(), std::uint64_t{0}),
            PackingSpace::most_of_a_rank + asked * PackingSpace::least_at_a_time);

  sizes.clear();
  answers->record = [&](const Message& message) {
    if (message.to == other) {
      sizes.push_back(message.bulk.size());
    }
  };
  const auto view = world.connector(other).get_hyperslab(Address(key), half, 4, {});
  answers->record = nullptr;
  ASSERT_TRUE(view) << view.error();
  EXPECT_TRUE(shows(*view, array, half));
  EXPECT_EQ(sizes, std::vector<std::uint64_t>(2, PackingSpace::most_at_a_time)) << "as if it were alone";
  world.network().resume(greedy);
  world.network().run_until_idle();
  const auto again = world.connector(greedy).get_hyperslab(Address(key), half, 4, {});
  ASSERT_TRUE(again) << again.error();
  EXPECT_TRUE(shows(*again, array, half));
}

TEST(Hyperslab, OfObjectsWithAChecksumAreTakenOutOfTheWhole) {
  SimulatedNodes world(2, 1);
  const ArraySample array = field({30, 40}, 8);
  const std::string name = world.name_at(0, store, "summed ");
  const auto key = put(world.connector(0), store, name, array, {}, true).value().key;
  const Hyperslab slab{.start = {1, 2}, .count = {10, 3}, .stride = {2, 5}};
  for (const int reader : {0, 1}) {
    for (const Address& address : {Address(key), Address(store, name)}) {
      const auto view = world.connector(reader).get_hyperslab(address, slab, 8, {});
      ASSERT_TRUE(view) << view.error();
      EXPECT_TRUE(shows(*view, array, slab));
    }
  }
}

// The sum is one of all bytes: whoever wants some of them has to look at all.
TEST(Hyperslab, OfObjectsThatWereOverwrittenAreCorrupt) {
  SimulatedNodes world(2, 1);
  const ArraySample array = field({30, 40}, 8);
  const auto key = put(world.connector(0), store, {}, array, {}, true).value().key;
  const auto whole = world.connector(0).get(Address(key), {}).value();
  const_cast<std::byte&>(whole.bytes().back()) ^= std::byte{1};
  const Hyperslab slab{.start = {1, 2}, .count = {10, 3}};
  EXPECT_EQ(code_of(world.connector(1).get_hyperslab(Address(key), slab, 8, {})), Errc::corrupt);
  EXPECT_EQ(code_of(world.connector(1).get_part(Address(key), {0, 8}, {})), Errc::corrupt);
}

TEST(Hyperslab, OfWhatIsGoneAreNotFoundOrStale) {
  SimulatedNodes world(2, 1);
  const std::string name = world.name_at(0, store, "field ");
  const ArraySample array = field({30, 40}, 8);
  const Hyperslab slab{.start = {1, 2}, .count = {10, 3}};
  const auto evicted = put(world.connector(0), store, {}, array).value().key;
  const auto replaced = put(world.connector(0), store, name, array).value().key;
  const ArraySample newer = field({40, 30}, 8);
  ASSERT_TRUE(put(world.connector(0), store, name, newer, {.mode = SealMode::replace}));
  ASSERT_TRUE(world.connector(0).evict(Address(evicted), {}).value());
  for (const int reader : {0, 1}) {
    Connector& connector = world.connector(reader);
    EXPECT_EQ(code_of(connector.get_hyperslab(Address(evicted), slab, 8, {})), Errc::not_found);
    EXPECT_EQ(code_of(connector.get_hyperslab(Address(replaced), slab, 8, {})), Errc::not_found);
    const Address handle(replaced, name_hash(store, name));
    EXPECT_EQ(code_of(connector.get_hyperslab(handle, slab, 8, {})), Errc::stale);
    EXPECT_EQ(code_of(connector.get_hyperslab(Address(store, "none"), slab, 8, {})), Errc::not_found);
    EXPECT_EQ(code_of(connector.get_hyperslab(Address(Key{store, 77, 1}), slab, 8, {})), Errc::not_found);
    EXPECT_TRUE(shows(connector.get_hyperslab(Address(store, name), slab, 8, {}).value(), newer, slab));
  }
}

/// Runs `then` when the reader has got one piece and asks for the next one.
class BetweenPieces : public ::testing::Test {
 protected:
  static constexpr int owner = 0;
  static constexpr int reader = 2;

  void SetUp() override {
    world().network().on_message([this](int from, int /*to*/, std::span<const std::byte> header) {
      Envelope envelope;
      std::memcpy(&envelope, header.data(), sizeof envelope);
      if (from == reader && envelope.kind == Kind::fetch_hyperslab && ++asked_ == 2 && then) {
        then();
      }
      return loopback::Verdict{};
    });
    name_ = world().name_at(0, store, "large ");
    key_ = put(world().connector(owner), store, name_, array_).value().key;
  }
  void TearDown() override { world().network().on_message({}); }

  SimulatedNodes& world() { return nodes_.world(); }
  Result<ObjectView> get(const Address& address, Deadline deadline = {}) {
    return world().connector(reader).get_hyperslab(address, slab_, 4, deadline);
  }

  std::function<void()> then;
  MortalNodes nodes_{
      {.nodes = {.nodes = 2, .ranks_per_node = 2, .memory_bytes = std::uint64_t{128} << 20U, .timeout = 4s}}};
  const ArraySample array_ = field({1024, 4096}, 4);
  const Hyperslab slab_{.start = {0, 1}, .count = {1024, 2048}, .stride = {1, 2}};
  std::string name_;
  Key key_;
  int asked_ = 0;
};

TEST_F(BetweenPieces, NothingHappens) {
  EXPECT_TRUE(shows(get(Address(key_)).value(), array_, slab_));
  EXPECT_EQ(asked_, 2);
}

TEST_F(BetweenPieces, TheObjectIsEvicted) {
  then = [&] { EXPECT_TRUE(world().connector(owner).evict(Address(key_), {}).value()); };
  EXPECT_EQ(code_of(get(Address(key_))), Errc::not_found);
  EXPECT_EQ(asked_, 2);
}

// By name the new object is read, all of it; by handle it is said.
TEST_F(BetweenPieces, TheObjectIsReplaced) {
  ArraySample newer = array_;
  std::ranges::transform(newer.bytes, newer.bytes.begin(), [](std::byte byte) { return ~byte; });
  then = [&] {
    EXPECT_TRUE(put(world().connector(owner), store, name_, newer, {.mode = SealMode::replace}));
  };
  const auto view = get(Address(store, name_));
  ASSERT_TRUE(view) << view.error();
  EXPECT_TRUE(shows(*view, newer, slab_));
  EXPECT_EQ(asked_, 4);
}

TEST_F(BetweenPieces, TheObjectOfAHandleIsReplaced) {
  then = [&] {
    EXPECT_TRUE(put(world().connector(owner), store, name_, array_, {.mode = SealMode::replace}));
  };
  EXPECT_EQ(code_of(get(Address(key_, name_hash(store, name_)))), Errc::stale);
}

TEST_F(BetweenPieces, TheOwnerDies) {
  then = [&] { world().network().after(0ns, [&] { nodes_.kill(owner); }); };
  const auto view = get(Address(key_), world().network().now() + 20s);
  ASSERT_TRUE(view) << view.error();
  EXPECT_TRUE(shows(*view, array_, slab_)) << "its node-mate goes on with it";
}

TEST_F(BetweenPieces, TheNodeDies) {
  then = [&] { world().network().after(0ns, [&] { nodes_.kill_node(0); }); };
  const auto before = world().network().now();
  EXPECT_EQ(code_of(get(Address(key_), before + 20s)), Errc::peer_lost);
  EXPECT_LE(world().network().now() - before, 12s);
}

// The deadline is of all pieces together, the one of who gives none, too.
TEST_F(BetweenPieces, TheOwnerIsSlow) {
  const auto pause = [&] {
    for (const int rank : {0, 1}) {
      world().network().pause(rank);
      world().network().after(3s, [this, rank] { world().network().resume(rank); });
    }
  };
  then = pause;
  pause();
  const auto before = world().network().now();
  EXPECT_EQ(code_of(get(Address(key_))), Errc::timeout);
  EXPECT_EQ(asked_, 2);
  EXPECT_GE(world().network().now() - before, 3900ms);
  EXPECT_LE(world().network().now() - before, 4200ms);
  world().network().run_for(5s);
  then = nullptr;
  EXPECT_TRUE(shows(get(Address(key_)).value(), array_, slab_));
}

// Answers of a rank that lies: an error, or as many bytes as were asked for. Of a hyperslab in several
// pieces.
TEST(Hyperslab, SpoiledAnswersAreErrorsOrOfTheRightSize) {
  tests::BentTransport* bent = nullptr;
  SimulatedNodes world(
      {.nodes = {.nodes = 2, .timeout = 1s},
       .network = {},
       .wrap = [&](int rank, std::shared_ptr<Transport> transport) -> std::shared_ptr<Transport> {
         if (rank != 1) {
           return transport;
         }
         const auto made = std::make_shared<tests::BentTransport>(std::move(transport));
         bent = made.get();
         return made;
       }});
  const ArraySample array = field({50, 40}, 4);
  const auto key = put(world.connector(1), store, {}, array).value().key;
  const Hyperslab slab{.start = {1, 2}, .count = {20, 10}, .stride = {2, 3}};
  const std::uint64_t bytes = packed(array, slab).size();
  tests::Spoiler spoiler(4);
  std::vector<Message> seen;
  bent->record = [&](const Message& message) { seen.push_back(message); };
  ASSERT_TRUE(world.connector(0).get_hyperslab(Address(key), slab, 4, {}));
  bent->record = nullptr;
  ASSERT_FALSE(seen.empty());
  // A second sample: the owner sends half of it.
  seen.push_back(seen.back());
  seen.back().bulk.resize(bytes / 2);
  int errors = 0;
  int pieces = 0;
  bool halved = false;
  bent->bend = [&](Message& message) {
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
    const auto view = world.connector(0).get_hyperslab(Address(key), slab, 4, {});
    errors += view ? 0 : 1;
    if (view) {
      ASSERT_EQ(view->bytes().size(), bytes);
      EXPECT_EQ(view->key(), key);
      EXPECT_EQ(view->facts().extents, slab.count);
    }
    if (round % 100 == 0) {
      world.network().run_until_idle();
      bent->forget();
    }
  }
  bent->bend = nullptr;
  EXPECT_GT(pieces, 300);
  EXPECT_GT(errors, 300);
  EXPECT_LT(errors, 950);
}

// Byte by byte: each byte of the question takes each of some values. The answer is an error, or lies within
// the object.
TEST(Hyperslab, SpoiledQuestionsReadNothingElse) {
  tests::BentTransport* hostile = nullptr;
  tests::BentTransport* owner = nullptr;
  SimulatedNodes world(
      {.nodes = {.nodes = 2},
       .network = {},
       .wrap = [&](int rank, std::shared_ptr<Transport> transport) -> std::shared_ptr<Transport> {
         const auto made = std::make_shared<tests::BentTransport>(std::move(transport));
         (rank == 0 ? owner : hostile) = made.get();
         return made;
       }});
  // All other memory of the node holds what no element is made of.
  ArraySample array = field({7, 11, 5}, 4);
  std::ranges::fill(array.bytes, std::byte{0x55});
  const std::vector<std::byte> secret(4000, std::byte{0xAA});
  ASSERT_TRUE(put(world.connector(0), store, {}, secret));
  const auto key = put(world.connector(0), store, {}, array).value().key;
  ASSERT_TRUE(put(world.connector(0), store, {}, secret));

  Message question;
  hostile->record = [&](const Message& message) { question = message; };
  const Hyperslab slab{.start = {1, 2, 1}, .count = {3, 4, 2}, .stride = {2, 2, 3}};
  ASSERT_TRUE(world.connector(1).get_hyperslab(Address(key), slab, 4, {}));
  hostile->record = nullptr;
  std::vector<Message> answers;
  owner->record = [&](const Message& message) { answers.push_back(message); };
  const std::vector<std::byte> honest(question.body().begin(), question.body().end());
  ASSERT_EQ(honest.size(), sizeof(HyperslabWords));
  std::uint32_t call = 1'000'000;
  int granted = 0;
  bool refused = false;
  const auto ask = [&](std::span<const std::byte> body) {
    Envelope envelope = question.envelope();
    envelope.call = ++call;
    question.set_envelope(envelope);
    question.set_body(body);
    answers.clear();
    ASSERT_TRUE(hostile->say(question));
    world.network().run_until_idle();
    ASSERT_EQ(answers.size(), 1U);
    const Envelope answered = answers[0].envelope();
    ASSERT_EQ(answered.call, call);
    refused = answered.status != 0;
    if (refused) {
      return;
    }
    ++granted;
    ASSERT_LE(answers[0].bulk.size(), array.bytes.size());
    ASSERT_TRUE(std::ranges::all_of(answers[0].bulk, [](std::byte byte) { return byte == std::byte{0x55}; }));
  };
  for (std::size_t at = 0; at < honest.size(); ++at) {
    for (const int value : {0x00, 0x01, 0x02, 0x05, 0x07, 0x0B, 0x7F, 0x80, 0xFF}) {
      std::vector<std::byte> body = honest;
      body[at] = static_cast<std::byte>(value);
      ASSERT_NO_FATAL_FAILURE(ask(body)) << "byte " << at << " is " << value;
    }
    ASSERT_NO_FATAL_FAILURE(ask(std::span(honest).first(at))) << "cut at " << at;
    if (at % 20 == 0) {
      hostile->forget();
      owner->forget();
    }
  }
  EXPECT_GT(granted, 100);
  // Products that overflow to something small, in two of the three dimensions.
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
  // A rank that is a right one in fewer bits.
  HyperslabWords asked = *read_words<HyperslabWords>(honest);
  asked.rank += 256;
  ASSERT_NO_FATAL_FAILURE(ask(words(asked)));
  EXPECT_TRUE(refused);
}

}  // namespace
}  // namespace locum::testing
