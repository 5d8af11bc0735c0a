#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/message.hpp"
#include "tests/core/bent_transport.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/simulated_nodes.hpp"

// What becomes of copies where somebody cannot be told, or cannot see, which there are.
namespace locum::testing {
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

template <class T>
Errc code_of(const Result<T>& result) {
  return result ? Errc{} : result.error().code();
}

/// Rank 0 makes objects; those of the second node read copies of them.
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
  /// As from a handle, which says how large the object is.
  Result<ObjectView> get(int rank, const Key& key, Deadline deadline = {}) {
    return world_.connector(rank).get(Address(key, 0, size_bytes), deadline);
  }
  Result<bool> evict(const Key& key) { return world_.connector(0).evict(Address(key), {}); }
  [[nodiscard]] PlainNode& node(int number) { return *world_.rank(number * per_node).node; }
  [[nodiscard]] const std::shared_ptr<CopySets>& sets() { return world_.rank(0).links->copies().sets; }
  [[nodiscard]] std::uint64_t copies_of(int rank) { return world_.connector(rank).usage().own_copies; }
  loopback::Network& network() { return world_.network(); }

  tests::Liars liars_{2};
  SimulatedNodes world_{{.nodes = {.nodes = 3, .ranks_per_node = per_node},
                         .network = {.latency = {1ms, 1ms}},
                         .wrap = liars_.wrap()}};
  std::map<Kind, int> of_kind_;
};

// Where it cannot be seen whether a node is fenced, it gets no lease, and the next one as soon as it can.
TEST_F(UntoldCopies, NoLeaseIsGrantedWhereFencesCannotBeSeen) {
  const Key key = made();
  ASSERT_TRUE(get(2, key));
  network().run_for(2 * lease);
  of_kind_.clear();
  node(0).bar_directory(stopped);
  const auto alone = get(3, key);
  ASSERT_TRUE(alone) << alone.error();
  EXPECT_TRUE(holds(*alone, pattern(1, size_bytes)));
  EXPECT_EQ(of_kind_[Kind::renew], 1);
  EXPECT_NE(alone->path(), Path::shm_view);
  EXPECT_EQ(copies_of(2) + copies_of(3), 0U);
  const auto& fenced = world_.rank(0).links->copies().fenced;
  EXPECT_TRUE(fenced->has(1));
  EXPECT_EQ(fenced->fence(1), FencedNodes::Fence::open) << "there is none yet";
  node(0).bar_directory({});
  EXPECT_FALSE(fenced->has(1));
  ASSERT_TRUE(get(3, key));
  EXPECT_EQ(copies_of(3), 1U);
  EXPECT_TRUE(evict(key).value());
}

// What is not seen here is asked for, and not shared.
TEST_F(UntoldCopies, WhoCannotSeeWhatThereIsGetsTheObjectAlone) {
  const Key key = made();
  node(1).bar_directory(stopped);
  const auto alone = get(2, key);
  ASSERT_TRUE(alone) << alone.error();
  EXPECT_TRUE(holds(*alone, pattern(1, size_bytes)));
  EXPECT_EQ(copies_of(2), 0U);
  EXPECT_EQ(of_kind_[Kind::fetch], 1);
  node(1).bar_directory({});
}

// Whether it was replaced or evicted is not known where the name's home cannot see it.
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
    node(home).bar_directory(stopped);
    for (const int reader : {0, 2, 4}) {
      EXPECT_EQ(code_of(world_.connector(reader).get(address, {})), Errc::timeout) << reader;
    }
    node(home).bar_directory({});
    EXPECT_TRUE(world_.connector(0).evict(Address(store, name), {}).value());
    for (const int reader : {0, 2, 4}) {
      EXPECT_EQ(code_of(world_.connector(reader).get(address, {})), Errc::not_found) << reader;
    }
  }
}

}  // namespace
}  // namespace locum::testing
