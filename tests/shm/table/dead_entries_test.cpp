#include "shm/table/dead_entries.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "shm/segment/entry_tag.hpp"
#include "tests/shm/player.hpp"

namespace locum::shm::dead_entries_test {
namespace {

using tests::make_segment;
using tests::Player;

constexpr std::uint32_t store = 7;
constexpr std::uint32_t dead = 1;
constexpr std::uint32_t living = 2;

class DeadEntriesTest : public testing::Test {
 protected:
  std::shared_ptr<Segment> segment_ = make_segment(3);
  Player owner_{segment_, 0, 1_MiB};
  Player reader_{segment_, living, 0};
  Entries entries_{*segment_, 0};
  DeadEntries known_{entries_};

  DeadEntriesTest() {
    for (std::uint64_t i = 0; i < 4; ++i) {
      (void)owner_.publish(store, {}, i).value();
    }
    known_.reserve(entries_.committed());
  }
  void tombstone(std::uint32_t slot, std::uint32_t by) const {
    entries_[slot].tag.store(tombstone_tag(1, by));
  }
  /// Returned slots.
  std::vector<std::uint32_t> collected() {
    std::vector<ObjectRecord> records;
    std::vector<std::uint32_t> slots;
    known_.collect(records, slots, Effort::amortised);
    EXPECT_EQ(records.size(), slots.size());
    return slots;
  }
};

TEST_F(DeadEntriesTest, RecoversWhatTheDeadTombstonedAndNothingElse) {
  tombstone(0, dead);
  tombstone(1, living);  // after the slots were found: reused, and about to be handed back
  const std::array<std::uint32_t, 4> slots{0, 1, 2, 0};
  known_.recover(dead, slots);
  EXPECT_EQ(known_.size(), 1U);
  EXPECT_EQ(collected(), std::vector<std::uint32_t>{0});
  known_.recover(dead, slots);
  EXPECT_TRUE(collected().empty()) << "it is free";
  EXPECT_EQ(state_of(entries_[1].tag.load()), EntryState::tombstone);
  EXPECT_EQ(state_of(entries_[2].tag.load()), EntryState::live);
}

TEST_F(DeadEntriesTest, KnowsOnceWhatWasHandedBackAndFoundToo) {
  EXPECT_TRUE(reader_.objects->tombstone({store, Player::first_rank, std::uint64_t{1} << 32U}));
  const Pin pin = reader_.objects->pin({store, Player::first_rank, (std::uint64_t{1} << 32U) | 1U}).value();
  tombstone(1, dead);
  const std::array<std::uint32_t, 2> slots{0, 1};
  known_.adopt(slots);
  known_.recover(dead, slots);
  EXPECT_EQ(collected(), std::vector<std::uint32_t>{0});
  EXPECT_EQ(known_.pinned().objects, 1U);
  EXPECT_EQ(known_.pinned().bytes, pin.record->block_bytes());
  known_.recover(dead, slots);
  EXPECT_TRUE(collected().empty());
  reader_.objects->release(pin.id);
  EXPECT_EQ(collected(), std::vector<std::uint32_t>{1});
  EXPECT_EQ(known_.size(), 0U);
  EXPECT_EQ(known_.pinned().objects, 0U);
  EXPECT_EQ(known_.pinned().bytes, 0U);
}

// Found by an adopter before a living process pushed it; and freed before that.
TEST_F(DeadEntriesTest, PassesOverWhatIsHandedBackAfterItWasFreed) {
  tombstone(3, living);
  const std::array<std::uint32_t, 1> slots{3};
  known_.adopt(slots);
  EXPECT_EQ(collected(), std::vector<std::uint32_t>{3});
  EXPECT_TRUE(reader_.objects->tombstone({store, Player::first_rank, std::uint64_t{1} << 32U}));
  entries_[3].record.link = segment_->share(0).retired.exchange(4);
  EXPECT_EQ(collected(), std::vector<std::uint32_t>{0});
  EXPECT_EQ(known_.size(), 0U);
}

}  // namespace
}  // namespace locum::shm::dead_entries_test
