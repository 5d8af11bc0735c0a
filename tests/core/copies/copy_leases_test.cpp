#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <vector>

#include "core/object/internal_stores.hpp"
#include "core/object/object_wire.hpp"
#include "core/rpc/message.hpp"
#include "core/value/options.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/simulated_nodes.hpp"

// Nodes that others have given up although they are alive: which copies they may show, and for how long.
namespace locum::tests::copy_leases_test {
namespace {

using namespace std::chrono_literals;
using loopback::Cut;
using tests::SimulatedNodes;

constexpr std::uint32_t store = 7;
constexpr std::size_t size_bytes = 10'000;
constexpr auto patience = 5000ms;
constexpr auto lease = patience / 5;
constexpr auto missed = patience + patience / 5 + 100ms;  // until all ranks of a silent node are given up

/// Rank 0 makes objects; ranks of the second node read copies of them.
class CopyLeases : public ::testing::Test {
 protected:
  static constexpr int per_node = 2;

  CopyLeases() {
    world_.network().on_message([this](int, int, std::span<const std::byte> header) {
      Envelope envelope;
      std::memcpy(&envelope, header.data(), sizeof envelope);
      ++of_kind_[envelope.kind];
      return loopback::Verdict{};
    });
  }

  Key made() { return put(world_.connector(0), store, {}, pattern(1, size_bytes)).value().key; }
  Result<ObjectView> get(int rank, const Key& key) {
    return world_.connector(rank).get(Address(key, 0, size_bytes), {});
  }
  Result<bool> evict(int rank, const Key& key) { return world_.connector(rank).evict(Address(key), {}); }
  void cut(Cut cut = Cut::lose) {
    for (int owner = 0; owner < per_node; ++owner) {
      for (int reader = per_node; reader < 2 * per_node; ++reader) {
        world_.network().cut(owner, reader, cut);
      }
    }
  }
  [[nodiscard]] std::uint64_t copies_of(int rank) { return world_.connector(rank).usage().own_copies; }
  loopback::Network& network() { return world_.network(); }

