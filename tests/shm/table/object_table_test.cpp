#include "shm/table/object_table.hpp"

#include <gtest/gtest.h>

#include <set>

#include "core/node/promised.hpp"
#include "shm/death/eviction_notice.hpp"
#include "shm/segment/entry_tag.hpp"
#include "tests/core/collect_into.hpp"
#include "tests/shm/player.hpp"

namespace locum::shm::object_table_test {
namespace {

using tests::code;
using tests::make_segment;
using tests::Player;

constexpr std::uint32_t store = 7;

class ObjectTableTest : public testing::Test {
 protected:
  std::shared_ptr<Segment> segment_ = make_segment(3);
  Player owner_{segment_, 0, 1_MiB};
  Player reader_{segment_, 1, 1_MiB};
  Player other_{segment_, 2, 1_MiB};

  // Records returned to the owner.
  std::vector<ObjectRecord> collected(Player& player, Effort effort = Effort::thorough) {
    std::vector<ObjectRecord> dead;
    (void)tests::collect_into(*player.objects, dead, effort);
    return dead;
  }
};

TEST_F(ObjectTableTest, PinsWhatAnotherProcessPublished) {
  const Key key = owner_.publish(store, {}, 42).value();
  EXPECT_EQ(key.store, store);
  EXPECT_EQ(key.creator, Player::first_rank);
  const auto pin = reader_.objects->pin(key);
  ASSERT_TRUE(pin) << pin.error();
  EXPECT_EQ(pin->key, key);
  EXPECT_EQ(pin->generation, 0U);
  EXPECT_EQ(reader_.word(*pin), 42U);

  const Pin again = reader_.objects->at(pin->id);
  EXPECT_EQ(again.key, key);
  EXPECT_EQ(again.record, pin->record);
  reader_.objects->release(pin->id);
}

TEST_F(ObjectTableTest, RefusesKeysThatAreDamagedInAnyBit) {
  for (int i = 0; i < 40; ++i) {
    (void)owner_.publish(store, {}, 1).value();
  }
  const Key key = owner_.publish(store, {}, 42).value();
  const Key stranger{key.store, Player::first_rank + 3, key.serial};
  for (const Key& wrong : {Key{}, stranger, Key{key.store, 0, key.serial}, Key{key.store, ~0U, key.serial},
                           Key{key.store, key.creator, ~0ULL}}) {
    EXPECT_EQ(code(reader_.objects->pin(wrong)), Errc::not_found) << wrong;
    EXPECT_FALSE(reader_.objects->tombstone(wrong)) << wrong;
  }
  for (unsigned bit = 0; bit < 32; ++bit) {
    const Key other_store{key.store ^ (1U << bit), key.creator, key.serial};
    const Key other_creator{key.store, key.creator ^ (1U << bit), key.serial};
    EXPECT_EQ(code(reader_.objects->pin(other_store)), Errc::not_found) << bit;
    EXPECT_EQ(code(reader_.objects->pin(other_creator)), Errc::not_found) << bit;
  }
  for (unsigned bit = 0; bit < 64; ++bit) {
    const Key other_serial{key.store, key.creator, key.serial ^ (1ULL << bit)};
    if (const auto pin = reader_.objects->pin(other_serial)) {
      // Another live object of the owner, not this one.
      EXPECT_EQ(reader_.word(*pin), 1U) << bit;
      reader_.objects->release(pin->id);
    }
  }
  // No refused call left a bit, which would keep the objects.
  for (const Key& each : owner_.objects->keys(store, Whose::own)) {
    EXPECT_TRUE(other_.objects->tombstone(each));
  }
  EXPECT_EQ(collected(owner_).size(), 41U);
}

// Whose memory is in no figure yet, for those who lack some.
TEST_F(ObjectTableTest, CountsAsUncollectedUntilTheLastBlockIsFree) {
  for (const std::uint64_t word : {1U, 2U}) {
    EXPECT_TRUE(other_.objects->tombstone(owner_.publish(store, {}, word).value()));
  }
  EXPECT_TRUE(may_have_evicted(*segment_, 0));
  for (const Effort effort : {Effort::amortised, Effort::thorough}) {
    const bool is_first = effort == Effort::amortised;
    int freed = 0;
    (void)owner_.objects->collect(
        [&](const ObjectRecord&) {
          ++freed;
          EXPECT_TRUE(may_have_evicted(*segment_, 0)) << freed;
        },
        effort);
    EXPECT_EQ(freed, is_first ? 2 : 0);
    EXPECT_FALSE(may_have_evicted(*segment_, 0));
  }
}

TEST_F(ObjectTableTest, KeepsWhatAnotherPinsAndGivesItBackOnce) {
  const Key key = owner_.publish(store, {}, 42).value();
  const Pin pin = reader_.objects->pin(key).value();
  EXPECT_TRUE(owner_.objects->tombstone(key));
  EXPECT_FALSE(owner_.objects->tombstone(key));
  EXPECT_FALSE(other_.objects->tombstone(key));
  EXPECT_EQ(code(other_.objects->pin(key)), Errc::not_found);
  EXPECT_EQ(code(reader_.objects->pin(key)), Errc::not_found);

  std::vector<ObjectRecord> dead;
  const Pinned kept = tests::collect_into(*owner_.objects, dead, Effort::thorough).pinned;
  EXPECT_TRUE(dead.empty());
  EXPECT_EQ(kept.objects, 1U);
  EXPECT_EQ(kept.bytes, pin.record->block_bytes());
  EXPECT_EQ(reader_.word(pin), 42U);

  reader_.objects->release(pin.id);
  EXPECT_TRUE(collected(reader_).empty()) << "only the owner gets its objects back";
  EXPECT_EQ(tests::collect_into(*owner_.objects, dead, Effort::thorough).pinned.objects, 0U);
  ASSERT_EQ(dead.size(), 1U);
  EXPECT_EQ(dead[0].block_bytes(), pin.record->block_bytes());
  EXPECT_TRUE(collected(owner_).empty());
}

TEST_F(ObjectTableTest, CountsTheViewsOfAProcess) {
  const Key key = owner_.publish(store).value();
  const Pin first = reader_.objects->pin(key).value();
  const Pin second = reader_.objects->pin(key).value();
  EXPECT_EQ(first.id, second.id);
  reader_.objects->retain(first.id);
  EXPECT_TRUE(other_.objects->tombstone(key));
  for (int views = 3; views > 0; --views) {
    EXPECT_TRUE(collected(owner_).empty()) << views;
    reader_.objects->release(first.id);
  }
  EXPECT_EQ(collected(owner_).size(), 1U);
}

TEST_F(ObjectTableTest, GivesBackWhatOthersRetiredToItsOwnerOnly) {
  std::vector<Key> keys;
  for (std::uint64_t i = 0; i < 10; ++i) {
    keys.push_back(owner_.publish(store, {}, i).value());
  }
  const Key foreign = other_.publish(store, {}, 99).value();
  std::set<std::uint64_t> offsets;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const Pin pin = reader_.objects->pin(keys[i]).value();
    offsets.insert(pin.record->offset);
    reader_.objects->release(pin.id);
    EXPECT_TRUE((i % 2 == 0 ? reader_ : other_).objects->tombstone(keys[i]));
  }
  EXPECT_TRUE(owner_.objects->tombstone(foreign));
  EXPECT_TRUE(collected(reader_).empty());
  for (const ObjectRecord& dead : collected(owner_, Effort::amortised)) {
    EXPECT_EQ(offsets.erase(dead.offset), 1U);
  }
  EXPECT_TRUE(offsets.empty());
  EXPECT_EQ(collected(other_).size(), 1U);
}

TEST_F(ObjectTableTest, NeverUsesASerialTwice) {
  std::set<std::uint64_t> serials;
  std::set<std::uint32_t> slots;
  std::vector<Key> dead;
  for (int round = 0; round < 200; ++round) {
    const Key key = owner_.publish(store).value();
    EXPECT_TRUE(key.valid());
    EXPECT_TRUE(serials.insert(key.serial).second);
    slots.insert(static_cast<std::uint32_t>(key.serial));
    EXPECT_TRUE(reader_.objects->tombstone(key));
    EXPECT_EQ(collected(owner_).size(), 1U);
    dead.push_back(key);
  }
  EXPECT_EQ(slots.size(), 1U) << "the slot is reused";
  for (const Key& key : dead) {
    EXPECT_EQ(code(reader_.objects->pin(key)), Errc::not_found);
    EXPECT_EQ(owner_.objects->generation(key) == nullptr, key != dead.back())
        << "the slot has another object";
  }
}

TEST_F(ObjectTableTest, GivesASlotUpWhenItsSequenceIsAtTheEnd) {
  const Key first = owner_.publish(store).value();
  EXPECT_TRUE(owner_.objects->tombstone(first));
  EXPECT_EQ(collected(owner_).size(), 1U);
  auto* entry = reinterpret_cast<Entry*>(segment_->base() + segment_->geometry().entries_offset(0));
  entry->tag.store(std::uint64_t{last_sequence - 1} << 32U, std::memory_order_relaxed);

  const Key last = owner_.publish(store).value();
  EXPECT_EQ(last.serial, std::uint64_t{last_sequence} << 32U);
  EXPECT_FALSE(is_promised(last)) << "the bit reserved for keys of promises is never reached";
  const Pin pin = reader_.objects->pin(last).value();
  reader_.objects->release(pin.id);
  EXPECT_TRUE(owner_.objects->tombstone(last));
  EXPECT_EQ(collected(owner_).size(), 1U);
  const Key next = owner_.publish(store).value();
  EXPECT_EQ(next.serial, (std::uint64_t{1} << 32U) | 1U) << "another slot";
  EXPECT_EQ(code(reader_.objects->pin(last)), Errc::not_found);
}

TEST_F(ObjectTableTest, ListsTheLiveObjectsOfOneStore) {
  std::set<Key> expected;
  for (int i = 0; i < 30; ++i) {
    const Key key = owner_.publish(i % 3 == 0 ? store : store + 1).value();
    if (i % 3 == 0 && i % 2 == 0) {
      expected.insert(key);
    } else if (i % 3 == 0) {
      EXPECT_TRUE(reader_.objects->tombstone(key));
    }
  }
  (void)reader_.publish(store).value();
  const std::vector<Key> owned = owner_.objects->keys(store, Whose::own);
  EXPECT_EQ(std::set<Key>(owned.begin(), owned.end()), expected);
  EXPECT_EQ(owned.size(), expected.size());
  EXPECT_TRUE(owner_.objects->keys(store + 9, Whose::own).empty());
  EXPECT_TRUE(other_.objects->keys(store, Whose::own).empty());
}

TEST_F(ObjectTableTest, LooksAtNewTombstonesAtOnceAndAtPinnedOnesInTurn) {
  constexpr std::size_t many = 1000;
  std::vector<Pin> pins;
  for (std::size_t i = 0; i < many; ++i) {
    pins.push_back(reader_.objects->pin(owner_.publish(store).value()).value());
    EXPECT_TRUE(owner_.objects->tombstone(pins.back().key));
  }
  EXPECT_EQ(owner_.collect(Effort::amortised).objects, many);
  const Key free = owner_.publish(store).value();
  EXPECT_TRUE(reader_.objects->tombstone(free));
  EXPECT_EQ(collected(owner_, Effort::amortised).size(), 1U);

  for (const Pin& pin : pins) {
    reader_.objects->release(pin.id);
  }
  std::size_t back = 0;
  std::size_t calls = 0;
  while (back < many && calls < many) {
    const std::size_t now = collected(owner_, Effort::amortised).size();
    EXPECT_LE(now, 4U) << "constant work";
    back += now;
    ++calls;
  }
  EXPECT_EQ(back, many);
  EXPECT_EQ(owner_.collect().objects, 0U);
}

TEST_F(ObjectTableTest, DoesNotFollowADamagedListOfTombstones) {
  const Key live = owner_.publish(store).value();
  const Key dead = owner_.publish(store).value();
  EXPECT_TRUE(reader_.objects->tombstone(dead));
  auto* entries = reinterpret_cast<Entry*>(segment_->base() + segment_->geometry().entries_offset(0));
  entries[1].record.link = 1;  // to the live one, and from there in a cycle
  entries[0].record.link = 2;
  EXPECT_EQ(collected(owner_).size(), 1U);
  const Pin pin = reader_.objects->pin(live).value();
  reader_.objects->release(pin.id);

  segment_->share(0).retired.store(~0U, std::memory_order_relaxed);
  EXPECT_TRUE(collected(owner_).empty());
}

TEST_F(ObjectTableTest, CountsWhatIsLiveAndWhatIsOnlyViewed) {
  std::vector<Key> keys;
  for (int i = 0; i < 5; ++i) {
    keys.push_back(owner_.publish(store).value());
  }
  const Pin pin = reader_.objects->pin(keys[0]).value();
  EXPECT_TRUE(other_.objects->tombstone(keys[0]));
  EXPECT_TRUE(other_.objects->tombstone(keys[1]));
  std::vector<ObjectRecord> dead;
  Owned owned = tests::collect_into(*owner_.objects, dead, Effort::thorough);
  EXPECT_EQ(owned.live, 3U);
  EXPECT_EQ(owned.pinned.objects, 1U);
  reader_.objects->release(pin.id);
  owned = tests::collect_into(*owner_.objects, dead, Effort::thorough);
  EXPECT_EQ(owned.live, 3U);
  EXPECT_EQ(owned.pinned.objects, 0U);
  EXPECT_EQ(dead.size(), 2U);
}

TEST(ObjectTable, RefusesASegmentForOtherProcesses) {
  const auto segment = make_segment(2);
  try {
    const ObjectTable table(segment, 0, std::vector<std::uint32_t>(1U << 24U));
    FAIL() << "a tag cannot hold that many";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::invalid_argument);
    EXPECT_NE(error.text().find("at most 16777215 processes"), std::string::npos) << error;
  }
  EXPECT_THROW(ObjectTable(segment, 0, {0, 1, 2}), Error);
  EXPECT_THROW(ObjectTable(segment, 2, {0, 1}), Error);
}

