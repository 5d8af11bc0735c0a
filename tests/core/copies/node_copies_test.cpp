// The entries of a node for objects of other nodes: which of them gives way to which, and what damaged ones
// show.
#include "core/copies/node_copies.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "core/object/object_wire.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/simulated_nodes.hpp"

namespace locum::tests::node_copies_test {
namespace {

using namespace std::chrono_literals;
using Entry = NodeCopies::Entry;
using Mark = NodeCopies::Mark;
using Clock = NodeCopies::Clock;

constexpr std::uint32_t store = 7;
constexpr std::size_t size_bytes = 5000;

/// Two nodes of two ranks. Objects of rank 0 are copied to node 1, by ranks 2 and 3.
class NodeCopiesTest : public ::testing::Test {
 protected:
  /// An object as its owner sends it.
  struct Sent {
    ObjectWire wire;
    std::vector<std::byte> block;
  };

  [[nodiscard]] Sent made(std::uint64_t seed, bool checksum = false) {
    ObjectMeta meta = plain_meta(store);
    meta.checksum = checksum;
    Connector& maker = world_.connector(0);
    const ObjectDraft draft = maker.create(size_bytes, meta, {}).value();
    const auto bytes = pattern(seed, size_bytes);
    std::memcpy(draft.bytes.data(), bytes.data(), size_bytes);
    const NodeProcess& process = world_.rank(0).process;
    const Pin pin = process.table->pin(maker.seal(draft, {}, {}).value().key).value();
    const std::byte* const block = process.arena->data(pin.record->offset);
    Sent sent{wire_of(pin, 0), {block, block + pin.record->block_bytes()}};
    process.table->release(pin.id);
    return sent;
  }
  [[nodiscard]] NodeCopies& of(int rank) { return *world_.rank(rank).links->copies().here; }
  [[nodiscard]] static Result<Key> publish(NodeCopies& copies, const Sent& sent, const Mark& mark,
                                           Clock::time_point good_until = {}) {
    const auto room = copies.room(sent.wire.key, sent.wire.record);
    EXPECT_NE(room, nullptr);
    std::memcpy(room->block().memory().data(), sent.block.data(), sent.block.size());
    return copies.publish(*room, sent.wire, mark, good_until);
  }
  [[nodiscard]] Result<ObjectView> look(int rank, const Key& key) {
    auto copy = of(rank).look(key, 0, Path::shm_view, {});
    return copy ? std::move(copy->view) : Result<ObjectView>(copy.error());
  }
  [[nodiscard]] Entry entry(int rank, const Key& key) {
    return of(rank).look(key, 0, Path::shm_view, {}).value();
  }
  /// The mark of an object's flight; an invalid one if there is none.
  [[nodiscard]] Mark marked(const Key& key) {
    const Entry found = entry(2, key);
    return found.is == Entry::Is::mark ? found.mark : Mark{};
  }
  [[nodiscard]] PlainNode& node() { return *world_.rank(2).node; }
  [[nodiscard]] PlainNode::Levels levels() {
    for (const int rank : {2, 3}) {
      (void)world_.connector(rank).usage();  // frees what can be freed
    }
    return node().levels();
  }

