#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <new>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "shm/entry_tag.hpp"
#include "shm/name_table.hpp"
#include "shm/object_table.hpp"
#include "tests/shm/child.hpp"
#include "tests/shm/player.hpp"
#include "tests/shm/sanitized.hpp"

// A process dies, and others take over what it had: its objects live on, its pins do not, and nothing that is
// dead stays lost. Processes of node rank 0 are forked and really die, in the middle of what they do.
namespace locum::shm {
namespace {

using std::chrono::seconds;
using tests::code;
using tests::Ending;
using tests::in_child;
using tests::make_segment;
using tests::Player;

constexpr std::uint32_t store = 7;
constexpr std::uint32_t dead = 0;

class AdoptionTest : public testing::Test {
 protected:
  std::shared_ptr<Segment> segment_ = make_segment(4);
  Player survivor_{segment_, 1, 1_MiB};
  Player witness_{segment_, 2, 1_MiB};
  Player next_{segment_, 3, 1_MiB};

  AdoptionTest() { segment_->commit(segment_->geometry().arena_offset(dead), 1_MiB).value(); }

  /// A process of node rank `rank` that does this and dies.
  void dies(const std::function<void(Player&)>& body, std::uint32_t rank = dead) {
    const Ending ending = in_child([&] {
      Player player(segment_, rank, 0);
      body(player);
      ::_exit(77);
      return std::string();
    });
    ASSERT_EQ(ending.exit_code, 77) << ending.said;
  }
  [[nodiscard]] Entry& entry(std::uint32_t slot) const {
    return reinterpret_cast<Entry*>(segment_->base() + segment_->geometry().entries_offset(dead))[slot];
  }
  [[nodiscard]] static Key key_of(std::uint32_t slot, std::uint32_t rank = dead) {
    return {store, Player::first_rank + rank, (std::uint64_t{1} << 32U) | slot};
  }
  /// The first step of a tombstone, and no more: the process dies before it hands the entry back.
  static void mark(const Player& by, const Key& key, std::uint32_t rank) {
    auto* word = by.objects->generation(key);
    ASSERT_NE(word, nullptr);
    Word64& tag =
        reinterpret_cast<Entry*>(reinterpret_cast<std::byte*>(word) - offsetof(Entry, generation))->tag;
    tag.store(tombstone_tag(sequence_of(key.serial), rank));
  }
  [[nodiscard]] bool is_live(const Key& key) {
    const auto pin = witness_.objects->try_pin(key);
    if (pin) {
      witness_.objects->release(pin->id);
    }
    return pin.has_value();
  }
  /// Puts "x", of word 1, and dies while it binds another object, of word 2, with this step in its intent.
  void dies_binding(Intent::Step step) {
    (void)survivor_.put(store, "x", 1).value();
    dies([&](Player& dying) {
      const std::uint64_t hash = name_hash(store, "x");
      const DirectoryShard shard(*segment_, shard_index(hash));
      const Key key = dying.publish(store, "x", 2).value();
      const Pin old = dying.names->find(store, "x").value();
      dying.objects->release(old.id);
      const RobustLock lock(shard.state().lock, Deadline::Clock::now() + seconds(10));
      Intent& intent = shard.state().intent;
      (void)shard.visit_chain(hash, [&](std::uint32_t at) { return intent.record = at, true; });
      intent.hash = hash;
      intent.generation = 1'000;
      intent.old_object = old.key.serial;
      intent.old_creator = old.key.creator;
      intent.new_creator = key.creator;
      intent.new_object = key.serial;
      intent.step.store(static_cast<std::uint32_t>(step));
      ::_exit(77);
    });
  }
  static std::vector<ObjectRecord> collected(const Player& player, Effort effort = Effort::thorough) {
    std::vector<ObjectRecord> records;
    (void)player.objects->collect(records, effort);
    return records;
  }
  static Owned owned(const Player& player) {
    std::vector<ObjectRecord> records;
    const Owned owned = player.objects->collect(records, Effort::thorough);
    EXPECT_TRUE(records.empty());
    return owned;
  }
};

TEST_F(AdoptionTest, KeepsWhatWasSealedAndTellsItsBlocks) {
  (void)survivor_.publish(store).value();
  dies([](Player& dying) {
    (void)dying.publish(store, {}, 40).value();
    (void)dying.put(store, "named", 41).value();
    const Key evicted = dying.publish(store, {}, 42).value();
    EXPECT_TRUE(dying.objects->tombstone(evicted));
  });
  std::vector<Block> used = survivor_.adopt(dead);
  ASSERT_EQ(used.size(), 3U) << "live and dead ones";
  for (std::uint32_t slot = 0; slot < 3; ++slot) {
    EXPECT_EQ(used[slot].offset, entry(slot).record.offset);
    EXPECT_EQ(used[slot].size_bytes, entry(slot).record.block_bytes());
  }
  EXPECT_EQ(witness_.get(store, "named").value(), 41U);
  const Pin pin = witness_.objects->pin(key_of(0)).value();
  EXPECT_EQ(witness_.word(pin), 40U);
  witness_.objects->release(pin.id);

  const std::vector<ObjectRecord> back = collected(survivor_, Effort::amortised);
  ASSERT_EQ(back.size(), 1U);
  EXPECT_EQ(back[0].offset, used[2].offset);
  EXPECT_EQ(owned(survivor_).live, 3U) << "one of its own, two adopted";
  EXPECT_TRUE(collected(witness_).empty());
}

TEST_F(AdoptionTest, EvictsAndDropsWhatItAdopted) {
  dies([](Player& dying) {
    for (std::uint64_t i = 0; i < 10; ++i) {
      (void)dying.publish(i < 8 ? store : store + 1, {}, i).value();
    }
  });
  EXPECT_TRUE(survivor_.objects->owned(store).empty());
  EXPECT_EQ(survivor_.adopt(dead).size(), 10U);
  const Key own = survivor_.publish(store).value();
  std::vector<Key> keys = survivor_.objects->owned(store);
  ASSERT_EQ(keys.size(), 9U);
  EXPECT_EQ(std::count(keys.begin(), keys.end(), own), 1);
  EXPECT_TRUE(witness_.objects->owned(store).empty());
  for (const Key& key : keys) {
    EXPECT_TRUE(witness_.objects->tombstone(key));
  }
  EXPECT_EQ(collected(survivor_, Effort::amortised).size(), 9U);
  EXPECT_EQ(owned(survivor_).live, 2U);
  // Nothing new comes where the dead process was.
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(survivor_.publish(store).value().creator, Player::first_rank + 1);
  }
  EXPECT_EQ(state_of(entry(0).tag.load()), EntryState::free);
}

TEST_F(AdoptionTest, TakesOutOfSightWhatNeverGotItsName) {
  (void)survivor_.put(store, "taken", 1).value();
  dies([](Player& dying) {
    (void)dying.publish(store, "never bound", 2).value();
    EXPECT_EQ(code(dying.names->bind(dying.publish(store, "taken", 3).value(), {})), Errc::key_exists);
    (void)dying.put(store, "bound", 4).value();
    (void)dying.publish(store, {}, 5).value();
  });
  EXPECT_TRUE(is_live(key_of(0)));
  EXPECT_EQ(survivor_.adopt(dead).size(), 4U);
  EXPECT_FALSE(is_live(key_of(0)));
  EXPECT_FALSE(is_live(key_of(1)));
  EXPECT_EQ(witness_.get(store, "taken").value(), 1U);
  EXPECT_EQ(witness_.get(store, "bound").value(), 4U);
  EXPECT_EQ(survivor_.objects->owned(store).size(), 3U);
  EXPECT_EQ(collected(survivor_).size(), 2U);
  (void)survivor_.put(store, "never bound", 6).value();
}

// Another node may have bound it: whoever adopts asks there, and does as that one says.
TEST_F(AdoptionTest, KeepsWhatAnotherNodeWasAskedToBind) {
  dies([](Player& dying) {
    dying.objects->set_generation(dying.publish(store, "elsewhere", 1).value(), generation_asked_for);
    dying.objects->set_generation(dying.publish(store, "bound elsewhere", 2).value(), 7);
    const Key gone = dying.publish(store, "gone", 3).value();
    dying.objects->set_generation(gone, generation_asked_for);
    EXPECT_TRUE(dying.objects->tombstone(gone));
  });
  EXPECT_TRUE(survivor_.objects->unsettled().empty()) << "nobody has adopted it yet";
  EXPECT_EQ(survivor_.adopt(dead).size(), 3U);
  EXPECT_EQ(survivor_.objects->unsettled(), std::vector<Key>{key_of(0)});
  EXPECT_TRUE(witness_.objects->unsettled().empty()) << "it is another one's";
  EXPECT_TRUE(is_live(key_of(0)));
  survivor_.objects->set_generation(key_of(0), 8);
  EXPECT_TRUE(survivor_.objects->unsettled().empty());
  EXPECT_EQ(collected(survivor_).size(), 1U);
  EXPECT_EQ(owned(survivor_).live, 2U);
}

// The intent is whole when the process dies, and nobody has finished it yet when its share is adopted: as if
// another survivor had inherited the shard's lock and were at it. The object is left to that one.
TEST_F(AdoptionTest, LeavesWhatAnotherIsAboutToBind) {
  dies_binding(Intent::Step::replace);
  EXPECT_EQ(survivor_.adopt_only(dead).size(), 1U);
  EXPECT_TRUE(is_live(key_of(0)));
  EXPECT_EQ(witness_.get(store, "x").value(), 1U);
  witness_.names->repair();
  EXPECT_EQ(witness_.get(store, "x").value(), 2U);
  EXPECT_EQ(collected(survivor_).size(), 1U) << "its own, replaced by the adopted one";
  EXPECT_EQ(owned(survivor_).live, 1U);
}

TEST_F(AdoptionTest, GivesUpWhatAnIntentNamesThatIsNoBinding) {
  dies_binding(Intent::Step::none);
  EXPECT_EQ(survivor_.adopt_only(dead).size(), 1U);
  EXPECT_FALSE(is_live(key_of(0)));
  witness_.names->repair();
  EXPECT_EQ(witness_.get(store, "x").value(), 1U);
}

TEST_F(AdoptionTest, GivesUpWhatALaterRemovalLeavesInTheIntent) {
  dies_binding(Intent::Step::remove);
  EXPECT_EQ(survivor_.adopt_only(dead).size(), 1U);
  EXPECT_FALSE(is_live(key_of(0)));
  witness_.names->repair();
  EXPECT_EQ(code(witness_.names->find(store, "x")), Errc::not_found);
}

TEST_F(AdoptionTest, DropsThePinsOfTheDeadInAllShares) {
  const Key mine = survivor_.publish(store).value();
  const Key theirs = witness_.publish(store).value();
  const Key own = [&] {
    dies([&](Player& dying) {
      const Key key = dying.publish(store).value();
      for (const Key& each : {mine, theirs, key}) {
        (void)dying.objects->pin(each).value();
      }
      (void)dying.objects->pin(mine).value();
    });
    return key_of(0);
  }();
  const Pin living = witness_.objects->pin(mine).value();
  for (const Key& each : {mine, theirs}) {
    EXPECT_TRUE(survivor_.objects->tombstone(each));
  }
  EXPECT_TRUE(collected(survivor_).empty());
  EXPECT_TRUE(collected(witness_).empty());
  (void)survivor_.adopt(dead);
  EXPECT_TRUE(survivor_.objects->tombstone(own));
  EXPECT_EQ(collected(witness_).size(), 1U);
  EXPECT_EQ(collected(survivor_).size(), 1U) << "the adopted one; its own is still viewed by the living";
  witness_.objects->release(living.id);
  EXPECT_EQ(collected(survivor_).size(), 1U);
}

TEST_F(AdoptionTest, KeepsWhatTheLivingViewOfTheDead) {
  dies([](Player& dying) { (void)dying.publish(store, {}, 42).value(); });
  const Pin pin = witness_.objects->pin(key_of(0)).value();
  (void)survivor_.adopt(dead);
  EXPECT_TRUE(survivor_.objects->tombstone(key_of(0)));
  const Owned kept = owned(survivor_);
  EXPECT_EQ(kept.live, 0U);
  EXPECT_EQ(kept.pinned.objects, 1U);
  EXPECT_EQ(kept.pinned.bytes, pin.record->block_bytes());
  EXPECT_EQ(witness_.word(pin), 42U);
  witness_.objects->release(pin.id);
  EXPECT_EQ(collected(survivor_, Effort::amortised).size(), 1U);
}

TEST_F(AdoptionTest, FindsWhatTheDeadTookOutOfSightAndDidNotHandBack) {
  std::vector<Key> keys;
  for (int i = 0; i < 6; ++i) {
    keys.push_back(survivor_.publish(store).value());
  }
  const Pin pin = witness_.objects->pin(keys[4]).value();
  dies([&](Player& dying) {
    EXPECT_TRUE(dying.objects->tombstone(keys[0]));  // handed back
    EXPECT_TRUE(dying.objects->tombstone(keys[4]));  // too, and pinned
    mark(dying, keys[1], dead);
    mark(dying, keys[2], dead);
  });
  EXPECT_EQ(collected(survivor_).size(), 1U);
  mark(witness_, keys[3], 2);  // a living process, about to hand it back
  for (int times = 0; times < 2; ++times) {
    survivor_.objects->recover(dead);
    witness_.objects->recover(dead);
  }
  EXPECT_EQ(collected(survivor_, Effort::amortised).size(), 2U);
  Owned left = owned(survivor_);
  EXPECT_EQ(left.live, 2U) << "one that lives, one in the hand of the living";
  EXPECT_EQ(left.pinned.objects, 1U);
  witness_.objects->release(pin.id);
  EXPECT_EQ(collected(survivor_).size(), 1U);
  survivor_.objects->recover(2);  // as if that one had died as well
  EXPECT_EQ(collected(survivor_).size(), 1U);
}

TEST_F(AdoptionTest, PassesOverWhatIsHandedBackAfterItWasFound) {
  dies([](Player& dying) {
    (void)dying.publish(store, {}, 1).value();
    (void)dying.publish(store, {}, 2).value();
    EXPECT_TRUE(dying.objects->tombstone(dying.publish(store, {}, 3).value()));
  });
  mark(witness_, key_of(0), 2);
  EXPECT_EQ(survivor_.adopt(dead).size(), 3U);
  EXPECT_EQ(collected(survivor_).size(), 2U) << "the one in the living's hand, and the one on the stack";
  // Now it is pushed.
  entry(0).record.link = segment_->share(dead).retired.exchange(1);
  EXPECT_TRUE(witness_.objects->tombstone(key_of(1)));
  EXPECT_EQ(collected(survivor_).size(), 1U);
  const Owned left = owned(survivor_);
  EXPECT_EQ(left.live + left.pinned.objects, 0U);
}

// What it takes for the look that costs nothing, when nothing of its own is dead.
TEST_F(AdoptionTest, MeetsWhatBecomesDeadLater) {
  const Key own = survivor_.publish(store).value();
  dies([&](Player& dying) {
    (void)dying.publish(store).value();
    mark(dying, own, dead);
  });
  survivor_.objects->recover(dead);
  EXPECT_EQ(collected(survivor_, Effort::amortised).size(), 1U) << "of its own, recovered";
  EXPECT_EQ(survivor_.adopt_only(dead).size(), 1U);
  EXPECT_TRUE(collected(survivor_, Effort::amortised).empty());
  EXPECT_TRUE(witness_.objects->tombstone(key_of(0)));
  EXPECT_EQ(collected(survivor_, Effort::amortised).size(), 1U) << "adopted, evicted since";
}

TEST_F(AdoptionTest, FindsWhatALaterDeathLeftInAnAdoptedShare) {
  dies([](Player& dying) { (void)dying.publish(store).value(); });
  EXPECT_EQ(survivor_.adopt(dead).size(), 1U);
  dies([](Player& dying) { mark(dying, key_of(0), 3); }, 3);
  EXPECT_TRUE(collected(survivor_).empty());
  survivor_.objects->recover(3);
  EXPECT_EQ(collected(survivor_, Effort::amortised).size(), 1U);
}

TEST_F(AdoptionTest, IsAdoptedAgainWhenTheAdopterDies) {
  dies([](Player& dying) {
    (void)dying.publish(store, {}, 40).value();
    (void)dying.publish(store, "never bound", 41).value();
    EXPECT_TRUE(dying.objects->tombstone(dying.publish(store, {}, 42).value()));
    (void)dying.publish(store, {}, 43).value();
    (void)dying.publish(store, {}, 44).value();
  });
  dies(
      [&](Player& adopter) {
        EXPECT_EQ(adopter.adopt(dead).size(), 5U);
        EXPECT_EQ(collected(adopter).size(), 2U);
        (void)adopter.objects->pin(key_of(0)).value();
        EXPECT_TRUE(adopter.objects->tombstone(key_of(3)));
        mark(adopter, key_of(4), 3);
      },
      3);
  std::vector<Block> used = survivor_.adopt(3);
  EXPECT_TRUE(used.empty());
  used = survivor_.adopt(dead);
  EXPECT_EQ(used.size(), 3U);
  EXPECT_EQ(collected(survivor_).size(), 2U);
  EXPECT_TRUE(witness_.objects->tombstone(key_of(0))) << "it lived on";
  EXPECT_EQ(collected(survivor_).size(), 1U) << "pinned by nobody that lives";
  EXPECT_EQ(owned(survivor_).live, 0U);
}

TEST_F(AdoptionTest, DoesNothingWhenItIsDoneAgain) {
  dies([](Player& dying) {
    (void)dying.publish(store).value();
    EXPECT_TRUE(dying.objects->tombstone(dying.publish(store).value()));
  });
  const Error full(Errc::out_of_memory, "no memory for the books");
  EXPECT_EQ(code(survivor_.objects->adopt(dead, [&](const auto& /*used*/) { return full; })), full.code());
  EXPECT_TRUE(collected(survivor_).empty()) << "nothing before its memory is taken over";
  EXPECT_EQ(owned(survivor_).live, 0U);
  EXPECT_EQ(survivor_.adopt(dead).size(), 2U);
  EXPECT_TRUE(survivor_.adopt(dead).empty()) << "not told twice";
  EXPECT_EQ(collected(survivor_).size(), 1U);
  EXPECT_EQ(owned(survivor_).live, 1U);
}

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

TEST_F(AdoptionTest, RepairsTheDirectoryWithoutAWriter) {
  const std::uint64_t hash = name_hash(store, "x");
  Shard& shard = segment_->shard(shard_index(hash));
  (void)survivor_.put(store, "x", 1).value();
  Shard& living = segment_->shard((shard_index(hash) + 1) % shard_count);
  dies([&](Player& /*dying*/) {
    const RobustLock lock(shard.lock, Deadline::Clock::now() + seconds(10));
    shard.sequence.fetch_add(1);
    shard.free_record.store(~0U);
    ::_exit(77);
  });
  const RobustLock held(living.lock, Deadline::Clock::now() + seconds(10));
  const std::uint32_t seen = shard.published.load();
  const auto start = Deadline::Clock::now();
  std::thread([&] { survivor_.names->repair(); }).join();  // a thread that does not hold the lock
  EXPECT_LT(Deadline::Clock::now() - start, seconds(5)) << "waits for nobody";
  EXPECT_EQ(shard.sequence.load() % 2, 0U);
  EXPECT_EQ(shard.free_record.load(), 0U);
  EXPECT_NE(shard.published.load(), seen);
  EXPECT_NE(living.published.load(), 0U) << "sleepers of every shard are woken";
  EXPECT_EQ(witness_.get(store, "x").value(), 1U);
}

// The dead process had linked the name and taken the flag, but woke nobody.
TEST_F(AdoptionTest, WakesThoseWhomTheDeadDidNot) {
  Shard& shard = segment_->shard(shard_index(name_hash(store, "x")));
  std::thread waiter([&] {
    const auto pin = witness_.names->wait(store, "x", Deadline::Clock::now() + seconds(20));
    ASSERT_TRUE(pin) << pin.error();
    EXPECT_EQ(witness_.word(*pin), 1U);
    witness_.objects->release(pin->id);
  });
  const auto start = Deadline::Clock::now();
  while (shard.waiting.load() == 0) {
    std::this_thread::yield();
  }
  dies([&](Player& dying) {
    shard.waiting.store(0);
    (void)dying.put(store, "x", 1).value();  // sees no flag
  });
  (void)survivor_.adopt(dead);
  waiter.join();
  EXPECT_LT(Deadline::Clock::now() - start, seconds(10));
}

}  // namespace
}  // namespace locum::shm
