#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/rpc/message.hpp"
#include "tests/core/bent_transport.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/simulated_nodes.hpp"

// Copies on nodes that cannot be notified, or when the list of copies cannot be read.
namespace locum::tests::untold_copies_test {
namespace {

using namespace std::chrono_literals;
using loopback::Fate;
using loopback::Verdict;
using tests::PlainNode;
using tests::SimulatedNodes;

constexpr std::uint32_t store = 7;
constexpr std::size_t size_bytes = 100'000;
constexpr auto lease = 1s;  // a fifth of the patience

const Error stopped(Errc::timeout, "a process of this node is stopped within a change");
const Error spoiled(Errc::corrupt, "a stray store");

/// Rank 0 makes objects; ranks of the second node read copies of them.
class UntoldCopies : public ::testing::Test {
 protected:
  static constexpr int per_node = 2;

  UntoldCopies() { judge({}); }

  void judge(std::function<Verdict(int from, int to, const Envelope& envelope)> then) {
    world_.network().on_message([this, then](int from, int to, std::span<const std::byte> header) {
      Envelope envelope;
      std::memcpy(&envelope, header.data(), sizeof envelope);
      ++of_kind_[envelope.kind];
      return then ? then(from, to, envelope) : Verdict{};
    });
  }
  Key made() { return put(world_.connector(0), store, {}, pattern(1, size_bytes)).value().key; }
  /// As from a handle, which knows the object's size.
  Result<ObjectView> get(int rank, const Key& key, Deadline deadline = {}) {
    return world_.connector(rank).get(Address(key, 0, size_bytes), deadline);
  }
  Result<bool> evict(const Key& key) { return world_.connector(0).evict(Address(key), {}); }
  [[nodiscard]] PlainNode& node(int number) { return *world_.rank(number * per_node).node; }
  [[nodiscard]] const std::shared_ptr<CopyHolders>& sets() { return world_.rank(0).links->copies().holders; }
  [[nodiscard]] std::uint64_t copies_of(int rank) { return world_.connector(rank).usage().own_copies; }
  void expect_all_gone(const Key& key) {
    EXPECT_EQ(code_of(get(3, key)), Errc::not_found);
    EXPECT_FALSE(sets()->has(key, {}));
    for (int rank = 0; rank < world_.size(); ++rank) {
      EXPECT_EQ(world_.connector(rank).usage().own_objects, 0U) << "rank " << rank;
    }
  }
  loopback::Network& network() { return world_.network(); }

