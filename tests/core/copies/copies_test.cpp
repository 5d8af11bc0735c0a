#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/rpc/message.hpp"
#include "core/value/options.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/mortal_nodes.hpp"
#include "tests/core/queue_transport.hpp"
#include "tests/core/simulated_nodes.hpp"

namespace locum::tests::copies_test {
namespace {

using namespace std::chrono_literals;
using loopback::Fate;
using loopback::Verdict;
using tests::SimulatedNodes;

constexpr std::uint32_t store = 7;
constexpr std::size_t size_bytes = 100'000;

Kind kind_of(std::span<const std::byte> header) {
  Envelope envelope;
  std::memcpy(&envelope, header.data(), sizeof envelope);
  return envelope.kind;
}

bool shows(const Result<ObjectView>& view, const std::vector<std::byte>& bytes) {
  return view && holds(*view, bytes);
}

/// Nodes of several ranks; rank 0 makes objects, the second node's ranks get them.
class Copies : public ::testing::Test {
 protected:
  static constexpr int per_node = 4;
  static constexpr int nodes = 4;

  Copies() { judge({}); }

  /// Counts messages between nodes and within them, and calls `then` for the fate of each.
  void judge(std::function<Verdict(int from, int to, Kind kind)> then) {
    world_.network().on_message([this, then](int from, int to, std::span<const std::byte> header) {
      const Kind kind = kind_of(header);
      ++(world_.node_of(from) == world_.node_of(to) ? within_ : between_);
      ++of_kind_[kind];
      return then ? then(from, to, kind) : Verdict{};
    });
  }
  Sealed made(std::size_t seed = 1, std::size_t size = size_bytes) {
    return put(world_.connector(0), store, {}, pattern(seed, size)).value();
  }
  /// As from a handle, which knows the object's size.
  Result<ObjectView> get(int rank, const Key& key, Deadline deadline = {}) {
    return world_.connector(rank).get(Address(key, 0, size_bytes), deadline);
  }
  /// Starts a program in which the rank gets the object; its outcome is there after network().run().
  void start_get(int rank, const Key& key, std::chrono::nanoseconds patience = 20s) {
    world_.network().start([this, rank, key, patience] {
      got_[static_cast<std::size_t>(rank)] = get(rank, key, world_.network().now() + patience);
    });
  }
  [[nodiscard]] const Result<ObjectView>& got(int rank) const {
    return got_[static_cast<std::size_t>(rank)].value();
  }
  [[nodiscard]] std::uint64_t copies_of_node(int node) {
    std::uint64_t copies = 0;
    for (int rank = node * per_node; rank < (node + 1) * per_node; ++rank) {
      copies += world_.connector(rank).usage().own_copies;
    }
    return copies;
  }
  [[nodiscard]] std::uint64_t objects_of_all() {
    std::uint64_t objects = 0;
    for (int rank = 0; rank < world_.size(); ++rank) {
      objects += world_.connector(rank).usage().own_objects;
    }
    return objects;
  }

