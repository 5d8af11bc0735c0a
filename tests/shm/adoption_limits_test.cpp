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

// An adopter without memory of its own, and dead processes whose tables are not what they should be.
namespace locum::shm {
namespace {

using tests::AdoptionTest;
using tests::Ending;
using tests::in_child;
using tests::Player;

/// While it lives, the process gets no memory but a few small pieces.
class Starved {
 public:
  Starved() {
    ::getrlimit(RLIMIT_AS, &before_);
    std::array<void*, 128> small{};
    for (std::size_t at = 0; at < small.size(); ++at) {
      small[at] = std::malloc(16 + 16 * (at / 4));
    }
    rlimit none = before_;
    none.rlim_cur = 0;
    ::setrlimit(RLIMIT_AS, &none);
    for (std::size_t size_bytes = std::size_t{1} << 20U; size_bytes >= 1024; size_bytes /= 2) {
      while (count_ < taken_.size() && (taken_[count_] = std::malloc(size_bytes)) != nullptr) {
        ++count_;
      }
    }
    std::ranges::for_each(small, std::free);
  }
  Starved(const Starved&) = delete;
  Starved& operator=(const Starved&) = delete;
  ~Starved() {
    ::setrlimit(RLIMIT_AS, &before_);
    std::for_each_n(taken_.begin(), count_, std::free);
  }

 private:
  rlimit before_{};
  std::array<void*, 8192> taken_{};
  std::size_t count_ = 0;
};

// What the watch does again must find the entries, though the first time came as far as it could.
TEST_F(AdoptionTest, LosesNothingWhereTheAdopterHasNoMemoryOfItsOwn) {
  if (tests::sanitized) {
    GTEST_SKIP() << "a sanitizer takes address space of its own";
  }
  constexpr std::size_t objects = 50'000;
  dies([](Player& dying) {
    for (std::size_t i = 0; i < objects; ++i) {
      mark(dying, dying.publish(store).value(), dead);
    }
  });
  const Ending ending = in_child([&] {
    std::optional<Starved> starved;
    EXPECT_THROW(static_cast<void>(survivor_.objects->adopt(dead,
                                                            [&](const auto& /*used*/) {
                                                              starved.emplace();
                                                              return Result<void>();
                                                            })),
                 std::bad_alloc);
    starved.reset();
    (void)survivor_.adopt_only(dead);
    return std::to_string(collected(survivor_).size());
  });
  EXPECT_EQ(ending.exit_code, 0);
  EXPECT_EQ(ending.said, std::to_string(objects));
}

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

// What is not in the books of whoever adopts goes back to the system, under the views of those who look at
// it.
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
    EXPECT_EQ(adopters.back()->adopt(dead).size(), many) << "told that there are " << count;
    adopters.pop_back();
    EXPECT_EQ(segment_->committed_bytes(), committed) << "told that there are " << count;
    EXPECT_TRUE(is_live(key_of(many - 1)));
    EXPECT_FALSE(is_live(key_of(50'000))) << "no such entry";
    EXPECT_EQ(segment_->committed_bytes(), committed) << "told that there are " << count;
  }
}

}  // namespace
}  // namespace locum::shm