  SimulatedNodes world_{2, 2};
};

TEST_F(NodeCopiesTest, GiveAFlightOneMark) {
  const Key key = made(1).wire.key;
  const Mark first = of(2).mark(key, 0).value();
  EXPECT_EQ(code_of(of(3).mark(key, 0)), Errc::key_exists);
  EXPECT_EQ(marked(key).rank, 2U);
  const Mark next = of(3).mark(key, first.generation).value();
  EXPECT_EQ(code_of(of(2).mark(key, first.generation)), Errc::stale) << "of two joiners one takes it over";
  of(2).unmark(key, first);
  EXPECT_EQ(marked(key).entry, next.entry) << "that of another flight stays";
  of(3).unmark(key, next);
  EXPECT_FALSE(entry(2, key).exists());
  EXPECT_EQ(code_of(of(2).mark(key, next.generation)), Errc::not_found);
  EXPECT_EQ(levels(), PlainNode::Levels{});
}

TEST_F(NodeCopiesTest, ShowACopyToAllRanksInPlace) {
  const Sent sent = made(1);
  const Key key = sent.wire.key;
  const auto good_until = Clock::now() + 1h;
  const Mark mark = of(2).mark(key, 0).value();
  EXPECT_FALSE(look(3, key).value()) << "a flight is no copy";
  ASSERT_TRUE(publish(of(2), sent, mark, good_until));
  const auto copy = of(3).look(key, 17, Path::shm_view, {});
  ASSERT_TRUE(copy && copy->view);
  EXPECT_TRUE(holds(copy->view, pattern(1, size_bytes)));
  EXPECT_EQ(copy->good_until, good_until);
  EXPECT_EQ(copy->view.facts().generation, 17U);
  EXPECT_EQ(copy->view.bytes().data(), look(2, key)->bytes().data());
}

// It was told of an eviction, or another flight has taken its place, while the object came.
TEST_F(NodeCopiesTest, PublishNothingWithoutTheirMark) {
  const Sent sent = made(1);
  const Key key = sent.wire.key;
  const Mark mark = of(2).mark(key, 0).value();
  ASSERT_TRUE(of(3).invalidate(key));
  EXPECT_EQ(code_of(publish(of(2), sent, mark)), Errc::not_found);
  EXPECT_EQ(levels(), PlainNode::Levels{}) << "its room is given back";
  const Mark next = of(3).mark(key, 0).value();
  EXPECT_EQ(code_of(publish(of(2), sent, mark)), Errc::stale);
  EXPECT_EQ(marked(key).entry, next.entry);
  EXPECT_TRUE(publish(of(3), sent, next));
  EXPECT_EQ(code_of(publish(of(2), sent, mark)), Errc::stale) << "nor in place of a copy";
  EXPECT_TRUE(holds(look(2, key).value(), pattern(1, size_bytes)));
}

TEST_F(NodeCopiesTest, RefuseACopyThatAStrayStoreHasHit) {
  const Sent sent = made(1, true);
  const Key key = sent.wire.key;
  ASSERT_TRUE(publish(of(2), sent, of(2).mark(key, 0).value()));
  const ObjectView view = entry(2, key).view;  // each rank checks a copy once
  ASSERT_TRUE(view);
  auto* const bytes = const_cast<std::byte*>(view.bytes().data());
  bytes[9] ^= std::byte{1};
  EXPECT_EQ(code_of(look(3, key)), Errc::corrupt) << "its checksum";
  bytes[9] ^= std::byte{1};
  EXPECT_TRUE(holds(look(3, key).value(), pattern(1, size_bytes)));
  bytes[sent.block.size()] ^= std::byte{1};  // the key behind the block
  const auto other = look(3, key);
  ASSERT_EQ(code_of(other), Errc::corrupt);
  EXPECT_EQ(other.error().key(), to_string(key));
}

TEST_F(NodeCopiesTest, EndTheMarksOfALostRankAlone) {
  const Key one = made(1).wire.key;
  const Key next = made(2).wire.key;
  const Sent copied = made(3);
  (void)of(2).mark(one, 0).value();
  (void)of(3).mark(next, 0).value();
  ASSERT_TRUE(publish(of(3), copied, of(3).mark(copied.wire.key, 0).value()));
  of(2).unmark_all(3);
  EXPECT_TRUE(entry(2, one).exists());
  EXPECT_FALSE(entry(2, next).exists());
  EXPECT_TRUE(look(2, copied.wire.key).value()) << "copies outlive their ranks";
}

// Else a reader would take what it cannot see for evicted, and an eviction a copy for dropped.
TEST_F(NodeCopiesTest, AreBelievedToExistWhereTheyCannotBeSeen) {
  const Key key = made(1).wire.key;
  ASSERT_FALSE(entry(2, key).exists());
  node().fail_directory(Error(Errc::timeout, "a process of this node is stopped within a change"));
  EXPECT_TRUE(entry(2, key).exists());
  EXPECT_EQ(code_of(of(2).invalidate(key)), Errc::timeout);
  EXPECT_EQ(code_of(of(2).mark(key, 0)), Errc::timeout);
  node().fail_directory(std::nullopt);
  EXPECT_FALSE(entry(2, key).exists());
  EXPECT_EQ(levels(), PlainNode::Levels{});
}

}  // namespace
}  // namespace locum::tests::node_copies_test
