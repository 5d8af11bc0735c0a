#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "core/object/object_wire.hpp"
#include "core/rpc/message.hpp"
#include "core/value/options.hpp"
#include "tests/core/bent_transport.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/endless_reads.hpp"
#include "tests/core/simulated_nodes.hpp"

// An owner gets back the memory leased to one-sided readers, whatever happens to them and whatever they send.
namespace locum::tests::read_lease_test {
namespace {

using namespace std::chrono_literals;
using loopback::Fate;
using loopback::Verdict;
using tests::EndlessReads;
using tests::SimulatedNodes;
using tests::SimulatedNodesOptions;

constexpr std::uint32_t store = 7;
constexpr std::size_t size_bytes = 100'000;
constexpr auto patience = 50ms;
constexpr auto lease = patience + std::chrono::nanoseconds(size_bytes);
constexpr auto recalled = lease + 1ms;                  // a lease, and a request with its reply
constexpr auto again = 2 * patience;                    // until a reader is probed once more
constexpr auto missed = patience + patience / 5 + 1ms;  // a rank from which a reply is due

/// Two nodes of two ranks; rank 2 reads objects of rank 0. The network reports no deaths.
class ReadLease : public ::testing::Test {
 protected:
  explicit ReadLease(std::chrono::milliseconds timeout = 20ms) : world_(options(timeout)) { judge({}); }
  ~ReadLease() override { world_.network().on_message({}); }

  SimulatedNodesOptions options(std::chrono::milliseconds timeout) {
    constexpr auto never = std::chrono::nanoseconds::max();
    return {.nodes = {.nodes = 2,
                      .ranks_per_node = 2,
                      .memory_bytes = 1_MiB,
                      .timeout = timeout,
                      .patience = patience},
            .network = {.latency = {100us, 100us}, .detection = {never, never}, .one_sided = true},
            .wrap = liars_.wrap(),
            .wrap_remote = [this](int rank, std::shared_ptr<RemoteMemory> straight) {
              auto remote = std::make_shared<EndlessReads>(std::move(straight));
              remote->stuck = false;
              remotes_.at(static_cast<std::size_t>(rank)) = remote;
              return remote;
            }};
  }
  void judge(std::function<Verdict(int from, int to, Kind kind)> then) {
    world_.network().on_message([this, then](int from, int to, std::span<const std::byte> header) {
      Envelope envelope;
      std::memcpy(&envelope, header.data(), sizeof envelope);
      ++of_kind_[envelope.kind];
      const bool says_that_it_lives = envelope.kind == Kind::reply && envelope.call == 0;
      return then && !says_that_it_lives ? then(from, to, envelope.kind) : Verdict{};
    });
  }
  /// The fate of the first message of that kind; for a reply: of the owner.
  void judge_first(Kind kind, const Verdict& verdict) {
    judge([kind, verdict, judged = std::make_shared<bool>(false)](int from, int to, Kind sent) {
      const bool is_it = sent == kind && (kind != Kind::reply || (from == 0 && to == 2));
      return is_it && !std::exchange(*judged, true) ? verdict : Verdict{};
    });
  }
  Key made() { return put(world_.connector(0), store, {}, bytes_).value().key; }
  Result<ObjectView> get(const Key& key, Deadline deadline = {}) {
    return world_.connector(2).get(Address(key, 0, size_bytes), deadline);
  }
  [[nodiscard]] const ReadLeases& leases() { return world_.rank(0).links->read_leases(); }
  [[nodiscard]] std::uint64_t pinned() { return world_.rank(0).node->levels().pinned; }
  void run_for(std::chrono::nanoseconds time) { world_.network().run_for(time); }
  void expect_held(std::size_t running, std::size_t exposed) {
    EXPECT_EQ(leases().running(), running);
    EXPECT_EQ(pinned(), running);
    EXPECT_EQ(leases().exposed(), exposed);
  }
  /// After the object is evicted.
  void expect_nothing_left(const Key& key) {
    expect_held(0, 0);
    judge({});
    (void)world_.connector(0).evict(Address(key), {});
    run_for(1s);
    for (const int rank : {0, 2}) {
      if (world_.network().alive(rank)) {
        (void)world_.connector(rank).usage();
        EXPECT_EQ(world_.rank(rank).node->levels(), tests::PlainNode::Levels{}) << "rank " << rank;
      }
    }
  }

