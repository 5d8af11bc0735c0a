#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/rpc/message.hpp"
#include "core/value/options.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/limited_arena.hpp"
#include "tests/core/mortal_nodes.hpp"
#include "tests/core/simulated_nodes.hpp"

// Objects of another node for which the driver has no memory at once: the thread that needs the object then
// makes room.
namespace locum::tests::late_room_test {
namespace {

using namespace std::chrono_literals;
using tests::LimitedArena;
using tests::SimulatedNodes;
using tests::SimulatedNodesOptions;

constexpr std::uint32_t store = 7;
constexpr std::size_t size_bytes = 100'000;
constexpr std::uint64_t most_without_work = 10'000;

/// Two nodes of two ranks. Rank 0 makes an object, ranks 2 and 3 get it.
class LateRoom : public ::testing::TestWithParam<bool> {
 protected:
  LateRoom() : mortal_(options(GetParam())), world_(mortal_.world()) {}

  SimulatedNodesOptions options(bool one_sided) {
    const auto wrap = [this](int rank, std::shared_ptr<Arena> arena) -> std::shared_ptr<Arena> {
      return std::make_shared<LimitedArena>(std::move(arena), most_without_work, [this, rank] {
        if (rank >= 2) {
          ++rooms_;
        }
        if (meanwhile_[static_cast<std::size_t>(rank)]) {
          std::exchange(meanwhile_[static_cast<std::size_t>(rank)], {})();
        }
      });
    };
    return {.nodes = {.nodes = 2, .ranks_per_node = 2, .memory_bytes = 1_MiB, .wrap_arena = wrap},
            .network = {.latency = {1ms, 1ms}, .one_sided = one_sided}};
  }
  Key made() { return put(world_.connector(0), store, {}, pattern(1, size_bytes)).value().key; }
  /// As from a handle, which knows the object's size.
  void start_get(int rank, const Key& key, std::chrono::nanoseconds patience = 20s) {
    world_.network().start([this, rank, key, patience] {
      got_[static_cast<std::size_t>(rank)] =
          world_.connector(rank).get(Address(key, 0, size_bytes), world_.network().now() + patience);
    });
  }
  [[nodiscard]] const Result<ObjectView>& got(int rank) const {
    return got_[static_cast<std::size_t>(rank)].value();
  }
  void expect_shown(int rank) {
    ASSERT_TRUE(got(rank)) << got(rank).error();
    EXPECT_TRUE(holds(*got(rank), pattern(1, size_bytes)));
  }
  [[nodiscard]] std::uint64_t copies() {
    return world_.connector(2).usage().own_copies + world_.connector(3).usage().own_copies;
  }
  /// What a rank does while it makes room: it waits, and drives.
  void make_room_slowly(int rank, std::chrono::nanoseconds time) {
    meanwhile_[static_cast<std::size_t>(rank)] = [this, rank, time] {
      world_.rank(rank).links->client()->pause(time);
    };
  }
  void expect_nothing_left(const Key& key) {
    for (auto& each : got_) {
      each.reset();
    }
    EXPECT_TRUE(world_.connector(0).evict(Address(key), {}).value());
    world_.network().run_for(10s);
    for (int rank = 0; rank < world_.size(); ++rank) {
      (void)world_.connector(rank).usage();
    }
    EXPECT_EQ(world_.rank(0).node->levels(), tests::PlainNode::Levels{});
    EXPECT_EQ(world_.rank(2).node->levels(), tests::PlainNode::Levels{});
  }