  SimulatedNodes world_{{.nodes = {.nodes = 3, .ranks_per_node = per_node, .patience = patience},
                         .network = {.latency = {1ms, 1ms}}}};
  std::map<Kind, int> of_kind_;
};

TEST_F(CopyLeases, AreAskedForOnceInALeaseAndNotByThoseWhoDoNotRead) {
  const Key key = made();
  EXPECT_TRUE(get(2, key));
  const auto fetched = network().now();
  of_kind_.clear();
  while (network().now() < fetched + lease - 20ms) {
    EXPECT_TRUE(get(2, key));
    EXPECT_TRUE(get(3, key));
    network().run_for(10ms);
  }
  EXPECT_TRUE(of_kind_.empty()) << "within the lease that came with the copy";
  network().run_for(50ms);
  const auto expired = network().now();
  while (network().now() < expired + 10 * lease) {
    const auto view = get(2, key);
    ASSERT_TRUE(view) << view.error();
    EXPECT_EQ(view->path(), Path::shm_view);
    network().run_for(10ms);
  }
  EXPECT_GE(of_kind_[Kind::renew], 9);
  EXPECT_LE(of_kind_[Kind::renew], 11);
  EXPECT_EQ(of_kind_[Kind::copy], 0);
  of_kind_.clear();
  network().run_for(10min);
  EXPECT_TRUE(of_kind_.empty()) << "without reads no lease is renewed";
}

// By each way in which the owner's node is asked for an eviction.
TEST_F(CopyLeases, AnEvictionByNameSaysThatANodeMayShowItsCopyYet) {
  for (const int evictor : {0, 4}) {
    for (const int home : {0, 2}) {
      SCOPED_TRACE("by rank " + std::to_string(evictor) + ", at home on node " + std::to_string(home));
      SimulatedNodes world({.nodes = {.nodes = 3, .ranks_per_node = per_node, .patience = patience},
                            .network = {.latency = {1ms, 1ms}}});
      const std::string name = world.name_at(home, store, "name ");
      const Key key = put(world.connector(0), store, name, pattern(1, size_bytes)).value().key;
      EXPECT_TRUE(world.connector(2).get(Address(key, 0, size_bytes), {}));
      world.network().partition({2, 3}, Cut::lose);
      const auto before = world.network().now();
      const auto gone = world.connector(evictor).evict(Address(store, name), {});
      EXPECT_EQ(code_of(gone), Errc::peer_lost);
      EXPECT_LE(world.network().now() - before, missed) << "the rank that has given up the node says so";
      if (!gone) {
        EXPECT_NE(gone.error().text().find("node 1 cannot be reached"), std::string::npos) << gone.error();
      }
    }
  }
}

// A replacement guarantees the name; the old object is gone once no copy may be shown any more.
TEST_F(CopyLeases, AReplacementSucceedsThoughANodeMayShowTheOldObjectForALease) {
  const std::string name = world_.name_at(0, store, "replaced ");
  const Key key = put(world_.connector(0), store, name, pattern(1, size_bytes)).value().key;
  EXPECT_TRUE(get(2, key));
  cut();
  EXPECT_TRUE(put(world_.connector(1), store, name, pattern(2, size_bytes), {SealMode::replace, 0}));
  for (const int rank : {0, 1, 4, 5}) {
    const auto found = world_.connector(rank).get(Address(store, name), {});
    ASSERT_TRUE(found) << "rank " << rank << ": " << found.error();
    EXPECT_TRUE(holds(*found, pattern(2, size_bytes))) << "rank " << rank;
    EXPECT_EQ(code_of(get(rank, key)), Errc::not_found) << "rank " << rank;
  }
  network().run_for(lease);
  for (const int rank : {2, 3}) {
    EXPECT_EQ(code_of(get(rank, key)), Errc::peer_lost) << "rank " << rank;
  }
}

// The link is restored when each side has given up the other, or never.
TEST_F(CopyLeases, ACutOffNodeShowsNothingWhenAnEvictionHasSucceeded) {
  for (const bool heals : {false, true}) {
    for (const Cut kind : {Cut::lose, Cut::hold}) {
      SCOPED_TRACE(std::string(heals ? "heals" : "stays cut") + (kind == Cut::hold ? ", held" : ", lost"));
      SimulatedNodes world({.nodes = {.nodes = 2, .ranks_per_node = 2, .patience = patience},
                            .network = {.latency = {1ms, 1ms}}});
      std::vector<Key> keys;
      for (int i = 0; i < 3; ++i) {
        keys.push_back(put(world.connector(0), store, {}, pattern(1, size_bytes)).value().key);
      }
      const auto read = [&](int rank, const Key& key) {
        return world.connector(rank).get(Address(key, 0, size_bytes), world.network().now() + 30s);
      };
      for (const Key& key : keys) {
        EXPECT_TRUE(read(2, key));
      }
      world.network().partition({2, 3}, kind);
      if (heals) {
        world.network().after(missed + lease / 4, [&] { world.network().heal(); });
      }
      // When each object was last read; both ranks of the node read all the time.
      std::map<Key, loopback::Network::Clock::time_point> last_seen;
      bool reading = true;
      for (const int reader : {2, 3}) {
        world.network().start([&, reader] {
          while (reading) {
            for (const Key& key : keys) {
              const auto began = world.network().now();
              const auto found = read(reader, key);
              if (found) {
                last_seen[key] = std::max(last_seen[key], began);
              } else {
                EXPECT_TRUE(code_of(found) == Errc::peer_lost || code_of(found) == Errc::not_found ||
                            code_of(found) == Errc::timeout)
                    << found.error();
              }
            }
            world.rank(reader).links->client()->pause(1ms);
          }
        });
      }
      world.network().start([&] {
        EXPECT_EQ(code_of(world.connector(0).evict(Address(keys[0]), {})), Errc::peer_lost);
        EXPECT_EQ(code_of(world.connector(0).evict(Address(keys[1]), {})), Errc::peer_lost)
            << "the lease has not expired";
        const auto told = world.network().now();
        world.rank(0).links->client()->pause(lease + lease / 32);
        const auto gone = world.connector(0).evict(Address(keys[2]), {});
        EXPECT_TRUE(gone && *gone) << (gone ? "was not there" : gone.error().what());
        const auto evicted = world.network().now();
        world.rank(0).links->client()->pause(5 * lease);
        EXPECT_LT(last_seen[keys[2]], evicted) << "found after its eviction had succeeded";
        EXPECT_LT(last_seen[keys[0]], told + lease + lease / 32);
        EXPECT_GT(last_seen[keys[0]], loopback::Network::Clock::time_point()) << "it was read at least once";
        reading = false;
      });
      world.network().run();
      EXPECT_FALSE(reading);
      for (const int reader : {2, 3}) {
        EXPECT_EQ(world.connector(reader).usage().own_copies, 0U);
      }
    }
  }
}

// Any rank of the owner's node knows of the fence, even if the one that made it is gone.
TEST_F(CopyLeases, ANodeThatWasCutOffGetsNoMoreFromThoseWhoNeverMissedIt) {
  const Key gone = made();
  const Key kept = made();
  EXPECT_TRUE(get(2, gone));
  EXPECT_TRUE(get(2, kept));
  for (const int reader : {2, 3}) {
    network().cut(0, reader);
  }
  EXPECT_EQ(code_of(evict(0, gone)), Errc::peer_lost);
  EXPECT_TRUE(world_.rank(0).links->is_lost(2) && world_.rank(0).links->is_lost(3));
  EXPECT_FALSE(world_.rank(1).links->is_lost(2) || world_.rank(1).links->is_lost(3));
  network().run_for(lease + lease / 32);
  of_kind_.clear();
  EXPECT_EQ(code_of(get(3, gone)), Errc::not_found) << "rank 1 replies so";
  EXPECT_EQ(of_kind_[Kind::renew], 1);
  EXPECT_EQ(copies_of(2), 0U) << "all copies are gone, also those of live objects";
  for (int time = 0; time < 2; ++time) {
    const auto alone = get(3, kept);
    ASSERT_TRUE(alone) << alone.error();
    EXPECT_TRUE(holds(*alone, pattern(1, size_bytes)));
    EXPECT_NE(alone->path(), Path::shm_view);
    EXPECT_EQ(copies_of(3), 0U) << "it may not share a copy";
  }
  EXPECT_TRUE(get(4, kept));
  EXPECT_TRUE(evict(1, kept).value()) << "rank 1 reaches all";
  EXPECT_EQ(code_of(get(3, kept)), Errc::not_found);
  EXPECT_EQ(code_of(get(4, kept)), Errc::not_found);
}

// A request that was sent before the fence is answered after the eviction: its reply grants no lease.
TEST_F(CopyLeases, ACopyThatLandsLateIsNotShownWithoutAsking) {
  const Key key = made();
  EXPECT_TRUE(get(4, key));
  bool held = false;
  network().on_message([&](int from, int to, std::span<const std::byte> header) {
    Envelope envelope;
    std::memcpy(&envelope, header.data(), sizeof envelope);
    ++of_kind_[envelope.kind];
    if (from < per_node && to == 2 && envelope.kind == Kind::reply && !held) {
      held = true;
      return loopback::Verdict{loopback::Fate::delay, lease + 500ms};
    }
    return loopback::Verdict{};
  });
  network().start([&] { EXPECT_TRUE(get(2, key)); });
  network().run_for(lease + 2s);
  EXPECT_TRUE(held);
  EXPECT_EQ(copies_of(2), 1U);
  EXPECT_EQ(of_kind_[Kind::renew], 1) << "by the rank that had requested it";
  EXPECT_TRUE(get(3, key));
  EXPECT_EQ(of_kind_[Kind::renew], 2) << "and by the rank that finds it";
}

// A lease that was granted longer ago than leases last may have been revoked since.
TEST_F(CopyLeases, ARenewalThatComesLateIsNoLease) {
  const Key key = made();
  EXPECT_TRUE(get(2, key));
  network().run_for(lease);
  of_kind_.clear();
  bool held = false;
  network().on_message([&](int from, int to, std::span<const std::byte> header) {
    Envelope envelope;
    std::memcpy(&envelope, header.data(), sizeof envelope);
    ++of_kind_[envelope.kind];
    if (from < per_node && to == 2 && envelope.kind == Kind::reply && !held) {
      held = true;
      return loopback::Verdict{loopback::Fate::delay, lease + 500ms};
    }
    return loopback::Verdict{};
  });
  network().start([&] { EXPECT_TRUE(get(2, key)) << "it was pinned before the request"; });
  network().run_for(lease + 800ms);
  EXPECT_TRUE(held);
  EXPECT_EQ(of_kind_[Kind::renew], 1);
  EXPECT_TRUE(get(2, key));
  EXPECT_EQ(of_kind_[Kind::renew], 2);
}

TEST_F(CopyLeases, AStoppedNodeAsksWhenItGoesOn) {
  const Key key = made();
  EXPECT_TRUE(get(2, key));
  EXPECT_TRUE(get(3, key));
  cut(Cut::hold);  // as messages to a stopped process
  EXPECT_EQ(code_of(evict(1, key)), Errc::peer_lost);
  network().run_for(2 * lease);
  network().heal();
  EXPECT_NE(code_of(get(2, key)), Errc{});
  EXPECT_NE(code_of(get(3, key)), Errc{});
}

TEST_F(CopyLeases, APartIsReadOfACopyOnlyWithinALease) {
  const Key key = made();
  EXPECT_TRUE(get(2, key));
  cut();
  EXPECT_TRUE(world_.connector(3).get_some(Address(key), ByteRange{10, 20}, {}));
  network().run_for(lease);
  EXPECT_EQ(code_of(world_.connector(3).get_some(Address(key), ByteRange{10, 20}, {})), Errc::peer_lost);
}

// The time in the copy was written by another process: an impossible one is not trusted.
TEST_F(CopyLeases, ALeaseLongerThanThereIsAnyIsNotBelieved) {
  const Key key = made();
  EXPECT_TRUE(get(2, key));
  const auto& process = world_.rank(2).process;
  const auto copies = process.table->keys(copies_store, Whose::own);
  ASSERT_EQ(copies.size(), 1U);
  const auto pin = process.table->pin(copies[0]);
  ASSERT_TRUE(pin);
  const auto never = std::numeric_limits<std::int64_t>::max();
  std::memcpy(process.arena->data(pin->record->offset) + pin->record->size_bytes - sizeof never, &never,
              sizeof never);
  process.table->release(pin->id);
  cut();
  network().run_for(2 * lease);
  EXPECT_EQ(code_of(get(3, key)), Errc::peer_lost);
}

TEST_F(CopyLeases, WithoutMemoryForTheFenceTheListOfCopiesStays) {
  SimulatedNodes world({.nodes = {.nodes = 2, .memory_bytes = 1_MiB, .patience = patience},
                        .network = {.latency = {1ms, 1ms}}});
  const Key key = put(world.connector(0), store, {}, pattern(1, size_bytes)).value().key;
  ASSERT_TRUE(world.connector(1).get(Address(key, 0, size_bytes), {}));
  const auto held = world.connector(0).get(Address(key), {});  // so that its memory is not freed
  std::vector<Key> filling;
  for (const std::size_t size : {std::size_t{100'000}, std::size_t{1000}, std::size_t{1}}) {
    for (auto more = put(world.connector(0), store, {}, pattern(1, size)); more;
         more = put(world.connector(0), store, {}, pattern(1, size))) {
      filling.push_back(more->key);
    }
  }
  world.network().cut(0, 1);
  for (int time = 0; time < 2; ++time) {
    EXPECT_EQ(code_of(world.connector(0).evict(Address(key), {})), Errc::peer_lost) << time;
    world.network().run_for(5 * lease);
  }
  for (const Key& each : filling) {
    EXPECT_TRUE(world.connector(0).evict(Address(each), {}).value());
  }
  EXPECT_EQ(code_of(world.connector(0).evict(Address(key), {})), Errc::peer_lost) << "now there is a fence";
  world.network().run_for(2 * lease);
  EXPECT_FALSE(world.connector(0).evict(Address(key), {}).value());
}

}  // namespace
}  // namespace locum::tests::copy_leases_test
