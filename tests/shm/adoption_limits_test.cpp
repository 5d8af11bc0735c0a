#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "shm/table/object_table.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/shm/adoption_scene.hpp"
#include "tests/shm/child.hpp"
#include "tests/shm/player.hpp"

// Dead processes with damaged tables.
namespace locum::shm {
namespace {

using tests::AdoptionTest;
using tests::Ending;
using tests::in_child;
using tests::Player;

TEST_F(AdoptionTest, LeavesOutWhatLeadsOutOfTheArena) {
  dies([&](Player& dying) {
    const std::uint64_t begin = segment_->geometry().arena_offset(dead);
    const std::uint64_t bytes = segment_->geometry().arena_bytes;
    (void)dying.publish(store).value();
    for (const ObjectRecord& record :
         {ObjectRecord{.offset = begin - 1}, ObjectRecord{.offset = begin + bytes},
          ObjectRecord{.offset = begin + bytes - 8, .size_bytes = 8}, ObjectRecord{.offset = ~0ULL},
          ObjectRecord{.offset = begin, .size_bytes = ~0ULL},
          ObjectRecord{.offset = begin, .size_bytes = bytes}, ObjectRecord{.offset = 0}}) {
      (void)dying.objects->publish(record).value();
    }
    (void)dying.objects->publish({.offset = begin + bytes - 12, .size_bytes = 8}).value();
  });
  const std::vector<Block> used = survivor_.adopt(dead);
  ASSERT_EQ(used.size(), 2U);
  EXPECT_EQ(used[1].offset, segment_->geometry().arena_offset(dead) + segment_->geometry().arena_bytes - 12);
}

TEST_F(AdoptionTest, GivesBackWhatWasCommittedForMoreEntriesAndNeverShown) {
  dies([](Player& dying) { (void)dying.publish(store).value(); });
  const std::uint64_t before = segment_->committed_bytes();
  dies([&](Player& /*dying*/) {
    const Geometry& geometry = segment_->geometry();
    segment_->commit(geometry.entries_offset(dead) + 64_KiB, 64_KiB).value();
    segment_->commit(geometry.pins_offset(dead) + 4_KiB, 4_KiB).value();
  });
  EXPECT_EQ(segment_->committed_bytes(), before + 68_KiB);
  EXPECT_EQ(survivor_.adopt(dead).size(), 1U);
  EXPECT_EQ(segment_->committed_bytes(), before);
  EXPECT_TRUE(is_live(key_of(0)));
}

// Memory that the adopter does not know of returns to the system, while others may have views of it.
TEST_F(AdoptionTest, MissesNothingWhereTheCountOfEntriesWasOverwritten) {
  constexpr std::uint32_t many = 130;  // three pages of them
  dies([](Player& dying) {
    for (std::uint64_t value = 0; value < many; ++value) {
      (void)dying.publish(store, {}, value).value();
    }
  });
  const std::uint64_t told = segment_->share(dead).entries.load();
  const std::uint64_t committed = segment_->committed_bytes();
  std::vector<Player*> adopters{&survivor_, &next_};
  for (const std::uint64_t count : {std::uint64_t{1}, Entries::most(segment_->geometry())}) {
    segment_->share(dead).entries.store((told >> 32U << 32U) | count);
    EXPECT_EQ(adopters.back()->adopt(dead).size(), many) << "the entry count says " << count;
    adopters.pop_back();
    EXPECT_EQ(segment_->committed_bytes(), committed) << "the entry count says " << count;
    EXPECT_TRUE(is_live(key_of(many - 1)));
    EXPECT_FALSE(is_live(key_of(50'000))) << "no such entry";
    EXPECT_EQ(segment_->committed_bytes(), committed) << "the entry count says " << count;
  }
}

}  // namespace
}  // namespace locum::shm
