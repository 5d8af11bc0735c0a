#include "core/value/hyperslab.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/core/connector_samples.hpp"
#include "tests/core/hyperslab_samples.hpp"
#include "tests/core/simulated_nodes.hpp"

// Hyperslabs of objects: only their elements are transferred.
namespace locum::tests::hyperslab_test {

namespace {

using tests::SimulatedNodes;

constexpr std::uint32_t store = 7;

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
          const auto view = connector.get_some(address, Elements{slab, array.element_bytes}, {});
          ASSERT_TRUE(view) << view.error() << slab;
          ASSERT_TRUE(shows(*view, array, slab));
          EXPECT_EQ(view->key(), sealed->key);
          EXPECT_EQ(view->facts().generation, sealed->generation);
          const ObjectView copy = *view;
          EXPECT_TRUE(shows(copy, array, slab));
        }
      }
      const Hyperslab any = sampler.slab(array.extents);
      EXPECT_EQ(code_of(connector.get_some(Address(sealed->key), Elements{any, array.element_bytes + 1}, {})),
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
      EXPECT_EQ(code_of(connector.get_some(Address(key), Elements{slab, 4}, {})), Errc::invalid_argument)
          << slab;
      EXPECT_EQ(code_of(connector.get_some(Address(store, name), Elements{slab, 4}, {})),
                Errc::invalid_argument)
          << slab;
    }
    EXPECT_EQ(code_of(connector.get_some(Address(plain), Elements{{.start = {0}, .count = {1}}, 1}, {})),
              Errc::invalid_argument)
        << "bytes have no dimensions";
    EXPECT_EQ(code_of(connector.get_some(Address(key), Elements{{.start = {0, 0}, .count = {1, 1}}, 0}, {})),
              Errc::invalid_argument);
  }
}

// Also where an owner's node, a name's home or a copy sends them, and of an object that has no elements
// itself.
TEST(Hyperslab, OfNoElementsAreEmptyForEveryRank) {
  SimulatedNodes world({.nodes = {.nodes = 3, .ranks_per_node = 1, .inline_bytes = 100}});
  for (const ArraySample& array : {field({6, 10}, 4), field({600, 1000}, 4)}) {
    for (const bool has_checksum : {false, true}) {
      const std::uint64_t rows = array.extents[0];
      const std::string name =
          world.name_at(1, store, std::to_string(rows) + (has_checksum ? " summed " : " plain "));
      const auto key = put(world.connector(0), store, name, array, {}, has_checksum).value().key;
      for (int reader = 0; reader < world.size(); ++reader) {
        for (const Hyperslab& slab : empty_hyperslabs(rows, array.extents[1])) {
          for (const Address& address : {Address(key), Address(store, name)}) {
            const auto view = world.connector(reader).get_some(address, Elements{slab, 4}, {});
            ASSERT_TRUE(view) << view.error() << slab;
            EXPECT_TRUE(shows(*view, array, slab));
          }
        }
      }
    }
  }
  const ArraySample nothing = field({4, 0}, 8);
  const std::string name = world.name_at(1, store, "nothing ");
  const auto key = put(world.connector(0), store, name, nothing).value().key;
  for (int reader = 0; reader < world.size(); ++reader) {
    for (const Address& address : {Address(key), Address(store, name)}) {
      const auto get = [&](const Hyperslab& slab) {
        return world.connector(reader).get_some(address, Elements{slab, 8}, {});
      };
      EXPECT_TRUE(shows(get({.start = {0, 0}, .count = {4, 0}}).value(), nothing,
                        {.start = {0, 0}, .count = {4, 0}}));
      EXPECT_TRUE(shows(get({.start = {2, 0}, .count = {1, 0}}).value(), nothing,
                        {.start = {2, 0}, .count = {1, 0}}));
      EXPECT_EQ(code_of(get({.start = {2, 0}, .count = {3, 0}})), Errc::invalid_argument);
      EXPECT_EQ(code_of(get({.start = {0, 1}, .count = {4, 0}})), Errc::invalid_argument);
      const auto part = world.connector(reader).get_some(address, ByteRange{0, 0}, {});
      ASSERT_TRUE(part) << part.error();
      EXPECT_TRUE(part->bytes().empty());
      EXPECT_EQ(code_of(world.connector(reader).get_some(address, ByteRange{1, 0}, {})),
                Errc::invalid_argument);
    }
  }
}

// No message, and a copy only of elements that are not contiguous.
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
    in_place = world.connector(1).get_some(Address(key), Elements{planes, 8}, {}).value();
    copied = world.connector(1).get_some(Address(key), Elements{column, 8}, {}).value();
  }),
            0U);
  EXPECT_TRUE(shows(in_place, array, planes));
  EXPECT_EQ(in_place.bytes().data(), whole.bytes().data() + 3 * 30 * 10 * 8);
  EXPECT_EQ(in_place.path(), Path::shm_view);
  EXPECT_TRUE(shows(copied, array, column));
  EXPECT_EQ(copied.path(), Path::shm_copy);
}

