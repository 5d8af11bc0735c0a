#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "core/rpc/message.hpp"
#include "core/value/options.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/endless_reads.hpp"
#include "tests/core/simulated_nodes.hpp"

// One-sided reads whose end the transport does not report, although the owner is alive and replies.
namespace locum::tests::endless_read_test {
namespace {

using namespace std::chrono_literals;
using tests::EndlessReads;
using tests::SimulatedNodes;
using tests::SimulatedNodesOptions;

constexpr std::uint32_t store = 7;
constexpr std::size_t size_bytes = 100'000;
constexpr auto patience = 50ms;
constexpr auto lease = patience + std::chrono::nanoseconds(size_bytes);
constexpr auto believed = lease * 63 / 64;  // how long the reader trusts the lease
constexpr auto transfer = 1ms;              // longer than a request, its reply and the transfer take

/// Two nodes of two ranks. The reads of rank 2 never end by themselves.
class EndlessRead : public ::testing::Test {
 protected:
  explicit EndlessRead(std::chrono::milliseconds timeout = 30s) : world_(options(timeout)) {
    world_.network().on_message([this](int /*from*/, int /*to*/, std::span<const std::byte> header) {
      Envelope envelope;
      std::memcpy(&envelope, header.data(), sizeof envelope);
      ++of_kind_[envelope.kind];
      return loopback::Verdict{};
    });
  }
  ~EndlessRead() override { world_.network().on_message({}); }

  SimulatedNodesOptions options(std::chrono::milliseconds timeout) {
    return {.nodes = {.nodes = 2,
                      .ranks_per_node = 2,
                      .memory_bytes = 1_MiB,
                      .timeout = timeout,
                      .patience = patience},
            .network = {.latency = {100us, 100us}, .one_sided = true},
            .wrap_remote = [this](int rank, std::shared_ptr<RemoteMemory> straight) {
              if (rank != 2) {
                return straight;
              }
              endless_ = std::make_shared<EndlessReads>(std::move(straight));
              return std::static_pointer_cast<RemoteMemory>(endless_);
            }};
  }
  Key made(std::size_t seed = 1) {
    return put(world_.connector(0), store, {}, pattern(seed, size_bytes)).value().key;
  }
  Result<ObjectView> get(int rank, const Key& key, Deadline deadline = {}) {
    return world_.connector(rank).get(Address(key, 0, size_bytes), deadline);
  }
  /// Gets it in a separate program; got_ holds the result, took_ the time.
  void start_get(int rank, const Key& key) {
    world_.network().start([this, rank, key] {
      const auto place = static_cast<std::size_t>(rank);
      const auto before = world_.network().now();
      got_[place] = get(rank, key);
      took_[place] = world_.network().now() - before;
    });
  }
  [[nodiscard]] const ReadLeases& leases() { return world_.rank(0).links->read_leases(); }
  /// Bytes that the reader's node uses.
  [[nodiscard]] std::uint64_t used_there() { return world_.rank(2).node->levels().used_bytes; }