// A process knows from its own counts whether it has views: others' entry counts may be overwritten by then.
TEST(ObjectTable, LivesUntilItsLastViewWhateverTheCountOfEntriesSays) {
  const auto segment = make_segment(2);
  Player owner(segment, 0, 1_MiB);
  const Key key = owner.publish(store).value();
  const auto users = segment.use_count();
  auto reader = ObjectTable::make(segment, 1, Player::ranks_of(*segment));
  const auto users_and_reader = segment.use_count();
  ObjectTable& table = *reader;
  const Pin pin = table.pin(key).value();
  const std::uint64_t told = segment->share(0).entries.load();
  segment->share(0).entries.store(entries_word(0, 0));
  reader.reset();
  ASSERT_EQ(segment.use_count(), users_and_reader) << "a view is left: the table lives";
  segment->share(0).entries.store(told);
  table.release(pin.id);
  EXPECT_EQ(segment.use_count(), users);
}

// Entries grow by 64 KiB, then double up to steps of 1 MiB; for each group of 512 there is one line per
// process.
TEST(ObjectTable, GrowsWithItsObjectsAndCommitsWhatItSays) {
  const auto segment = make_segment(3);
  Player owner(segment, 1, 1_MiB);
  ObjectTable reader(segment, 0, Player::ranks_of(*segment));
  const std::uint64_t before = segment->committed_bytes();
  const auto committed = [&] { return segment->committed_bytes() - before; };
  EXPECT_EQ(committed(), 0U);
  std::vector<Key> keys;
  const auto publish_up_to = [&](std::size_t count) {
    while (keys.size() < count) {
      keys.push_back(
          owner.objects->publish({.offset = 0, .size_bytes = keys.size(), .store = store}).value());
    }
  };
  publish_up_to(1);
  EXPECT_EQ(committed(), 64_KiB + 4_KiB);
  publish_up_to(1024);
  EXPECT_EQ(committed(), 64_KiB + 4_KiB);
  publish_up_to(1025);
  EXPECT_EQ(committed(), 128_KiB + 4_KiB);  // 4 groups of 3 lines are 768 bytes
  publish_up_to(16 * 1024 + 1);
  EXPECT_EQ(committed(), 2_MiB + 12_KiB);  // 64 groups of 3 lines
  publish_up_to(7 * 16 * 1024);
  EXPECT_EQ(committed(), 7_MiB + 44_KiB);  // 224 groups of 3 lines: 43008 bytes
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto pin = reader.try_pin(keys[i]);
    ASSERT_TRUE(pin) << i;
    EXPECT_EQ(pin->record->size_bytes, i);
    reader.release(pin->id);
  }
  // Emptied and filled again, it takes no more memory.
  for (const Key& key : keys) {
    EXPECT_TRUE(reader.tombstone(key));
  }
  std::vector<ObjectRecord> dead;
  EXPECT_EQ(tests::collect_into(*owner.objects, dead, Effort::thorough).live, 0U);
  EXPECT_EQ(dead.size(), keys.size());
  const std::size_t count = keys.size();
  keys.clear();
  publish_up_to(count);
  EXPECT_EQ(committed(), 7_MiB + 44_KiB);
}

