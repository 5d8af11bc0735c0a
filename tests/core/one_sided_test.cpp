#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "core/copies/read_leases.hpp"
#include "core/object/object_wire.hpp"
#include "core/rpc/message.hpp"
#include "core/value/options.hpp"
#include "tests/core/bent_transport.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/simulated_nodes.hpp"

// Large objects of other nodes, read one-sidedly from their owner's memory.
namespace locum::tests::one_sided_test {
namespace {

using namespace std::chrono_literals;
using loopback::Cut;
using loopback::Fate;
using loopback::Verdict;
using tests::SimulatedNodes;
using tests::SimulatedNodesOptions;

constexpr std::uint32_t store = 7;
constexpr std::size_t size_bytes = 100'000;
constexpr auto patience = 50ms;
constexpr auto lease =
    patience + std::chrono::nanoseconds(size_bytes);  // a little more for the end of its block

SimulatedNodesOptions two_nodes(std::uint64_t bytes_per_us, int ranks_per_node = 2,
                                std::chrono::milliseconds with_ranks = patience) {
  return {
      .nodes = {.nodes = 2, .ranks_per_node = ranks_per_node, .memory_bytes = 1_MiB, .patience = with_ranks},
      .network = {.latency = {100us, 100us}, .bytes_per_us = bytes_per_us, .one_sided = true}};
}

/// Two nodes of two ranks. Rank 0 makes an object, ranks 2 and 3 get it.
class OneSided : public ::testing::Test {
 protected:
  /// \param bytes_per_us of the network: 10 000: a read takes 10 us
  explicit OneSided(std::uint64_t bytes_per_us = 10'000, std::chrono::milliseconds with_ranks = patience)
      : world_(two_nodes(bytes_per_us, 2, with_ranks)) {
    judge({});
  }
  // A closing rank replies to those that still wait.
  ~OneSided() override { world_.network().on_message({}); }

  void judge(std::function<Verdict(int from, int to, Kind kind)> then) {
    world_.network().on_message([this, then](int from, int to, std::span<const std::byte> header) {
      Envelope envelope;
      std::memcpy(&envelope, header.data(), sizeof envelope);
      ++of_kind_[envelope.kind];
      return then ? then(from, to, envelope.kind) : Verdict{};
    });
  }
  Key made(std::size_t seed = 1) {
    return put(world_.connector(0), store, {}, pattern(seed, size_bytes)).value().key;
  }
  Result<ObjectView> get(int rank, const Key& key, Deadline deadline = {}) {
    return world_.connector(rank).get(Address(key, 0, size_bytes), deadline);
  }
  void start_get(int rank, const Key& key) {
    world_.network().start([this, rank, key] { got_[static_cast<std::size_t>(rank)] = get(rank, key); });
  }
  [[nodiscard]] const Result<ObjectView>& got(int rank) const {
    return got_[static_cast<std::size_t>(rank)].value();
  }
  /// Runs until that owner has granted a lease, and the read is about to begin.
  void run_until_leased(int owner = 0) {
    ASSERT_TRUE(
        world_.network().run_until([&] { return leases(owner).running() > 0; }, world_.network().now() + 1s));
  }
  [[nodiscard]] const ReadLeases& leases(int rank) { return world_.rank(rank).links->read_leases(); }
  [[nodiscard]] std::uint64_t reads() const { return world_.network().counters().reads.messages; }
  [[nodiscard]] std::uint64_t transfers() const { return world_.network().counters().transfers; }
  void expect_nothing_leased() {
    for (const int rank : {0, 1}) {
      EXPECT_EQ(leases(rank).running(), 0U);
      EXPECT_EQ(leases(rank).exposed(), 0U);
    }
  }
  void expect_nothing_left(const Key& key) {
    (void)world_.connector(1).evict(Address(key), {});
    world_.network().run_for(1s);
    for (const int rank : {0, 1, 2, 3}) {
      if (world_.network().alive(rank)) {
        (void)world_.connector(rank).usage();
      }
    }
    EXPECT_EQ(world_.rank(0).node->levels(), tests::PlainNode::Levels{});
    expect_nothing_leased();
  }

  mutable SimulatedNodes world_;
  std::map<Kind, int> of_kind_;
  std::array<std::optional<Result<ObjectView>>, 4> got_;
};

TEST_F(OneSided, ALargeGetIsAQuestionAReadAndTheWordThatItIsDone) {
  const Key key = made();
  const std::uint64_t messages = world_.messages_of([&] {
    const auto found = get(2, key);
    ASSERT_TRUE(found) << found.error();
    EXPECT_TRUE(holds(*found, pattern(1, size_bytes)));
    EXPECT_EQ(found->path(), Path::rma);
  });
  EXPECT_EQ(messages, 3U) << "request, reply and end of the read";
  EXPECT_EQ(of_kind_[Kind::lease_read], 1);
  EXPECT_EQ(of_kind_[Kind::end_read], 1);
  EXPECT_EQ(reads(), 1U);
  EXPECT_EQ(transfers(), 0U) << "the owner sends no bulk";
  EXPECT_LE(world_.network().counters().sent.bytes, 1000U);
  expect_nothing_leased();
  EXPECT_EQ(get(3, key)->path(), Path::shm_view) << "the copy is shared by the node";
  expect_nothing_left(key);
}

TEST_F(OneSided, SmallObjectsComeWithTheAnswer) {
  const Key key = put(world_.connector(0), store, {}, pattern(1, 100)).value().key;
  EXPECT_EQ(get(2, key)->path(), Path::inline_value);
  EXPECT_EQ(reads(), 0U);
  expect_nothing_left(key);
}

TEST_F(OneSided, RanksOfANodeThatWantAnObjectCauseOneRead) {
  const Key key = made();
  start_get(2, key);
  start_get(3, key);
  world_.network().run();
  EXPECT_TRUE(holds(got(2).value(), pattern(1, size_bytes)));
  EXPECT_EQ(got(2)->bytes().data(), got(3)->bytes().data());
  EXPECT_EQ(reads(), 1U);
  expect_nothing_left(key);
}

TEST_F(OneSided, WhereALaneIsNotOneSidedTheOwnerSends) {
  for (const bool all : {false, true}) {
    world_.network().set_one_sided(0, false);
    world_.network().set_one_sided(1, !all);
    const Key key = made();
    const auto found = get(2, key);
    EXPECT_EQ(found->path(), Path::rendezvous);
    EXPECT_TRUE(holds(*found, pattern(1, size_bytes)));
    EXPECT_EQ(of_kind_[Kind::lease_read], 1) << "a lease is requested if one rank of the node can be read";
    EXPECT_EQ(of_kind_[Kind::copy], all ? 1 : 0);
    EXPECT_EQ(reads(), 0U);
  }
}

TEST_F(OneSided, AStaleKeyMeansAskAgain) {
  const Key key = made();
  start_get(2, key);
  run_until_leased();
  world_.network().remote_memory(0)->withdraw(1);  // behind the owner's back
  world_.network().run();
  ASSERT_TRUE(got(2)) << got(2).error();
  EXPECT_TRUE(holds(*got(2), pattern(1, size_bytes)));
  EXPECT_EQ(got(2)->path(), Path::rendezvous);
  EXPECT_EQ(of_kind_[Kind::lease_read], 1);
  EXPECT_EQ(of_kind_[Kind::copy], 1);
  EXPECT_EQ(reads(), 0U);
  expect_nothing_left(key);
}

TEST_F(OneSided, AReadThatIsLostOnItsWayMeansAskAgain) {
  const Key key = made();
  start_get(2, key);
  run_until_leased();
  world_.network().cut_one_way(2, 0);
  world_.network().after(1ms, [&] { world_.network().heal(); });
  world_.network().run();
  ASSERT_TRUE(got(2)) << got(2).error();
  EXPECT_TRUE(holds(*got(2), pattern(1, size_bytes)));
  EXPECT_EQ(reads(), 0U);
  world_.network().run_for(1ms);
  EXPECT_EQ(leases(0).running(), 0U);
  expect_nothing_left(key);
}

TEST_F(OneSided, AnObjectIsWholeAsLongAsSomebodyReadsIt) {
  const Key key = made();
  start_get(2, key);
  run_until_leased();
  world_.network().start([&] { EXPECT_TRUE(world_.connector(0).evict(Address(key), {}).value()); });
  bool read = false;
  (void)world_.network().run_until(
      [&] {
        read = reads() == 1;
        EXPECT_TRUE(read || world_.rank(0).node->levels().pinned >= 1);
        return read;
      },
      world_.network().now() + 1s);
  EXPECT_TRUE(read);
  world_.network().run();
  EXPECT_EQ(code_of(got(2)), Errc::not_found) << "the eviction came first, and the rank looked again";
  EXPECT_EQ(code_of(get(3, key)), Errc::not_found);
  expect_nothing_left(key);
}

TEST_F(OneSided, TheEndOfAReaderEndsItsLease) {
  const Key key = made();
  start_get(2, key);
  run_until_leased();
  EXPECT_EQ(world_.rank(0).node->levels().pinned, 1U);
  world_.network().kill(2);
  world_.network().run_for(lease + 1ms);
  EXPECT_EQ(leases(0).running(), 0U);
  EXPECT_EQ(world_.rank(0).node->levels().pinned, 0U) << "before the death is noticed";
  EXPECT_EQ(leases(0).exposed(), 1U) << "the dead rank's device might still read";
  world_.network().run_for(10s);
  EXPECT_EQ(leases(0).exposed(), 0U);
  EXPECT_TRUE(get(3, key)) << "another rank takes over";
  expect_nothing_left(key);
}

TEST_F(OneSided, AReaderThatIsMissedHasNoLease) {
  const Key key = made();
  start_get(2, key);
  run_until_leased();
  world_.network().kill(2);
  world_.rank(0).links->lose(2, Error(Errc::peer_lost, "reported by another rank"));
  EXPECT_EQ(leases(0).exposed(), 0U);
  EXPECT_EQ(world_.rank(0).node->levels().pinned, 0U);
  world_.network().run_for(10s);
  expect_nothing_left(key);
}

TEST_F(OneSided, AnotherRankOfItsNodeServesWhenAnOwnerDiesWhileItIsRead) {
  const Key key = made();
  start_get(2, key);
  run_until_leased();
  world_.network().kill(0);
  world_.network().run();
  ASSERT_TRUE(got(2)) << got(2).error();
  EXPECT_TRUE(holds(*got(2), pattern(1, size_bytes)));
  EXPECT_EQ(of_kind_[Kind::copy], 2)
      << "from the dead rank, whose death is not known, and from the other rank of its node";
}

TEST_F(OneSided, ANodeThatDiesWhileItIsReadIsLost) {
  const Key key = made();
  start_get(2, key);
  run_until_leased();
  const auto before = world_.network().now();
  world_.network().kill(0);
  world_.network().kill(1);
  world_.network().run();
  EXPECT_EQ(code_of(got(2)), Errc::peer_lost);
  EXPECT_LE(world_.network().now() - before, 3 * patience) << "the owner is probed while it is read";
}

/// A network on which a read takes 100 ms, longer than a lease.
class SlowOneSided : public OneSided {
 protected:
  SlowOneSided() : OneSided(1) {}
};

TEST_F(SlowOneSided, WhatIsReadAfterTheLeaseIsNotBelieved) {
  const Key key = made();
  start_get(2, key);
  run_until_leased();
  const auto granted = world_.network().now();
  (void)world_.network().run_until([&] { return leases(0).running() == 0; }, granted + 1s);
  EXPECT_GE(world_.network().now() - granted, lease);
  EXPECT_LE(world_.network().now() - granted, lease + 1ms);
  EXPECT_EQ(leases(0).exposed(), 1U)
      << "it is still being read; a device may fail if the memory is withdrawn";
  EXPECT_EQ(of_kind_[Kind::copy], 1) << "requested again";
  EXPECT_EQ(reads(), 0U);
  world_.network().run();
  EXPECT_EQ(reads(), 1U);
  ASSERT_TRUE(got(2)) << got(2).error();
  EXPECT_TRUE(holds(*got(2), pattern(1, size_bytes)));
  EXPECT_EQ(got(2)->path(), Path::rendezvous);
  EXPECT_EQ(of_kind_[Kind::copy], 1);
  expect_nothing_left(key);
}

// Then other bytes replace the object.
TEST_F(SlowOneSided, WhatTookTheObjectsPlaceIsNotShown) {
  const Key key = made();
  start_get(2, key);
  run_until_leased();
  (void)world_.network().run_until([&] { return leases(0).running() == 0; }, world_.network().now() + 1s);
  world_.network().start([&] {
    EXPECT_TRUE(world_.connector(0).evict(Address(key), {}).value());
    for (std::size_t seed = 2; seed < 6; ++seed) {
      EXPECT_TRUE(put(world_.connector(0), store, {}, pattern(seed, size_bytes)));
    }
  });
  world_.network().run();
  EXPECT_EQ(reads(), 1U);
  EXPECT_EQ(code_of(got(2)), Errc::not_found);
}

/// The same, with ranks patient enough for a bulk for which nobody waits any more.
class PatientOneSided : public OneSided {
 protected:
  PatientOneSided() : OneSided(1, 2 * patience) {}
};

// The bytes arrive when nobody waits for them any more. Closing waits for bulks in transfer: here the object
// once more, which this network delivers after the read bytes.
TEST_F(PatientOneSided, ClosingWaitsForTheBulkBehindWhatIsStillBeingRead) {
  const auto bytes = pattern(1, 2 * size_bytes);
  const Key key = put(world_.connector(0), store, {}, bytes).value().key;
  EXPECT_EQ(code_of(get(2, key, world_.network().now() + 2ms)), Errc::timeout);
  world_.network().run_for(100ms);
  EXPECT_EQ(of_kind_[Kind::copy], 1) << "requested again";
  EXPECT_EQ(leases(0).exposed(), 1U);
  EXPECT_EQ(reads(), 0U);
  world_.rank(2).links->close();
  EXPECT_EQ(reads(), 1U);
  world_.network().run_for(1s);
  EXPECT_EQ(leases(0).running(), 0U);
  EXPECT_TRUE(holds(get(3, key).value(), bytes));
}

// Only the read is open: waiting calls fail because the runtime has closed, and closing does not wait, but
// the memory being written stays until the read has ended.
TEST_F(SlowOneSided, ClosingLeavesAReadBehindThatIsAlone) {
  const auto bytes = pattern(1, size_bytes);
  const Key key = made();
  start_get(2, key);
  run_until_leased();
  world_.network().run_for(1ms);
  const auto before = world_.network().now();
  world_.rank(2).links->close();
  EXPECT_LT(world_.network().now() - before, 10ms);
  world_.network().run_for(1ms);
  ASSERT_TRUE(got_[2]) << "it still waits";
  EXPECT_EQ(code_of(got(2)), Errc::closed);
  EXPECT_EQ(reads(), 0U) << "it is still being read";
  (void)world_.connector(3).usage();
  EXPECT_GE(world_.rank(2).node->levels().used_bytes, size_bytes) << "the open read keeps its memory";
  const auto others = pattern(2, size_bytes);
  const auto sealed = put(world_.connector(3), store, {}, others);
  ASSERT_TRUE(sealed);
  world_.network().run_for(1s);
  EXPECT_EQ(reads(), 1U);
  EXPECT_TRUE(holds(world_.connector(3).get(Address(sealed->key), {}).value(), others));
  expect_nothing_leased();
  EXPECT_TRUE(holds(get(3, key).value(), bytes)) << "no rank waits for the flight of the closed rank";
  EXPECT_TRUE(world_.connector(3).evict(Address(sealed->key), {}).value());
  expect_nothing_left(key);
  EXPECT_EQ(world_.rank(2).node->levels(), tests::PlainNode::Levels{});
}

// The owner closes while it is read: memory that it has given up is not shown.
TEST_F(SlowOneSided, AnOwnerThatClosesWhileItIsReadIsNotReadOn) {
  const Key key = made();
  start_get(2, key);
  run_until_leased();
  world_.network().run_for(1ms);
  world_.rank(0).links->close();
  EXPECT_EQ(leases(0).exposed(), 0U);
  world_.network().run_for(1s);
  ASSERT_TRUE(got(2)) << got(2).error() << ": the other rank of its node sends it";
  EXPECT_TRUE(holds(*got(2), pattern(1, size_bytes)));
}

/// Two nodes of one rank each, with a faulty owner.
class LyingOwner : public ::testing::Test {
 protected:
  SimulatedNodesOptions options() {
    auto options = two_nodes(10'000, 1);
    options.nodes.timeout = 200ms;
    options.wrap = [this](int rank, std::shared_ptr<Transport> straight) {
      if (rank != 0) {
        return straight;
      }
      auto bent = std::make_shared<tests::BentTransport>(std::move(straight));
      bent_ = bent.get();
      return std::static_pointer_cast<Transport>(std::move(bent));
    };
    return options;
  }
  static bool is_lease(const tests::Message& message) {
    return message.envelope().kind == Kind::reply && message.envelope().status == 0 &&
           message.body().size() > sizeof(ReadLeaseWords);
  }

  tests::BentTransport* bent_ = nullptr;
  SimulatedNodes world_{options()};
};

TEST_F(LyingOwner, LeadsNobodyToOtherBytes) {
  constexpr int mutants = 2000;
  tests::Spoiler spoiler(1);
  int bent = 0;
  int right = 0;
  int read = 0;
  std::vector<tests::Message> others;
  for (int tried = 0; tried < mutants; ++tried) {
    const auto bytes = pattern(static_cast<std::size_t>(tried), 5000);
    const Key key = put(world_.connector(0), store, {}, bytes).value().key;
    bent_->bend = [&](tests::Message& message) {
      if (is_lease(message)) {
        others.push_back(message);
        spoiler.spoil(message, others);
        message.bulk.clear();
        ++bent;
      }
    };
    const auto found = world_.connector(1).get(Address(key, 0, bytes.size()), world_.network().now() + 300ms);
    if (found) {
      EXPECT_TRUE(holds(*found, bytes)) << "mutant " << tried;
      ++right;
      read += found->path() == Path::rma ? 1 : 0;
    }
    bent_->bend = nullptr;
    EXPECT_TRUE(world_.connector(0).evict(Address(key), {}));
    others.resize(std::min<std::size_t>(others.size(), 20));
    if (tried % 100 == 0) {
      world_.network().run_for(100ms);
      bent_->forget();
    }
  }
  EXPECT_GT(bent, mutants / 2);
  EXPECT_GT(right - read, mutants / 20) << "nothing was requested again";
  EXPECT_LT(right, mutants);
  world_.network().run_for(1s);
  EXPECT_EQ(world_.rank(0).links->read_leases().exposed(), 0U) << "some were ended by an unknown number";
  EXPECT_EQ(world_.rank(0).node->levels().pinned, 0U);
}

// A rank that requests unlimited leases pins only its quota, and does not affect others.
TEST(GreedyReader, HasABoundedNumberOfLeases) {
  tests::BentTransport* bent = nullptr;
  auto options = two_nodes(10'000, 2);
  options.wrap = [&bent](int rank, std::shared_ptr<Transport> straight) {
    auto wrapped = std::make_shared<tests::BentTransport>(std::move(straight));
    bent = rank == 2 ? wrapped.get() : bent;
    return std::static_pointer_cast<Transport>(std::move(wrapped));
  };
  SimulatedNodes world(options);
  const Key key = put(world.connector(0), store, {}, pattern(1, 5000)).value().key;
  const KeyWords words_of_it{key};
  for (std::uint32_t call = 1; call <= ReadLeases::most_of_a_rank + 200; ++call) {
    tests::Message message{0, std::vector<std::byte>(sizeof(Envelope)), {}};
    message.set_envelope({.kind = Kind::lease_read, .call = 1'000'000 + call, .incarnation = 42});
    message.set_body(words(words_of_it));
    EXPECT_TRUE(bent->say(std::move(message)));
    if (call % 100 == 0) {
      world.network().run_for(300us);
    }
  }
  world.network().run_for(1ms);
  const ReadLeases& leases = world.rank(0).links->read_leases();
  EXPECT_EQ(leases.running(), ReadLeases::most_of_a_rank);
  EXPECT_EQ(world.connector(3).get(Address(key, 0, 5000), {})->path(), Path::rma)
      << "another rank has its own quota";
  // No rank can end another rank's lease, or a nonexistent one.
  tests::Message message{0, std::vector<std::byte>(sizeof(Envelope)), {}};
  for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{1} << 40U, ~std::uint64_t{0}}) {
    message.set_envelope({.kind = Kind::end_read, .incarnation = 42});
    message.set_body(words(EndReadWords{number}));
    EXPECT_TRUE(bent->say(message));
  }
  world.network().run_for(1ms);
  EXPECT_EQ(leases.running(), ReadLeases::most_of_a_rank);
  // It replies that it still reads.
  bent->bend = [](tests::Message& reply) {
    if (reply.envelope().kind == Kind::reply && reply.body().size() == 1) {
      reply.set_body(words(std::uint8_t{1}));
    }
  };
  world.network().run_for(1s);
  EXPECT_EQ(leases.running(), 0U);
  EXPECT_EQ(world.rank(0).node->levels().pinned, 0U);
  EXPECT_EQ(leases.exposed(), ReadLeases::most_of_a_rank) << "the leases that it has not returned";
  bent->bend = nullptr;
  world.network().run_for(1s);
  EXPECT_EQ(leases.exposed(), 0U);
}

}  // namespace
}  // namespace locum::tests::one_sided_test