  SimulatedNodes world_{
      {.nodes = {.nodes = nodes, .ranks_per_node = per_node}, .network = {.latency = {1ms, 1ms}}}};
  std::uint64_t between_ = 0;
  std::uint64_t within_ = 0;
  std::map<Kind, int> of_kind_;
  std::array<std::optional<Result<ObjectView>>, nodes * per_node> got_;
};

TEST_F(Copies, AllRanksOfANodeThatWantAnObjectCauseOneTransfer) {
  const Key key = made().key;
  const std::uint64_t bytes_before = world_.network().counters().sent.bytes;
  for (int rank = per_node; rank < 2 * per_node; ++rank) {
    start_get(rank, key);
  }
  world_.network().run();
  EXPECT_EQ(between_, 2U) << "a request and its reply";
  EXPECT_EQ(within_, 2U * (per_node - 1)) << "a joining rank asks once whether the flight has ended";
  const std::uint64_t moved = world_.network().counters().sent.bytes - bytes_before;
  EXPECT_GE(moved, size_bytes);
  EXPECT_LE(moved, size_bytes + 2000);
  for (int rank = per_node; rank < 2 * per_node; ++rank) {
    ASSERT_TRUE(got(rank)) << got(rank).error();
    EXPECT_TRUE(shows(got(rank), pattern(1, size_bytes)));
    EXPECT_EQ(got(rank)->key(), key);
    EXPECT_EQ(got(rank)->bytes().data(), got(per_node)->bytes().data()) << "all read it in place";
  }
  EXPECT_EQ(copies_of_node(1), 1U);
  // Later gets send no message.
  between_ = within_ = 0;
  for (int rank = per_node; rank < 2 * per_node; ++rank) {
    const auto again = get(rank, key);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->path(), Path::shm_view);
    EXPECT_EQ(again->bytes().data(), got(per_node)->bytes().data());
  }
  EXPECT_EQ(between_ + within_, 0U);
}

TEST_F(Copies, TheRankThatBroughtACopySaysHowItCame) {
  const Key key = made().key;
  EXPECT_EQ(get(4, key)->path(), Path::rendezvous);
  EXPECT_EQ(get(4, key)->path(), Path::shm_view);
}

TEST_F(Copies, AKeyAloneDoesNotSayHowLargeItsObjectIs) {
  const Key key = made().key;
  EXPECT_TRUE(shows(world_.connector(4).get(Address(key), {}), pattern(1, size_bytes)));
  EXPECT_EQ(between_, 4U) << "a second request";
  EXPECT_EQ(of_kind_[Kind::copy], 1);
  between_ = within_ = 0;
  EXPECT_TRUE(world_.connector(5).get(Address(key), {}));
  EXPECT_EQ(between_ + within_, 0U) << "the local copy is found";
}

TEST_F(Copies, SmallObjectsAreNotShared) {
  const Key key = made(1, 100).key;
  for (const std::uint64_t known : {0U, 100U}) {
    between_ = 0;
    EXPECT_TRUE(world_.connector(4).get(Address(key, 0, known), {}));
    EXPECT_TRUE(world_.connector(5).get(Address(key, 0, known), {}));
    EXPECT_EQ(between_, 4U);
  }
  EXPECT_EQ(of_kind_[Kind::fetch], 4);
  EXPECT_EQ(of_kind_[Kind::copy], 0);
  // Not even if both believe that it is large: the second one was not notified of an eviction in between, so
  // it must not get the first one's bytes.
  between_ = 0;
  start_get(4, key);
  start_get(5, key);
  world_.network().run();
  EXPECT_TRUE(shows(got(4), pattern(1, 100)));
  EXPECT_TRUE(shows(got(5), pattern(1, 100)));
  EXPECT_EQ(between_, 4U);
  EXPECT_EQ(of_kind_[Kind::copy], 1);
  EXPECT_EQ(copies_of_node(1), 0U);
}

// By key, and by name, whose home is asked for the object.
TEST_F(Copies, PartsOfWhatIsHereAreShownInPlace) {
  const std::string name = world_.name_at(2, store, "in parts");
  const auto bytes = pattern(1, size_bytes);
  const Sealed sealed = put(world_.connector(0), store, name, bytes).value();
  const ByteRange range{50'000, 1000};
  const auto expected = std::span(bytes).subspan(range.offset, range.bytes);
  for (const Address& address : {Address(sealed.key), Address(store, name)}) {
    between_ = 0;
    const auto apart = world_.connector(4).get_some(address, range, {});
    ASSERT_TRUE(apart) << apart.error();
    EXPECT_TRUE(std::ranges::equal(apart->bytes(), expected));
    EXPECT_EQ(between_, address.name.empty() ? 2U : 4U);
  }
  EXPECT_EQ(copies_of_node(1), 0U) << "a part is not kept as a copy";
  const auto whole = get(4, sealed.key).value();
  of_kind_.clear();
  for (const Address& address : {Address(sealed.key), Address(store, name)}) {
    between_ = within_ = 0;
    const auto part = world_.connector(5).get_some(address, range, {});
    ASSERT_TRUE(part) << part.error();
    EXPECT_EQ(part->bytes().data(), whole.bytes().data() + range.offset);
    EXPECT_EQ(part->bytes().size(), range.bytes);
    EXPECT_EQ(part->path(), Path::shm_view);
    EXPECT_EQ(part->key(), sealed.key);
    EXPECT_EQ(part->facts().size_bytes, size_bytes);
    EXPECT_EQ(part->facts().generation, sealed.generation);
    EXPECT_EQ(between_ + within_, address.name.empty() ? 0U : 2U);
    EXPECT_EQ(code_of(world_.connector(5).get_some(address, ByteRange{size_bytes, 1}, {})),
              Errc::invalid_argument);
  }
  EXPECT_EQ(of_kind_[Kind::fetch_part], 0);
  EXPECT_TRUE(world_.connector(0).evict(Address(sealed.key), {}).value());
  EXPECT_EQ(code_of(world_.connector(5).get_some(Address(sealed.key), range, {})), Errc::not_found);
}

TEST_F(Copies, AnEvictionTellsEachNodeThatHasACopyOnce) {
  for (const int evictor : {0, 1, 4, 15}) {
    const Key key = made().key;
    std::vector<ObjectView> views;
    for (const int rank : {4, 5, 8, 9, 10}) {
      views.push_back(get(rank, key).value());
    }
    of_kind_.clear();
    EXPECT_TRUE(world_.connector(evictor).evict(Address(key), {}).value());
    EXPECT_EQ(of_kind_[Kind::invalidate], 2) << "nodes 1 and 2";
    for (int rank = 0; rank < world_.size(); ++rank) {
      EXPECT_EQ(code_of(get(rank, key)), Errc::not_found) << rank;
    }
    for (const ObjectView& view : views) {
      EXPECT_TRUE(shows(view, pattern(1, size_bytes))) << "views stay valid";
    }
    views.clear();
    EXPECT_EQ(objects_of_all(), 0U) << "neither copies nor lists of their nodes";
  }
}

TEST_F(Copies, AnObjectThatNobodyElseReadIsEvictedWithoutAWord) {
  const Key key = made().key;
  EXPECT_TRUE(get(1, key));
  EXPECT_TRUE(world_.connector(1).evict(Address(key), {}).value());
  EXPECT_EQ(between_ + within_, 0U);
}

TEST_F(Copies, AReplacedObjectIsStaleWhereverThereIsACopy) {
  for (const int home : {0, 1, 2}) {
    const std::string name = world_.name_at(home, store, "clock");
    Sealed old = put(world_.connector(0), store, name, pattern(0, size_bytes)).value();
    for (std::size_t round = 1; round < 5; ++round) {
      for (const int rank : {4, 5, 8, 12}) {
        EXPECT_TRUE(
            shows(world_.connector(rank).get(Address(store, name), {}), pattern(round - 1, size_bytes)));
        EXPECT_TRUE(get(rank, old.key));
      }
      // By a rank of the first node, of one with copies, and of the name's home.
      const int writer = static_cast<int>(round % 3) * per_node;
      const Sealed next =
          put(world_.connector(writer), store, name, pattern(round, size_bytes), {SealMode::replace, 0})
              .value();
      for (int rank = 0; rank < world_.size(); ++rank) {
        const auto gone = world_.connector(rank).get(Address(old.key, name_hash(store, name)), {});
        ASSERT_FALSE(gone) << "home " << home << ", round " << round << ", rank " << rank;
        EXPECT_EQ(gone.error().code(), Errc::stale);
      }
      old = next;
    }
    EXPECT_TRUE(world_.connector(5).evict(Address(store, name), {}).value());
    EXPECT_EQ(objects_of_all(), 0U);
  }
}

// The owner's reply is in transfer when the object is evicted: the invalidation overtakes it.
TEST_F(Copies, AFlightThatIsOvertakenPublishesNothing) {
  const Key key = made().key;
  bool delayed = false;
  judge([&](int from, int to, Kind kind) {
    if (from < per_node && to == 4 && kind == Kind::reply && !delayed) {
      delayed = true;
      return Verdict{Fate::delay, 500ms};
    }
    return Verdict{};
  });
  start_get(4, key);
  start_get(5, key);
  world_.network().after(100ms, [&] { EXPECT_TRUE(delayed); });
  world_.network().start([&] {
    world_.rank(0).links->client()->pause(100ms);
    EXPECT_TRUE(world_.connector(0).evict(Address(key), {}).value());
    EXPECT_LT(of_kind_[Kind::invalidate], 2);
    EXPECT_EQ(code_of(get(6, key)), Errc::not_found);
  });
  world_.network().run();
  EXPECT_EQ(of_kind_[Kind::invalidate], 1);
  for (int rank = per_node; rank < 2 * per_node; ++rank) {
    EXPECT_EQ(code_of(get(rank, key)), Errc::not_found);
  }
  EXPECT_EQ(objects_of_all(), 0U);
}

TEST_F(Copies, AJoinerGoesOnWhenWhoBeganGivesUp) {
  const Key key = made().key;
  judge([&](int from, int, Kind kind) {
    return from < per_node && kind == Kind::reply ? Verdict{Fate::delay, 1s} : Verdict{};
  });
  start_get(4, key, 100ms);
  start_get(5, key);
  world_.network().run();
  EXPECT_EQ(code_of(got(4)), Errc::timeout);
  ASSERT_TRUE(got(5)) << got(5).error();
  EXPECT_TRUE(shows(got(5), pattern(1, size_bytes)));
  EXPECT_EQ(of_kind_[Kind::copy], 1) << "the object is sent once";
  EXPECT_EQ(copies_of_node(1), 1U);
}

TEST_F(Copies, AJoinerTakesOverWhenTheRankThatBeganDies) {
  const Key key = made().key;
  int killed = 0;
  judge([&](int from, int to, Kind kind) {
    if (killed == 0 && from < per_node && to == 4 && kind == Kind::reply) {
      ++killed;
      return Verdict{Fate::kill_receiver, {}};
    }
    return Verdict{};
  });
  for (int rank = per_node; rank < 2 * per_node; ++rank) {
    start_get(rank, key);
  }
  world_.network().run();
  EXPECT_EQ(killed, 1);
  for (int rank = per_node + 1; rank < 2 * per_node; ++rank) {
    ASSERT_TRUE(got(rank)) << got(rank).error();
    EXPECT_TRUE(shows(got(rank), pattern(1, size_bytes)));
    EXPECT_EQ(got(rank)->bytes().data(), got(per_node + 1)->bytes().data());
  }
  EXPECT_EQ(of_kind_[Kind::copy], 2) << "only one of them repeated the request";
  EXPECT_TRUE(world_.connector(0).evict(Address(key), {}).value());
  EXPECT_EQ(code_of(get(5, key)), Errc::not_found);
}

// Even if no other rank requests the object, and the death is only noticed by the adoption.
TEST(CopiesOfTheDead, LeaveNoMarkOfAFlight) {
  constexpr auto never = std::chrono::nanoseconds::max();
  tests::MortalNodes nodes(
      {.nodes = {.nodes = 2, .ranks_per_node = 2}, .network = {.detection = {never, never}}});
  SimulatedNodes& world = nodes.world();
  const Key key = put(world.connector(0), store, {}, pattern(1, size_bytes)).value().key;
  nodes.network().on_message([&](int, int, std::span<const std::byte> header) {
    if (kind_of(header) != Kind::copy) {
      return Verdict{};
    }
    nodes.mark_dead(3);
    return Verdict{Fate::kill_before, {}};
  });
  nodes.network().start([&] { (void)world.connector(3).get(Address(key, 0, size_bytes), {}); });
  nodes.network().run();
  EXPECT_EQ(world.rank(2).node->levels().objects, 1U) << "the record of the flight";
  nodes.network().run_for(1s);
  (void)world.connector(2).usage();  // frees what can be freed
  EXPECT_EQ(world.rank(2).node->levels(), tests::PlainNode::Levels{});
}

// By other ranks of its node, one of which adopts them: including copies of objects evicted meanwhile.
TEST(CopiesOfTheDead, AreCountedAndDroppedByWhoAdopts) {
  tests::MortalNodes nodes({.nodes = {.nodes = 2, .ranks_per_node = 2}, .network = {.latency = {1ms, 1ms}}});
  SimulatedNodes& world = nodes.world();
  std::vector<Key> keys;
  for (std::size_t seed = 0; seed < 300; ++seed) {
    keys.push_back(put(world.connector(0), store, {}, pattern(seed, 5000)).value().key);
    const int reader = seed % 3 == 0 ? 2 : 3;
    EXPECT_TRUE(world.connector(reader).get(Address(keys.back(), 0, 5000), {}));
    if (seed % 2 == 0) {
      EXPECT_TRUE(world.connector(0).evict(Address(keys.back()), {}).value());
    }
  }
  EXPECT_EQ(world.connector(2).usage().own_copies, 50U);
  EXPECT_EQ(world.connector(3).usage().own_copies, 100U);
  nodes.kill(3);
  nodes.network().run_for(1s);
  EXPECT_EQ(world.connector(2).usage().own_copies, 150U);
  for (std::size_t seed = 1; seed < 100; seed += 2) {
    EXPECT_TRUE(world.connector(0).evict(Address(keys[seed]), {}).value());
  }
  EXPECT_EQ(world.connector(2).usage().own_copies, 100U);
  EXPECT_TRUE(world.connector(2).drop(store));
  EXPECT_EQ(world.connector(2).usage().own_copies, 0U);
}

// A flight that the dead rank had begun, and that no rank had joined.
TEST_F(Copies, AMarkOfADeadRankIsTakenOver) {
  const Key key = made().key;
  judge([&](int, int to, Kind kind) {
    return to == 4 && kind == Kind::reply ? Verdict{Fate::kill_receiver, {}} : Verdict{};
  });
  start_get(4, key);
  world_.network().run();
  judge({});
  // A rank that has not noticed the death yet finds the record, and then that its rank is dead.
  const auto found = get(6, key);
  ASSERT_TRUE(found) << found.error();
  EXPECT_EQ(get(7, key)->bytes().data(), found->bytes().data());
}

TEST_F(Copies, ANodeThatDiesWithACopyFailsEvictionsUntilItsLeaseIsOver) {
  const Key first = made(1).key;
  const Key second = made(2).key;
  const Key third = made(3).key;
  for (const Key& key : {first, second, third}) {
    EXPECT_TRUE(get(4, key));
    EXPECT_TRUE(get(8, key));
  }
  for (int rank = per_node; rank < 2 * per_node; ++rank) {
    world_.network().kill(rank);
  }
  const auto before = world_.network().now();
  const auto unheard = world_.connector(0).evict(Address(first), {});
  ASSERT_FALSE(unheard);
  EXPECT_EQ(unheard.error().code(), Errc::peer_lost);
  EXPECT_NE(unheard.error().text().find("node 1"), std::string::npos) << unheard.error();
  EXPECT_LE(world_.network().now() - before, 6100ms);
  EXPECT_EQ(code_of(get(8, first)), Errc::not_found);
  EXPECT_FALSE(world_.connector(0).evict(Address(first), {}).value());
  EXPECT_EQ(code_of(world_.connector(0).evict(Address(second), {})), Errc::peer_lost);
  EXPECT_EQ(code_of(get(8, second)), Errc::not_found);
  world_.network().run_for(1100ms);
  EXPECT_TRUE(world_.connector(0).evict(Address(third), {}).value()) << "the dead node has no copy of it";
  EXPECT_EQ(code_of(get(8, third)), Errc::not_found);
}

TEST_F(Copies, AnInvalidationThatWasLostIsSentAgain) {
  const Key key = made().key;
  EXPECT_TRUE(get(4, key));
  int lost = 0;
  judge([&](int, int, Kind kind) {
    return kind == Kind::invalidate && lost++ == 0 ? Verdict{Fate::drop, {}} : Verdict{};
  });
  const auto late = world_.connector(0).evict(Address(key), world_.network().now() + 1s);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Errc::timeout);
  world_.network().run_for(10s);
  EXPECT_EQ(lost, 2);
  EXPECT_EQ(code_of(get(5, key)), Errc::not_found);
  EXPECT_EQ(objects_of_all(), 0U);
}

TEST_F(Copies, EvictingWhatIsGoneWaitsForCopiesThatAreLeft) {
  const Key key = made().key;
  EXPECT_TRUE(get(4, key));
  bool lost = false;
  judge([&](int, int, Kind kind) {
    return kind == Kind::invalidate && !std::exchange(lost, true) ? Verdict{Fate::drop, {}} : Verdict{};
  });
  world_.network().start(
      [&] { EXPECT_FALSE(world_.connector(0).evict(Address(key), world_.network().now() + 1s)); });
  world_.network().start([&] {
    world_.rank(1).links->client()->pause(500ms);
    EXPECT_TRUE(lost);
    EXPECT_FALSE(world_.connector(1).evict(Address(key), {}).value());
    EXPECT_EQ(code_of(get(5, key)), Errc::not_found);
  });
  world_.network().run();
}

// An eviction whose home could not be reached invalidates the copies nevertheless; the object may still
// exist, and nodes that get a copy meanwhile are notified of the next eviction.
TEST_F(Copies, AnEvictionThatFailedForgetsNobodyWhoHasACopy) {
  for (const int evictor : {0, 8}) {
    SCOPED_TRACE(evictor);
    const std::string name = world_.name_at(3, store, "kept by rank " + std::to_string(evictor));
    const Key key = put(world_.connector(0), store, name, pattern(1, size_bytes)).value().key;
    EXPECT_TRUE(get(4, key));
    int unbinds = 0;
    judge([&](int, int, Kind kind) {
      if (kind == Kind::invalidate) {
        start_get(9, key);
      }
      return kind == Kind::unbind && unbinds++ == 0 ? Verdict{Fate::kill_receiver, {}} : Verdict{};
    });
    EXPECT_EQ(code_of(world_.connector(evictor).evict(Address(key), {})), Errc::peer_lost);
    world_.network().run();
    ASSERT_TRUE(got(9)) << got(9).error();
    judge({});
    EXPECT_TRUE(world_.connector(evictor).evict(Address(key), {}).value());
    EXPECT_EQ(code_of(get(9, key)), Errc::not_found) << "rank " << 9;
    EXPECT_EQ(code_of(get(4, key)), Errc::not_found);
  }
}

// The evicting rank may have read the list before it existed.
TEST_F(Copies, NobodyIsEnteredForAnObjectThatIsGone) {
  const auto sets = world_.rank(0).links->copies().holders;
  const Key key = made().key;
  EXPECT_TRUE(sets->enter(key, 2));
  EXPECT_TRUE(sets->enter(key, 2));
  EXPECT_TRUE(sets->has(key, {}));
  EXPECT_TRUE(world_.connector(0).evict(Address(key), {}).value());
  EXPECT_FALSE(sets->has(key, {}));
  EXPECT_FALSE(sets->enter(key, 3));
  world_.network().run_until_idle();
  EXPECT_FALSE(sets->has(key, {}));
  EXPECT_EQ(objects_of_all(), 0U);
}

TEST_F(Copies, ADroppedStoreLeavesNoCopies) {
  const Key key = made().key;
  EXPECT_TRUE(get(4, key));
  EXPECT_TRUE(get(9, key));
  start_get(13, key);  // lands after this rank has dropped the store
  between_ = 0;
  world_.network().start([&] { EXPECT_TRUE(world_.connector(13).drop(store)); });
  world_.network().run();
  EXPECT_EQ(copies_of_node(3), 0U);
  EXPECT_TRUE(get(13, key)) << "the store still exists on its maker's node";
  EXPECT_EQ(copies_of_node(3), 0U);
  for (int rank = 0; rank < world_.size(); ++rank) {
    EXPECT_TRUE(world_.connector(rank).drop(store));
  }
  EXPECT_EQ(of_kind_[Kind::invalidate], 0);
  EXPECT_EQ(objects_of_all(), 0U);
}

/// Nodes with little memory: copies that nobody views are freed for new ones, the oldest first, and all of
/// them for puts.
TEST(CopiesInLittleMemory, MakeRoomForEachOtherAndForWhatIsPut) {
  SimulatedNodes world({.nodes = {.nodes = 2, .ranks_per_node = 1, .memory_bytes = 1_MiB}});
  std::vector<Key> keys;
  for (std::size_t seed = 0; seed < 9; ++seed) {
    keys.push_back(put(world.connector(0), store, {}, pattern(seed, size_bytes)).value().key);
  }
  const auto own = put(world.connector(1), store, {}, pattern(100, 500'000)).value();
  std::vector<ObjectView> views;
  for (std::size_t seed = 0; seed < keys.size(); ++seed) {
    const auto view = world.connector(1).get(Address(keys[seed]), {});
    ASSERT_TRUE(view) << view.error();
    EXPECT_TRUE(shows(view, pattern(seed, size_bytes)));
    if (seed < 2) {
      views.push_back(*view);
    }
  }
  const MemoryUsage full = world.connector(1).usage();
  EXPECT_EQ(full.own_copies, 5U) << "as many as fit, the two with a view among them";
  EXPECT_GE(full.own_copy_bytes, 3 * size_bytes);
  const auto messages_of_get = [&](const Key& key) {
    return world.messages_of([&] { EXPECT_TRUE(world.connector(1).get(Address(key), {})); });
  };
  EXPECT_EQ(messages_of_get(keys[8]), 0U) << "the newest is kept";
  EXPECT_EQ(messages_of_get(keys[0]), 0U) << "the oldest has a view";
  EXPECT_GT(messages_of_get(keys[2]), 0U) << "the oldest without a view was freed";
  EXPECT_EQ(messages_of_get(keys[2]), 0U) << "there is a copy again";
  const auto more = put(world.connector(1), store, {}, pattern(101, 250'000));
  ASSERT_TRUE(more) << more.error();
  EXPECT_LT(world.connector(1).usage().own_copies, 5U);
  EXPECT_EQ(messages_of_get(keys[0]), 0U) << "a put makes room where nobody looks, too";
  for (std::size_t seed = 0; seed < views.size(); ++seed) {
    EXPECT_TRUE(shows(views[seed], pattern(seed, size_bytes)));
  }
  for (const Key& key : keys) {
    EXPECT_TRUE(world.connector(0).evict(Address(key), {}).value());
    EXPECT_EQ(code_of(world.connector(1).get(Address(key), {})), Errc::not_found);
  }
  views.clear();
  EXPECT_EQ(world.connector(1).usage().own_objects, 2U);
  EXPECT_TRUE(shows(world.connector(1).get(Address(own.key), {}), pattern(100, 500'000)));
}

TEST(CopiesInLittleMemory, AreNotGivenUpForWhatTheyMakeNoRoomFor) {
  SimulatedNodes world({.nodes = {.nodes = 2, .ranks_per_node = 1, .memory_bytes = 1_MiB}});
  std::vector<Key> keys;
  for (std::size_t seed = 0; seed < 3; ++seed) {
    keys.push_back(put(world.connector(0), store, {}, pattern(seed, size_bytes)).value().key);
    EXPECT_TRUE(world.connector(1).get(Address(keys.back()), {}));
  }
  (void)put(world.connector(1), store, {}, pattern(100, 4 * size_bytes)).value();
  constexpr std::size_t more_than_all_copies = 4 * size_bytes;
  const Key large = put(world.connector(0), store, {}, pattern(101, more_than_all_copies)).value().key;
  EXPECT_TRUE(shows(world.connector(1).get(Address(large), {}), pattern(101, more_than_all_copies)));
  EXPECT_EQ(world.connector(1).usage().own_copies, keys.size());
  for (const Key& key : keys) {
    EXPECT_EQ(world.messages_of([&] { EXPECT_TRUE(world.connector(1).get(Address(key), {})); }), 0U);
  }
}

// Threads of several ranks concurrently, each rank with its helper: one copy, whichever is first.
TEST(CopiesOfThreads, AreOneForAllThreadsOfANode) {
  constexpr int rounds = 20;
  constexpr int threads_of_rank = 3;
  const tests::LinkedNodesOptions options{.nodes = 2, .ranks_per_node = 2, .helper = true};
  auto ranks = tests::link_plain_nodes(options, tests::queue_transports(4));
  for (int round = 0; round < rounds; ++round) {
    const Key key = put(*ranks[0].connector, store, {}, pattern(1, size_bytes)).value().key;
    std::vector<Result<ObjectView>> got(2 * threads_of_rank, Error(Errc::system, "not tried"));
    std::vector<std::thread> threads;
    for (std::size_t number = 0; number < got.size(); ++number) {
      threads.emplace_back(
          [&, number] { got[number] = ranks[2 + number % 2].connector->get(Address(key), {}); });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    for (const auto& view : got) {
      ASSERT_TRUE(view) << view.error();
      EXPECT_TRUE(shows(view, pattern(1, size_bytes)));
      EXPECT_EQ(view->bytes().data(), got.front()->bytes().data());
    }
    EXPECT_TRUE(ranks[1].connector->evict(Address(key), {}).value());
    EXPECT_EQ(code_of(ranks[3].connector->get(Address(key), {})), Errc::not_found);
  }
  for (const tests::LinkedRank& rank : ranks) {
    EXPECT_EQ(rank.connector->usage().own_objects, 0U);
  }
}

// Gets and evictions race: a get that begins after the eviction has ended finds nothing.
TEST(CopiesOfThreads, AreGoneWhenTheEvictionHasEnded) {
  constexpr int rounds = 200;
  const tests::LinkedNodesOptions options{.nodes = 3, .ranks_per_node = 2, .helper = true};
  auto ranks = tests::link_plain_nodes(options, tests::queue_transports(6));
  for (int round = 0; round < rounds; ++round) {
    const Key key = put(*ranks[0].connector, store, {}, pattern(1, 10'000)).value().key;
    std::atomic<bool> gone{false};
    std::vector<std::thread> threads;
    for (const std::size_t rank : {2U, 3U, 4U, 5U}) {
      threads.emplace_back([&, rank] {
        for (bool last = false; !last;) {
          last = gone.load();
          const auto view = ranks[rank].connector->get(Address(key), {});
          EXPECT_FALSE(last && view) << "found after its eviction";
          EXPECT_TRUE(view || view.error().code() == Errc::not_found) << view.error();
        }
      });
    }
    EXPECT_TRUE(ranks[round % 6].connector->evict(Address(key), {}).value());
    gone.store(true);
    for (std::thread& thread : threads) {
      thread.join();
    }
  }
}

}  // namespace
}  // namespace locum::tests::copies_test