TEST(ObjectTable, SaysWhenMemoryIsFullAndGoesOnAfterATombstone) {
  const auto segment = make_segment(2, 1_MiB + 512_KiB);
  ObjectTable owner(segment, 0, {0, 1});
  std::vector<Key> keys;
  for (;;) {
    const auto key = owner.publish({.store = store});
    if (!key) {
      EXPECT_EQ(key.error().code(), Errc::out_of_memory);
      EXPECT_NE(key.error().text().find("asked for 1048576 bytes"), std::string::npos) << key.error();
      break;
    }
    keys.push_back(*key);
  }
  EXPECT_EQ(keys.size(), 1_MiB / sizeof(Entry));
  EXPECT_EQ(code(owner.publish({.store = store})), Errc::out_of_memory) << "and again";
  for (const Key& key : keys) {
    const auto pin = owner.try_pin(key);
    ASSERT_TRUE(pin);
    owner.release(pin->id);
  }
  EXPECT_TRUE(owner.tombstone(keys[17]));
  std::vector<ObjectRecord> dead;
  (void)tests::collect_into(owner, dead, Effort::amortised);
  EXPECT_EQ(dead.size(), 1U);
  EXPECT_TRUE(owner.publish({.store = store}));
}

}  // namespace
}  // namespace locum::shm::object_table_test