  std::array<std::function<void()>, 4> meanwhile_;
  int rooms_ = 0;  ///< made by ranks of the second node, on a thread that may do long work
  tests::MortalNodes mortal_;
  SimulatedNodes& world_;
  std::array<std::optional<Result<ObjectView>>, 4> got_;
};

TEST_P(LateRoom, IsMadeOnceAndTheObjectSharedByAllWhoWantIt) {
  const Key key = made();
  start_get(2, key);
  start_get(3, key);
  world_.network().run();
  expect_shown(2);
  expect_shown(3);
  EXPECT_EQ(got(2)->bytes().data(), got(3)->bytes().data());
  EXPECT_EQ(copies(), 1U);
  EXPECT_EQ(rooms_, 1);
  EXPECT_EQ(got(2)->path(), GetParam() ? Path::rma : Path::rendezvous);
  expect_nothing_left(key);
}

// The memory of a failed read is not reused: room is needed once more.
TEST_P(LateRoom, IsMadeAgainForWhatWasNotRead) {
  if (!GetParam()) {
    GTEST_SKIP() << "no one-sided reads here";
  }
  const Key key = made();
  int asked = 0;
  world_.network().on_message([&](int from, int, std::span<const std::byte> header) {
    Envelope envelope;
    std::memcpy(&envelope, header.data(), sizeof envelope);
    if (from == 2 && envelope.kind == Kind::lease_read &&
        ++asked == 2) {  // with room; the reply arrives in 2 ms
      world_.network().after(1500us, [&] { world_.network().cut_one_way(2, 0); });
      world_.network().after(10ms, [&] { world_.network().heal(); });
    }
    return loopback::Verdict{};
  });
  start_get(2, key);
  world_.network().run();
  world_.network().on_message({});
  expect_shown(2);
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(world_.network().counters().reads.messages, 0U);
  EXPECT_EQ(rooms_, 2);
  EXPECT_EQ(copies(), 1U);
  EXPECT_EQ(got(2)->path(), Path::rendezvous);
  expect_nothing_left(key);
}

TEST_P(LateRoom, IsMadeWhileOthersAreServed) {
  const Key key = made();
  const Key served = put(world_.connector(2), store, {}, pattern(2, 100)).value().key;
  make_room_slowly(2, 100ms);
  start_get(2, key);
  world_.network().start([&] {
    world_.rank(0).links->client()->pause(50ms);  // rank 2 is making room
    EXPECT_FALSE(got_[2]);
    const auto other = world_.connector(0).get(Address(served), world_.network().now() + 10ms);
    EXPECT_TRUE(other && holds(*other, pattern(2, 100)));
    EXPECT_FALSE(got_[2]);
  });
  world_.network().run();
  expect_shown(2);
  EXPECT_EQ(copies(), 1U);
  EXPECT_TRUE(world_.connector(2).evict(Address(served), {}).value());
  expect_nothing_left(key);
}

TEST_P(LateRoom, MakesNobodyElseWaitLongerThanWhoMakesItHasTime) {
  const Key key = made();
  make_room_slowly(2, 5s);
  start_get(2, key, 100ms);
  start_get(3, key, 1s);
  world_.network().run();
  EXPECT_EQ(code_of(got(2)), Errc::timeout);
  expect_shown(3);
  EXPECT_EQ(copies(), 1U);
  expect_nothing_left(key);
}

TEST_P(LateRoom, IsTakenOverWhenWhoMakesItDies) {
  const Key key = made();
  make_room_slowly(2, 5s);
  start_get(2, key);
  start_get(3, key);
  world_.network().after(100ms, [&] { mortal_.kill(2); });
  world_.network().run();
  EXPECT_FALSE(got_[2]);
  expect_shown(3);
  EXPECT_EQ(copies(), 1U);
}

TEST_P(LateRoom, ThatCannotBeHadMeansMemoryOfOnesOwn) {
  const Key key = made();
  const auto draft = world_.connector(2).create(450'000, plain_meta(store), {});
  ASSERT_TRUE(draft);
  start_get(2, key);
  world_.network().run();
  expect_shown(2);
  EXPECT_EQ(copies(), 0U);
  world_.connector(2).discard(*draft);
  expect_nothing_left(key);
}

TEST_P(LateRoom, LeavesNoMarkWhereTheRuntimeIsClosed) {
  const Key key = made();
  meanwhile_[2] = [this] { world_.rank(2).links->close(); };
  start_get(2, key);
  world_.network().run();
  EXPECT_EQ(code_of(got(2)), Errc::closed);
  EXPECT_EQ(world_.rank(3).node->levels().names, 0U);
}

TEST_P(LateRoom, OfARuntimeThatIsClosedKeepsNobodyElseWaiting) {
  const Key key = made();
  meanwhile_[2] = [this] {
    world_.rank(2).links->client()->pause(100ms);  // rank 3 has joined
    world_.rank(2).links->close();
  };
  start_get(2, key);
  start_get(3, key, 1s);
  world_.network().run();
  EXPECT_EQ(code_of(got(2)), Errc::closed);
  expect_shown(3);
}

INSTANTIATE_TEST_SUITE_P(, LateRoom, ::testing::Bool(),
                         [](const auto& one_sided) { return one_sided.param ? "OneSided" : "Sent"; });

}  // namespace
}  // namespace locum::tests::late_room_test