// A view in place keeps the object; a copy does not.
TEST(Hyperslab, PinsTheObjectOnlyInPlace) {
  SimulatedNodes world(2, 1);
  const ArraySample array = field({20, 30}, 8);
  const auto pinned = [&] { return world.rank(0).node->levels().pinned; };
  const auto key = put(world.connector(0), store, {}, array).value().key;
  const Hyperslab rows{.start = {3, 0}, .count = {2, 30}};
  const Hyperslab column{.start = {0, 7}, .count = {20, 1}};
  ObjectView in_place = world.connector(0).get_some(Address(key), Elements{rows, 8}, {}).value();
  EXPECT_EQ(pinned(), 1U);
  const ObjectView copied = world.connector(0).get_some(Address(key), Elements{column, 8}, {}).value();
  const ObjectView fetched = world.connector(1).get_some(Address(key), Elements{rows, 8}, {}).value();
  world.network().run_until_idle();
  ASSERT_TRUE(world.connector(0).evict(Address(key), {}).value());
  EXPECT_TRUE(shows(in_place, array, rows));
  in_place = {};
  EXPECT_EQ(pinned(), 0U);
  EXPECT_TRUE(shows(copied, array, column));
  EXPECT_TRUE(shows(fetched, array, rows));
}

// By key and by name: the request, and the reply with these bytes.
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
        view =
            world.connector(2).get_some(by_name ? Address(store, name) : Address(key), Elements{slab, 4}, {});
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
    EXPECT_TRUE(shows(world.connector(3).get_some(Address(key), Elements{slab, 8}, {}).value(), array, slab));
  }),
            0U);
}

// The owner packs some at a time, and sends long runs in place.
TEST(Hyperslab, LargeOnesComeInPieces) {
  SimulatedNodes world({.nodes = {.nodes = 2, .memory_bytes = std::uint64_t{128} << 20U}});
  constexpr std::uint64_t mebi = (std::uint64_t{1} << 20U) / 8;  // of elements, eight at a time
  const ArraySample array = field({6, 2 * mebi}, 16);
  const auto key = put(world.connector(0), store, {}, array).value().key;
  struct Case {
    Hyperslab slab;
    std::uint64_t replies;
  };
  for (const auto& [slab, replies] :
       {Case{{.start = {0, 0}, .count = {5, 2 * mebi}}, 1}, Case{{.start = {0, 1}, .count = {6, mebi}}, 6},
        Case{{.start = {0, 1}, .count = {6, mebi}, .stride = {1, 2}}, 3},
        Case{{.start = {0, 1}, .count = {6, mebi / 2 - 1}}, 2}}) {
    Result<ObjectView> view = Error(Errc::timeout, "");
    const std::uint64_t before = world.network().counters().sent.bytes;
    EXPECT_EQ(world.messages_of([&] {
      view = world.connector(1).get_some(Address(key), Elements{slab, 16}, {});
    }),
              2 * replies)
        << slab;
    ASSERT_TRUE(view) << view.error();
    EXPECT_TRUE(shows(*view, array, slab));
    EXPECT_LE(world.network().counters().sent.bytes - before,
              view->bytes().size() + 2 * replies * max_header_bytes);
  }
}

TEST(Hyperslab, OfObjectsWithAChecksumAreTakenOutOfTheWhole) {
  SimulatedNodes world(2, 1);
  const ArraySample array = field({30, 40}, 8);
  const std::string name = world.name_at(0, store, "summed ");
  const auto key = put(world.connector(0), store, name, array, {}, true).value().key;
  const Hyperslab slab{.start = {1, 2}, .count = {10, 3}, .stride = {2, 5}};
  for (const int reader : {0, 1}) {
    for (const Address& address : {Address(key), Address(store, name)}) {
      const auto view = world.connector(reader).get_some(address, Elements{slab, 8}, {});
      ASSERT_TRUE(view) << view.error();
      EXPECT_TRUE(shows(*view, array, slab));
    }
  }
}

// The checksum covers all bytes: reading some of them checks all.
TEST(Hyperslab, OfObjectsThatWereOverwrittenAreCorrupt) {
  SimulatedNodes world(2, 1);
  const ArraySample array = field({30, 40}, 8);
  const auto key = put(world.connector(0), store, {}, array, {}, true).value().key;
  const auto whole = world.connector(0).get(Address(key), {}).value();
  const_cast<std::byte&>(whole.bytes().back()) ^= std::byte{1};
  const Hyperslab slab{.start = {1, 2}, .count = {10, 3}};
  EXPECT_EQ(code_of(world.connector(1).get_some(Address(key), Elements{slab, 8}, {})), Errc::corrupt);
  EXPECT_EQ(code_of(world.connector(1).get_some(Address(key), ByteRange{0, 8}, {})), Errc::corrupt);
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
    EXPECT_EQ(code_of(connector.get_some(Address(evicted), Elements{slab, 8}, {})), Errc::not_found);
    EXPECT_EQ(code_of(connector.get_some(Address(replaced), Elements{slab, 8}, {})), Errc::not_found);
    const Address handle(replaced, name_hash(store, name));
    EXPECT_EQ(code_of(connector.get_some(handle, Elements{slab, 8}, {})), Errc::stale);
    EXPECT_EQ(code_of(connector.get_some(Address(store, "none"), Elements{slab, 8}, {})), Errc::not_found);
    EXPECT_EQ(code_of(connector.get_some(Address(Key{store, 77, 1}), Elements{slab, 8}, {})),
              Errc::not_found);
    EXPECT_TRUE(shows(connector.get_some(Address(store, name), Elements{slab, 8}, {}).value(), newer, slab));
  }
}

}  // namespace
}  // namespace locum::tests::hyperslab_test