  std::map<Kind, int> of_kind_;
  std::shared_ptr<EndlessReads> endless_;
  SimulatedNodes world_;
  std::array<std::optional<Result<ObjectView>>, 4> got_;
  std::array<std::chrono::nanoseconds, 4> took_{};
};

// The reading rank, and a rank of its node that has joined the read, have the object when the lease expires.
TEST_F(EndlessRead, IsGivenUpWithItsLease) {
  const Key key = made();
  start_get(2, key);
  world_.network().run_for(10ms);
  start_get(3, key);
  world_.network().run();
  for (const std::size_t rank : {2U, 3U}) {
    ASSERT_TRUE(got_[rank].value()) << got_[rank]->error();
    EXPECT_TRUE(holds(got_[rank]->value(), pattern(1, size_bytes)));
    EXPECT_GE(took_[rank], believed - 10ms);
    EXPECT_LE(took_[rank], believed + transfer);
  }
  EXPECT_EQ(of_kind_[Kind::lease_read], 1);
  EXPECT_EQ(of_kind_[Kind::copy], 1);
  EXPECT_EQ(of_kind_[Kind::end_read], 0) << "the read is still open";
}

// Later requests do not wait: other requests to that node are sent before the read ends.
TEST_F(EndlessRead, HoldsNobodyUpWhoComesLater) {
  const Key first = made(1);
  const Key second = made(2);
  ASSERT_TRUE(get(2, first));
  const auto before = world_.network().now();
  const auto found = get(2, second);
  ASSERT_TRUE(found) << found.error();
  EXPECT_TRUE(holds(*found, pattern(2, size_bytes)));
  EXPECT_EQ(found->path(), Path::rendezvous);
  EXPECT_LE(world_.network().now() - before, transfer);
  EXPECT_EQ(of_kind_[Kind::lease_read], 1);
  endless_->end_first(Error(Errc::timeout, "the network does not know what became of it"));
  endless_->stuck = false;
  EXPECT_EQ(get(2, made(3))->path(), Path::rma) << "the network works again";
}

// Late bytes land in memory that nothing else uses meanwhile.
TEST_F(EndlessRead, KeepsItsMemoryUntilItEnds) {
  for (const bool well : {true, false}) {
    endless_->stuck = true;
    const auto bytes = pattern(1, size_bytes);
    const Key key = made(1);
    ASSERT_TRUE(holds(get(2, key).value(), bytes));
    EXPECT_TRUE(world_.connector(0).evict(Address(key), {}).value());
    world_.network().run_for(10ms);
    EXPECT_GE(used_there(), size_bytes) << "the open read keeps its memory";
    const auto others = pattern(2, size_bytes);
    const auto sealed = put(world_.connector(2), store, {}, others);
    const auto view = world_.connector(2).get(Address(sealed->key), {});
    EXPECT_EQ(endless_->under_way(), 1U);
    endless_->end_first(well ? Result<void>() : Result<void>(Error(Errc::timeout, "who knows")));
    EXPECT_TRUE(holds(view.value(), others));
    EXPECT_EQ(code_of(get(2, key)), Errc::not_found) << "late bytes are not used";
    EXPECT_TRUE(world_.connector(2).evict(Address(sealed->key), {}).value());
    world_.network().run_for(1s);
  }
  EXPECT_EQ(of_kind_[Kind::end_read], 2);
  (void)world_.connector(0).usage();
  (void)world_.connector(2).usage();
  EXPECT_EQ(used_there(), 0U);
  EXPECT_EQ(leases().running(), 0U);
  EXPECT_EQ(leases().exposed(), 0U);
  EXPECT_EQ(world_.rank(0).node->levels(), tests::PlainNode::Levels{});
}

// The end of the read may be reported after the runtime has closed.
TEST_F(EndlessRead, MayEndWhenTheRuntimeHasClosed) {
  const Key key = made();
  ASSERT_TRUE(get(2, key));
  world_.rank(2).links->close();
  endless_->end_first({});
  EXPECT_TRUE(holds(get(3, key).value(), pattern(1, size_bytes)));
}

/// The runtime's timeout is shorter than a lease.
class ImpatientEndlessRead : public EndlessRead {
 protected:
  static constexpr auto timeout = 20ms;
  ImpatientEndlessRead() : EndlessRead(timeout) {}
};

// A flight ends at its own limit nevertheless, and the next one does not begin to read.
TEST_F(ImpatientEndlessRead, IsGivenUpWithItsFlight) {
  const Key key = made();
  const auto before = world_.network().now();
  EXPECT_EQ(code_of(get(2, key, before + 5ms)), Errc::timeout);
  const auto found = get(3, key, before + 1s);
  ASSERT_TRUE(found) << found.error();
  EXPECT_TRUE(holds(*found, pattern(1, size_bytes)));
  EXPECT_GE(world_.network().now() - before, timeout);
  EXPECT_LE(world_.network().now() - before, timeout + transfer);
}

}  // namespace
}  // namespace locum::tests::endless_read_test