  const std::vector<std::byte> bytes_ = pattern(1, size_bytes);
  std::map<Kind, int> of_kind_;
  tests::Liars liars_{0};
  std::array<std::shared_ptr<EndlessReads>, 4> remotes_;
  SimulatedNodes world_;
};

TEST_F(ReadLease, OfAReaderThatGivesUpEarlyEndsWithItsFlight) {
  const Key key = made();
  EXPECT_EQ(code_of(get(key, world_.network().now() + 150us)), Errc::timeout) << "before the reply arrived";
  run_for(2ms);
  EXPECT_EQ(of_kind_[Kind::lease_read], 1);
  EXPECT_EQ(of_kind_[Kind::end_read], 1);
  EXPECT_EQ(of_kind_[Kind::recall_read], 0);
  EXPECT_TRUE(holds(get(key).value(), bytes_)) << "as part of the reply";
  EXPECT_EQ(of_kind_[Kind::lease_read], 1);
  expect_nothing_left(key);
}

// The reader never learns of its lease, or too late to know which read it was for.
TEST_F(ReadLease, OfAnAnswerThatNobodyAwaitsIsRecalled) {
  for (const Verdict& verdict : {Verdict{Fate::drop}, Verdict{Fate::delay, 40ms}}) {
    const Key key = made();
    of_kind_.clear();
    judge_first(Kind::reply, verdict);
    const auto before = world_.network().now();
    EXPECT_EQ(code_of(get(key)), Errc::timeout);
    EXPECT_GE(world_.network().now() - before, 20ms);
    expect_held(1, 1);
    run_for(lease - 20ms - 1ms);
    expect_held(1, 1);
    run_for(2ms);
    EXPECT_EQ(of_kind_[Kind::lease_read], 1);
    EXPECT_EQ(of_kind_[Kind::end_read], 0);
    EXPECT_EQ(of_kind_[Kind::recall_read], 1);
    expect_nothing_left(key);
  }
}

TEST_F(ReadLease, WhoseEndWasNotHeardIsRecalled) {
  const Key key = made();
  judge_first(Kind::end_read, {Fate::drop});
  EXPECT_EQ(get(key)->path(), Path::rma);
  expect_held(1, 1);
  run_for(recalled);
  EXPECT_EQ(of_kind_[Kind::recall_read], 1);
  expect_nothing_left(key);
}

// Requests and replies may be lost, too.
TEST_F(ReadLease, IsRecalledUntilTheReaderAnswers) {
  int recalls = 0;
  int replies = 0;
  const Key key = made();
  judge([&recalls, &replies](int from, int to, Kind kind) {
    recalls += kind == Kind::recall_read ? 1 : 0;
    const bool is_answer = kind == Kind::reply && from == 2 && to == 0 && recalls == 2;
    const bool is_lost = kind == Kind::end_read || (kind == Kind::recall_read && recalls == 1) ||
                         (is_answer && ++replies == 1);
    return is_lost ? Verdict{Fate::drop} : Verdict{};
  });
  ASSERT_TRUE(get(key));
  run_for(recalled);
  expect_held(0, 1);
  run_for(again);
  EXPECT_EQ(recalls, 2);
  expect_held(0, 1);
  run_for(again);
  EXPECT_EQ(recalls, 3);
  expect_nothing_left(key);
}

// Until a lease has ended it counts for that rank: leaked ones would prevent all one-sided reads.
TEST_F(ReadLease, ThatWasRecalledCountsNoMore) {
  judge([](int, int, Kind kind) { return Verdict{kind == Kind::end_read ? Fate::drop : Fate::deliver}; });
  for (std::uint32_t read = 0; read < 2 * ReadLeases::most_of_a_rank; ++read) {
    const Key key = made();
    ASSERT_EQ(get(key)->path(), Path::rma) << read;
    EXPECT_TRUE(world_.connector(0).evict(Address(key), {}).value());
    run_for(10ms);
  }
  run_for(recalled);
  expect_held(0, 0);
}

// The owner is not notified of the reader's death: it detects it with a probe.
TEST_F(ReadLease, OfADeadReaderEndsWhenItIsMissed) {
  remotes_[2]->stuck = true;
  const Key key = made();
  world_.network().start([this, key] { (void)get(key, 10s); });
  ASSERT_TRUE(world_.network().run_until([this] { return leases().running() == 1; }));
  world_.network().kill(2);
  run_for(recalled);
  expect_held(0, 1);
  run_for(missed);
  EXPECT_TRUE(world_.rank(0).links->is_lost(2));
  expect_held(0, 0);
}

// The reader has given the owner up. The owner does not know that, and gets no more messages of the reader.
TEST_F(ReadLease, OfAReaderThatListensNoMoreEndsWhenItIsMissed) {
  const Key key = made();
  judge_first(Kind::end_read, {Fate::drop});
  ASSERT_TRUE(get(key));
  world_.rank(2).links->lose(0, Error(Errc::peer_lost, "it was silent for too long"));
  expect_held(1, 1);
  run_for(recalled + missed);
  expect_held(0, 0);
}

// It replies that it has closed, and then nothing else.
TEST_F(ReadLease, OfAReaderThatHasClosedEndsWhenItIsAsked) {
  remotes_[2]->stuck = true;
  const Key key = made();
  EXPECT_EQ(code_of(get(key, world_.network().now() + 1ms)), Errc::timeout);
  world_.rank(2).links->close();
  expect_held(1, 1);
  run_for(recalled);
  EXPECT_EQ(of_kind_[Kind::recall_read], 1);
  expect_held(0, 0);
}

// A device may still access the memory; its object may be freed.
TEST_F(ReadLease, UnderWhichIsStillReadKeepsMemoryExposedAndNothingPinned) {
  for (const bool is_heard : {true, false}) {
    remotes_[2]->stuck = true;
    const Key key = made();
    of_kind_.clear();
    world_.network().start([this, key] { (void)get(key, world_.network().now() + 1s); });
    run_for(recalled + 3 * again);
    EXPECT_EQ(of_kind_[Kind::recall_read], 4);
    expect_held(0, 1);
    judge_first(Kind::end_read, {is_heard ? Fate::deliver : Fate::drop});
    remotes_[2]->end_first(Error(Errc::timeout, "the network does not know what became of it"));
    run_for(is_heard ? 1ms : again);
    EXPECT_EQ(of_kind_[Kind::end_read], 1);
    EXPECT_EQ(of_kind_[Kind::recall_read], is_heard ? 4 : 5);
    expect_nothing_left(key);
  }
}

// A reply may arrive when its lease has expired by the reader's clock, which counts from the request.
TEST_F(ReadLease, ThatIsOverIsNotReadUnder) {
  liars_[0].bend = [](tests::Message& message) {
    auto leased = read_words<ReadLeaseWords>(message.body());
    if (message.envelope().kind == Kind::reply && leased && message.bulk.empty()) {
      leased->duration_ns = std::chrono::nanoseconds(200us).count();  // as long as request and reply take
      std::memcpy(message.header.data() + sizeof(Envelope), &*leased, sizeof *leased);
    }
  };
  const Key key = made();
  const auto found = get(key);
  ASSERT_TRUE(found) << found.error();
  EXPECT_TRUE(holds(*found, bytes_));
  EXPECT_EQ(found->path(), Path::rendezvous);
  EXPECT_EQ(world_.network().counters().reads.messages, 0U);
  EXPECT_EQ(of_kind_[Kind::end_read], 1);
  run_for(1ms);
  EXPECT_EQ(leases().exposed(), 0U);
}

// The bytes arrived in time, but the reader learns of that when the memory may have changed: the time of
// arrival is not known.
TEST_F(ReadLease, WhatAStoppedReaderFindsLaterIsNotBelieved) {
  const Key key = made();
  std::optional<Result<ObjectView>> got;
  world_.network().start([&] { got = get(key, world_.network().now() + 1s); });
  ASSERT_TRUE(world_.network().run_until([this] { return leases().running() == 1; }));
  run_for(150us);
  world_.network().pause(2);
  run_for(recalled);
  EXPECT_EQ(world_.network().counters().reads.messages, 1U);
  expect_held(0, 1);
  world_.network().resume(2);
  world_.network().run();
  ASSERT_TRUE(got.value()) << got->error();
  EXPECT_TRUE(holds(got->value(), bytes_));
  EXPECT_EQ(got->value().path(), Path::rendezvous);
}

/// Reads that take from half a lease to a little more than one.
class ReadLeaseNearItsEnd : public ::testing::TestWithParam<int> {};

// Bytes that the reader accepts were pinned until the last one was read.
TEST_P(ReadLeaseNearItsEnd, IsBelievedOnlyWhilePinned) {
  const auto bytes = pattern(1, static_cast<std::size_t>(GetParam()));
  SimulatedNodes world({.nodes = {.nodes = 2, .memory_bytes = 1_MiB, .patience = patience},
                        .network = {.latency = {100us, 100us}, .bytes_per_us = 1, .one_sided = true}});
  const Key key = put(world.connector(0), store, {}, bytes).value().key;
  std::optional<Result<ObjectView>> got;
  world.network().start([&] { got = world.connector(1).get(Address(key, 0, bytes.size()), {}); });
  const ReadLeases& leases = world.rank(0).links->read_leases();
  ASSERT_TRUE(world.network().run_until([&] { return leases.running() == 1; }));
  bool pinned = true;
  (void)world.network().run_until([&] {
    const bool ended = got || world.network().counters().reads.messages == 1;
    pinned = pinned && (ended || world.rank(0).node->levels().pinned == 1);
    return ended;
  });
  world.network().run();
  ASSERT_TRUE(got.value()) << got->error();
  EXPECT_TRUE(holds(got->value(), bytes));
  const bool in_time = got->value().path() == Path::rma;
  EXPECT_TRUE(pinned || !in_time);
  // 200 us for request and reply, 200 for the read and its bytes, 16 ns of the lease for each of these.
  const auto took = 400us + std::chrono::microseconds(bytes.size());
  if (took < lease * 60 / 64) {
    EXPECT_TRUE(in_time);
  } else if (took > lease) {
    EXPECT_FALSE(in_time);
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, ReadLeaseNearItsEnd, ::testing::Range(25'000, 55'000, 500));

}  // namespace
}  // namespace locum::tests::read_lease_test