  tests::Liars liars_{2};
  SimulatedNodes world_{{.nodes = {.nodes = 3, .ranks_per_node = per_node},
                         .network = {.latency = {1ms, 1ms}},
                         .wrap = liars_.wrap()}};
  std::map<Kind, int> of_kind_;
};

TEST_F(UntoldCopies, ANodeThatCouldNotDropItsCopyIsToldAgainWhateverKeptIt) {
  for (const Error& error : {spoiled, stopped}) {
    SCOPED_TRACE(error);
    const Key key = made();
    ASSERT_TRUE(get(2, key));
    of_kind_.clear();
    node(1).fail_directory(error);
    EXPECT_EQ(code_of(evict(key)), error.code());
    EXPECT_EQ(of_kind_[Kind::invalidate], 1);
    network().run_for(10s);
    node(1).fail_directory({});
    network().run_for(10s);
    expect_all_gone(key);
    // A node that cannot drop its copy for another reason than a deadline is asked at growing intervals.
    EXPECT_GE(of_kind_[Kind::invalidate], 3);
    EXPECT_LE(of_kind_[Kind::invalidate], error.code() == Errc::timeout ? 13 : 6);
  }
}

// Each node is notified once at a time, however many evictions wait for it.
TEST_F(UntoldCopies, NobodyIsToldMoreOftenBecauseManyAsk) {
  const Key key = made();
  ASSERT_TRUE(get(2, key));
  node(1).fail_directory(stopped);
  for (int time = 0; time < 50; ++time) {
    EXPECT_EQ(code_of(evict(key)), Errc::timeout);
  }
  of_kind_.clear();
  network().run_for(5s);
  EXPECT_LE(of_kind_[Kind::invalidate], 6);
  node(1).fail_directory({});
  network().run_for(5s);
  expect_all_gone(key);
}

TEST_F(UntoldCopies, AnotherNodeThatIsLostHidesNobodyWhoIsNot) {
  const Key key = made();
  ASSERT_TRUE(get(2, key));
  ASSERT_TRUE(get(4, key));
  node(1).fail_directory(spoiled);
  network().kill(4);
  network().kill(5);
  EXPECT_EQ(code_of(evict(key)), Errc::peer_lost);
  node(1).fail_directory({});
  network().run_for(60s);
  EXPECT_EQ(code_of(get(3, key)), Errc::not_found);
  EXPECT_FALSE(sets()->has(key, {}));
}

TEST_F(UntoldCopies, WhoCannotSeeWhoHasCopiesSaysSoAndTellsThemLater) {
  const Key key = made();
  ASSERT_TRUE(get(2, key));
  node(0).fail_directory(stopped);
  EXPECT_EQ(code_of(evict(key)), Errc::timeout) << "it does not claim that all copies are gone";
  EXPECT_EQ(of_kind_[Kind::invalidate], 0);
  node(0).fail_directory({});
  network().run_for(5s);
  EXPECT_EQ(of_kind_[Kind::invalidate], 1);
  expect_all_gone(key);
}

TEST_F(UntoldCopies, AListThatCouldNotBeTakenAwayIsLater) {
  const Key key = made();
  ASSERT_TRUE(get(2, key));
  judge([&](int, int, const Envelope& envelope) {
    if (envelope.kind == Kind::invalidate) {
      node(0).fail_directory(stopped);
    }
    return Verdict{};
  });
  EXPECT_TRUE(evict(key).value());
  judge({});
  node(0).fail_directory({});
  EXPECT_TRUE(sets()->has(key, {}));
  network().run_for(5s);
  expect_all_gone(key);
}

// As an adopter does, and a rank that had no memory to record which nodes to notify later.
TEST_F(UntoldCopies, WhoCannotSeeWhatIsGoneLooksAgain) {
  const Key key = made();
  ASSERT_TRUE(get(2, key));
  ASSERT_TRUE(world_.rank(0).process.table->tombstone(key));
  node(0).fail_directory(stopped);
  sets()->dissolve_gone();
  network().run_for(3s);
  node(0).fail_directory({});
  network().run_for(5s);
  EXPECT_EQ(code_of(get(3, key)), Errc::not_found);
  EXPECT_FALSE(sets()->has(key, {}));
}

// The rank that has the flight replies to a join with any error; its flight continues.
TEST_F(UntoldCopies, AJoinThatIsRefusedLeavesTheFlightAlone) {
  for (const Errc refusal : {Errc::invalid_argument, Errc::system, Errc::timeout, Errc::peer_lost}) {
    SCOPED_TRACE(static_cast<int>(refusal));
    const Key key = made();
    of_kind_.clear();
    judge([&](int from, int to, const Envelope& envelope) {
      if (from == 3 && to == 2 && envelope.kind == Kind::join) {
        tests::Message refused{3, std::vector<std::byte>(sizeof(Envelope)), {}};
        refused.set_envelope({.kind = Kind::reply,
                              .status = static_cast<std::uint8_t>(refusal),
                              .call = envelope.call,
                              .incarnation = envelope.incarnation});
        network().after(1ms, [this, refused] { (void)liars_[2].say(refused); });
        return Verdict{Fate::drop, {}};
      }
      return from < per_node && to == 2 ? Verdict{Fate::delay, 500ms} : Verdict{};
    });
    std::array<std::optional<Result<ObjectView>>, 2> got;
    for (const int reader : {2, 3}) {
      network().start([&, reader] { got[static_cast<std::size_t>(reader - 2)] = get(reader, key); });
    }
    network().run();
    judge({});
    EXPECT_EQ(of_kind_[Kind::join], 1);
    EXPECT_EQ(of_kind_[Kind::copy], 1) << "no other rank has taken over the flight";
    for (const auto& each : got) {
      ASSERT_TRUE(each && *each);
      EXPECT_TRUE(holds(**each, pattern(1, size_bytes)));
    }
    EXPECT_EQ(copies_of(2), 1U);
    got = {};
    EXPECT_TRUE(evict(key).value());
    liars_[2].forget();
  }
}

TEST_F(UntoldCopies, AJoinerThatClosesLeavesTheFlightAlone) {
  const Key key = made();
  judge([&](int from, int to, const Envelope&) {
    return from < per_node && to == 2 ? Verdict{Fate::delay, 500ms} : Verdict{};
  });
  std::array<std::optional<Result<ObjectView>>, 2> got;
  for (const int reader : {2, 3}) {
    network().start([&, reader] { got[static_cast<std::size_t>(reader - 2)] = get(reader, key); });
  }
  network().after(200ms, [&] { network().start([&] { world_.rank(3).links->close(); }); });
  network().run();
  ASSERT_TRUE(got[0] && got[1]);
  EXPECT_EQ(of_kind_[Kind::join], 1);
  EXPECT_EQ(code_of(*got[1]), Errc::closed);
  ASSERT_TRUE(*got[0]) << got[0]->error();
  EXPECT_EQ(of_kind_[Kind::copy], 1) << "its record is still there";
  EXPECT_EQ(copies_of(2), 1U);
}

// If the list of fenced nodes cannot be read, a node gets no lease; the next one as soon as it can be read.
TEST_F(UntoldCopies, NoLeaseIsGrantedWhereFencesCannotBeSeen) {
  const Key key = made();
  ASSERT_TRUE(get(2, key));
  network().run_for(2 * lease);
  of_kind_.clear();
  node(0).fail_directory(stopped);
  const auto alone = get(3, key);
  ASSERT_TRUE(alone) << alone.error();
  EXPECT_TRUE(holds(*alone, pattern(1, size_bytes)));
  EXPECT_EQ(of_kind_[Kind::renew], 1);
  EXPECT_NE(alone->path(), Path::shm_view);
  EXPECT_EQ(copies_of(2) + copies_of(3), 0U);
  const auto& fenced = world_.rank(0).links->copies().fenced;
  EXPECT_TRUE(fenced->has(1));
  EXPECT_EQ(fenced->fence(1), FencedNodes::Fence::open) << "no fence yet";
  node(0).fail_directory({});
  EXPECT_FALSE(fenced->has(1));
  ASSERT_TRUE(get(3, key));
  EXPECT_EQ(copies_of(3), 1U);
  EXPECT_TRUE(evict(key).value());
}

// If the node's memory cannot be read, the object is requested, and not shared.
TEST_F(UntoldCopies, WhoCannotSeeWhatThereIsGetsTheObjectAlone) {
  const Key key = made();
  node(1).fail_directory(stopped);
  const auto alone = get(2, key);
  ASSERT_TRUE(alone) << alone.error();
  EXPECT_TRUE(holds(*alone, pattern(1, size_bytes)));
  EXPECT_EQ(copies_of(2), 0U);
  EXPECT_EQ(of_kind_[Kind::fetch], 1);
  node(1).fail_directory({});
}

// Whether an object was replaced or evicted is unknown if the name's home cannot read its table.
TEST_F(UntoldCopies, WhetherAnObjectWasReplacedIsNotGuessed) {
  for (const int home : {0, 1}) {
    SCOPED_TRACE(home);
    const std::string name = world_.name_at(home, store, "replaced ");
    const auto old = put(world_.connector(0), store, name, pattern(1, size_bytes));
    ASSERT_TRUE(put(world_.connector(0), store, name, pattern(2, size_bytes), {SealMode::replace, 0}));
    const Address address(old->key, name_hash(store, name));
    for (const int reader : {0, 2, 4}) {
      EXPECT_EQ(code_of(world_.connector(reader).get(address, {})), Errc::stale) << reader;
    }
    node(home).fail_directory(stopped);
    for (const int reader : {0, 2, 4}) {
      EXPECT_EQ(code_of(world_.connector(reader).get(address, {})), Errc::timeout) << reader;
    }
    node(home).fail_directory({});
    EXPECT_TRUE(world_.connector(0).evict(Address(store, name), {}).value());
    for (const int reader : {0, 2, 4}) {
      EXPECT_EQ(code_of(world_.connector(reader).get(address, {})), Errc::not_found) << reader;
    }
  }
}

}  // namespace
}  // namespace locum::tests::untold_copies_test
