#include "core/node/cluster.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "core/object/internal_stores.hpp"
#include "core/store.hpp"
#include "core/value/options.hpp"
#include "shm/segment/available_memory.hpp"
#include "tests/core/memory_connector_contract.hpp"
#include "tests/shm/cluster_on_node.hpp"
#include "tests/shm/player.hpp"

namespace locum::shm {
namespace {

using locum::tests::code_of;
using locum::tests::ConnectorFactory;
using locum::tests::factory_name;
using locum::tests::holds;
using locum::tests::pattern;
using locum::tests::plain_meta;
using locum::tests::put;
using std::chrono::seconds;
using tests::ClusterOnNode;
using tests::connect;
using tests::make_segment;

// Of several processes, the one whose connector is tested is not the first.
ConnectorFactory on_a_node(std::string name, std::uint32_t ranks) {
  return {std::move(name), [ranks](std::uint64_t memory_bytes) {
            return connect(make_segment(ranks, memory_bytes == 0 ? 128_MiB : memory_bytes), ranks - 1);
          }};
}

TEST_F(ClusterOnNode, SharesObjectsInPlace) {
  const auto bytes = pattern(1, 100'000);
  const Sealed sealed = put(*ranks_[0], 1, "field", bytes).value();
  EXPECT_EQ(sealed.key.creator, 100U);
  const ObjectView own = ranks_[0]->get(sealed.key, {}).value();
  const ObjectView by_key = ranks_[1]->get(sealed.key, {}).value();
  const ObjectView by_name = ranks_[2]->get({1, "field"}, {}).value();
  EXPECT_TRUE(holds(by_key, bytes));
  EXPECT_EQ(by_key.bytes().data(), own.bytes().data());
  EXPECT_EQ(by_name.bytes().data(), own.bytes().data());
  EXPECT_EQ(by_name.facts().generation, sealed.generation);
  EXPECT_EQ(code_of(put(*ranks_[1], 1, "field", bytes)), Errc::key_exists);
  EXPECT_EQ(ranks_[1]->list(1, "f", {}).value(), std::vector<std::string>{"field"});
}

TEST(ClusterOnLargeNode, HoldsAnObjectOfMoreThan4GiB) {
  constexpr std::uint64_t size_bytes = 4_GiB + 1;
  const auto mount = shared_mount();
  const auto left = available_memory();
  if (!mount || !left || std::min(mount->free_bytes, *left) < 2 * size_bytes) {
    GTEST_SKIP() << "less than 8 GiB of memory and /dev/shm are free";
  }
  const auto segment = Segment::create(Geometry::fit(2, 5_GiB, 64_GiB), 0x10C0);
  const auto maker = connect(segment, 0);
  const auto reader = connect(segment, 1);
  const ObjectDraft draft = maker->create(size_bytes, plain_meta(1, "large"), {}).value();
  draft.bytes.front() = std::byte{1};
  draft.bytes.back() = std::byte{2};
  ASSERT_TRUE(maker->seal(draft, {}, {}));
  const ObjectView view = reader->get({1, "large"}, {}).value();
  ASSERT_EQ(view.bytes().size(), size_bytes);
  EXPECT_EQ(view.bytes().front(), std::byte{1});
  EXPECT_EQ(view.bytes().back(), std::byte{2});
  EXPECT_EQ(code_of(maker->create(size_bytes, plain_meta(1), {})), Errc::out_of_memory);
  EXPECT_TRUE(reader->evict({1, "large"}, {}).value());
}

TEST_F(ClusterOnNode, EvictsWhatOthersMade) {
  const Sealed unnamed = put(*ranks_[0], 1, {}, pattern(1, 1000)).value();
  const Sealed named = put(*ranks_[0], 1, "x", pattern(2, 1000)).value();
  const Sealed other = put(*ranks_[0], 1, "y", pattern(3, 1000)).value();
  EXPECT_TRUE(ranks_[1]->evict(unnamed.key, {}).value());
  EXPECT_TRUE(ranks_[1]->evict(named.key, {}).value());
  EXPECT_TRUE(ranks_[2]->evict({1, "y"}, {}).value());
  for (const auto& rank : ranks_) {
    EXPECT_EQ(code_of(rank->get(unnamed.key, {})), Errc::not_found);
    EXPECT_EQ(code_of(rank->get({1, "x"}, {})), Errc::not_found);
    EXPECT_EQ(code_of(rank->get(other.key, {})), Errc::not_found);
    EXPECT_FALSE(rank->evict(named.key, {}).value());
  }
  EXPECT_EQ(ranks_[0]->usage().own_objects, 0U);
  EXPECT_EQ(ranks_[0]->usage().own_used, 0U);
}

TEST_F(ClusterOnNode, TellsAReplacedKeyFromAnEvictedOne) {
  const std::uint64_t hash = name_hash(1, "clock");
  const Sealed first = put(*ranks_[0], 1, "clock", pattern(1, 8)).value();
  const ObjectView old = ranks_[2]->get(first.key, {}).value();
  (void)put(*ranks_[1], 1, "clock", pattern(2, 8), {.mode = SealMode::replace}).value();
  EXPECT_EQ(code_of(ranks_[2]->get(Address(first.key, hash), {})), Errc::stale);
  EXPECT_TRUE(holds(old, pattern(1, 8)));
  EXPECT_TRUE(ranks_[0]->evict({1, "clock"}, {}).value());
  EXPECT_EQ(code_of(ranks_[2]->get(Address(first.key, hash), {})), Errc::not_found);
}

TEST_F(ClusterOnNode, DropsWhatOneRankMadeAndNothingElse) {
  for (std::uint64_t i = 0; i < 20; ++i) {
    (void)put(*ranks_[i % 2], 1, i % 4 < 2 ? "n" + std::to_string(i) : "", pattern(i, 100)).value();
  }
  EXPECT_EQ(ranks_[0]->drop(1).value(), 10U);
  EXPECT_EQ(ranks_[0]->drop(1).value(), 0U);
  EXPECT_EQ(ranks_[0]->usage().own_objects, 0U);
  EXPECT_EQ(ranks_[1]->usage().own_objects, 10U);
  EXPECT_EQ(ranks_[2]->list(1, {}, {}).value().size(), 5U);
  EXPECT_EQ(ranks_[2]->drop(1).value(), 0U);
}

TEST_F(ClusterOnNode, KeepsViewsWhenTheirConnectorIsGone) {
  const auto bytes = pattern(1, 5000);
  ObjectView view;
  {
    const Sealed sealed = put(*ranks_[0], 1, "x", bytes).value();
    view = ranks_[1]->get(sealed.key, {}).value();
    (void)put(*ranks_[2], 1, "x", pattern(2, 5000), {.mode = SealMode::replace}).value();
    EXPECT_TRUE(ranks_[2]->evict({1, "x"}, {}).value());
  }
  EXPECT_EQ(ranks_[0]->usage().own_pinned, view.facts().size_bytes + 4 + 6 + 1);  // element size, type, name
  ranks_[1].reset();
  ranks_[2].reset();
  for (std::uint64_t i = 0; i < 50; ++i) {
    (void)put(*ranks_[0], 1, {}, pattern(i, 5000)).value();
  }
  EXPECT_TRUE(holds(view, bytes));
  EXPECT_EQ(view.facts().name, "x");
  segment_.reset();
  ranks_[0].reset();
  const ObjectView copy = view;
  view = ObjectView();
  EXPECT_TRUE(holds(copy, bytes));
}

TEST_F(ClusterOnNode, SaysWhoUsesAFullMemoryAndGoesOnAfterAnEviction) {
  constexpr std::size_t piece = 1_MiB;
  std::vector<Key> keys;
  for (;;) {
    const auto sealed = put(*ranks_[keys.size() % 2], 1, {}, std::vector<std::byte>(piece));
    if (!sealed) {
      ASSERT_EQ(code_of(sealed), Errc::out_of_memory);
      break;
    }
    keys.push_back(sealed->key);
    ASSERT_LE(keys.size(), 64U);
  }
  EXPECT_GE(keys.size(), 50U);
  const std::size_t failing = keys.size() % 2;
  // Evicted, but viewed by another rank: counted in the error text, and not reused.
  const Key evicted = keys[failing];
  ObjectView view = ranks_[2]->get(evicted, {}).value();
  EXPECT_TRUE(ranks_[2]->evict(evicted, {}).value());
  const MemoryUsage usage = ranks_[failing]->usage();
  EXPECT_GE(usage.own_pinned, piece);
  const auto refused = ranks_[failing]->create(piece, plain_meta(1, "wanted"), {});
  ASSERT_EQ(code_of(refused), Errc::out_of_memory);
  EXPECT_EQ(refused.error().key(), "wanted");
  const std::string& text = refused.error().text();
  for (const std::uint64_t figure : {std::uint64_t{piece}, usage.own_used, usage.own_pinned,
                                     usage.own_committed - usage.own_used, usage.committed, usage.limit}) {
    EXPECT_NE(text.find(" " + std::to_string(figure)), std::string::npos) << figure << " is not in: " << text;
  }
  view = ObjectView();
  const auto draft = ranks_[failing]->create(piece, plain_meta(1, "wanted"), {});
  ASSERT_TRUE(draft) << draft.error();
  EXPECT_TRUE(ranks_[failing]->seal(*draft, {}, {}));
}

TEST_F(ClusterOnNode, BelievesNoEntryThatLeadsOutOfTheArenas) {
  const Sealed sealed = put(*ranks_[0], 1, "x", pattern(1, 100)).value();
  const Sealed unnamed = put(*ranks_[0], 1, {}, pattern(1, 100)).value();
  auto* entries = reinterpret_cast<Entry*>(segment_->base() + segment_->geometry().entries_offset(0));
  for (const std::uint64_t wild : {segment_->geometry().total_bytes(), ~std::uint64_t{0},
                                   ~std::uint64_t{0} - 64, std::uint64_t{1} << 62U}) {
    for (const bool in_size : {false, true}) {
      for (int slot = 0; slot < 2; ++slot) {
        const ObjectRecord good = entries[slot].record;
        (in_size ? entries[slot].record.size_bytes : entries[slot].record.offset) = wild;
        EXPECT_EQ(code_of(ranks_[1]->get(slot == 0 ? sealed.key : unnamed.key, {})), Errc::corrupt);
        EXPECT_EQ(code_of(ranks_[1]->get({1, "x"}, {})), slot == 0 ? Errc::corrupt : Errc{});
        EXPECT_EQ(code_of(ranks_[1]->list(1, {}, {})), slot == 0 ? Errc::corrupt : Errc{});
        entries[slot].record = good;
      }
    }
  }
  EXPECT_TRUE(holds(ranks_[1]->get(sealed.key, {}).value(), pattern(1, 100)));
  entries[0].record.offset = ~std::uint64_t{0};
  EXPECT_EQ(code_of(ranks_[1]->evict(sealed.key, {})), Errc::corrupt);
}

TEST_F(ClusterOnNode, ChecksAChecksumInEachProcessTheTailIncluded) {
  ObjectMeta meta = plain_meta(1, "x");
  meta.layout = Layout::array;
  meta.extents = Extents(10, 10);
  meta.checksum = true;
  const ObjectDraft draft = ranks_[0]->create(100, meta, {}).value();
  const auto bytes = pattern(1, 100);
  std::memcpy(draft.bytes.data(), bytes.data(), bytes.size());
  const Key key = ranks_[0]->seal(draft, {}, {}).value().key;
  EXPECT_TRUE(holds(ranks_[1]->get(key, {}).value(), bytes));
  EXPECT_EQ(ranks_[1]->get(key, {}).value().facts().extents, Extents(10, 10));

  const std::size_t tail_bytes = 4 + 4 + 2 * 8 + meta.type_name.size() + meta.name.size();
  for (std::size_t at = 0; at < bytes.size() + tail_bytes; ++at) {
    draft.bytes.data()[at] ^= std::byte{16};
    const auto refused = ranks_[2]->get(key, {});
    EXPECT_EQ(code_of(refused), Errc::corrupt) << at;
    EXPECT_TRUE(ranks_[1]->get(key, {})) << "this process has checked it before";
    draft.bytes.data()[at] ^= std::byte{16};
  }
  EXPECT_TRUE(holds(ranks_[2]->get(key, {}).value(), bytes));
}

TEST_F(ClusterOnNode, GivesUnsealedDraftsAndRefusedPutsBack) {
  (void)put(*ranks_[1], 1, "taken", pattern(1, 8)).value();
  const std::uint64_t used = ranks_[0]->usage().own_used;
  for (int i = 0; i < 100; ++i) {
    const auto draft = ranks_[0]->create(300'000, plain_meta(1, "draft"), {}).value();
    ranks_[0]->discard(draft);
    EXPECT_EQ(code_of(put(*ranks_[0], 1, "taken", pattern(2, 300'000))), Errc::key_exists);
    EXPECT_EQ(code_of(put(*ranks_[0], 1, "gone", pattern(2, 300'000), {SealMode::replace, 7})),
              Errc::not_found);
  }
  const MemoryUsage after = ranks_[0]->usage();
  EXPECT_EQ(after.own_used, used);
  EXPECT_EQ(after.own_objects, 0U);
  EXPECT_LE(after.own_committed, 1_MiB) << "the same memory each time";
}

// One producer, one consumer that always holds the last few frames: the producer's memory does not grow.
TEST_F(ClusterOnNode, UsesTheMemoryOfReplacedFramesAgain) {
  constexpr std::size_t frame_bytes = 1_MiB;
  std::vector<ObjectView> held;
  std::uint64_t committed = 0;
  for (int frame = 0; frame < 200; ++frame) {
    const auto draft = ranks_[0]->create(frame_bytes, plain_meta(1, "frame"), {}).value();
    std::memset(draft.bytes.data(), frame, frame_bytes);
    (void)ranks_[0]->seal(draft, {.mode = SealMode::replace}, {}).value();
    held.push_back(ranks_[1]->get({1, "frame"}, {}).value());
    if (held.size() > 6) {
      held.erase(held.begin());
    }
    if (frame == 20) {
      committed = ranks_[0]->usage().own_committed;
    }
  }
  EXPECT_EQ(ranks_[0]->usage().own_committed, committed);
  EXPECT_LE(committed, 12 * frame_bytes);
  EXPECT_EQ(held.front().bytes().front(), std::byte{200 - 6});
}

TEST_F(ClusterOnNode, WakesAWaiterOnAnotherRank) {
  for (std::uint64_t i = 0; i < 50; ++i) {
    const std::string name = "later" + std::to_string(i);
    std::thread putter([&] { (void)put(*ranks_[0], 1, name, pattern(i, 100)).value(); });
    const auto view = ranks_[1]->wait({1, name}, seconds(20));
    putter.join();
    ASSERT_TRUE(view) << view.error();
    EXPECT_TRUE(holds(*view, pattern(i, 100)));
  }
}

// Numbers are generations, of which keys hold 32 bits.
TEST_F(ClusterOnNode, RefusesAStoreWhoseNumberNoKeyCouldHold) {
  const auto session = [](const std::shared_ptr<Connector>& rank) {
    return std::make_shared<Session>(rank, std::make_shared<Metrics>());
  };
  const auto first = session(ranks_[0]);
  const auto second = session(ranks_[1]);
  constexpr std::uint64_t last = last_store;
  segment_->header().stores.store(last - 2);
  Store before = first->open("before").value();
  const Key old = before.put("x", 1).value();
  EXPECT_EQ(before.number(), last - 1);
  segment_->header().stores.store(last - 2 + (1ULL << 32U));  // truncated, it would be the number of "before"
  for (const auto& rank : {first, second}) {
    const auto refused = rank->open("after");
    ASSERT_EQ(code_of(refused), Errc::unsupported);
    EXPECT_NE(refused.error().text().find("no store numbers are left"), std::string::npos) << refused.error();
    EXPECT_EQ(code_of(rank->number_of("after")), Errc::unsupported);
    EXPECT_EQ(code_of(rank->drop("after")), Errc::unsupported);
    Store same = rank->open("before").value();
    EXPECT_EQ(same.number(), last - 1);
    EXPECT_EQ(*same.get<int>("x").value(), 1);
    EXPECT_EQ(*same.get<int>(old).value(), 1);
  }
}

// As after an hour with a million names a second: names have their own counter.
TEST_F(ClusterOnNode, NumbersStoresHoweverManyNamesThereWere) {
  const auto session = std::make_shared<Session>(ranks_[0], std::make_shared<Metrics>());
  segment_->header().generation.store((1ULL << 32U) - 2);
  Store first = session->open("first").value();
  EXPECT_EQ(first.number(), 1U);
  for (int count = 0; count < 4; ++count) {
    EXPECT_TRUE(first.put(std::to_string(count), count));
  }
  EXPECT_EQ(first.info("3").value().generation, (1ULL << 32U) + 2) << "more than 32 bits are valid";
  EXPECT_EQ(*first.get<int>("3").value(), 3);
  EXPECT_EQ(session->open("second").value().number(), 2U);
  EXPECT_TRUE(session->drop("first"));
  EXPECT_EQ(session->open("first").value().number(), 3U) << "no number is reused";
}

}  // namespace
}  // namespace locum::shm

namespace locum::tests {

INSTANTIATE_TEST_SUITE_P(Cluster, ConnectorContract,
                         ::testing::Values(shm::on_a_node("alone", 1), shm::on_a_node("three", 3)),
                         factory_name);
INSTANTIATE_TEST_SUITE_P(Cluster, MemoryConnectorContract,
                         ::testing::Values(shm::on_a_node("alone", 1), shm::on_a_node("three", 3)),
                         factory_name);

}  // namespace locum::tests
