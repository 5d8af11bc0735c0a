#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "shm/names/name_table.hpp"
#include "shm/segment/entry_tag.hpp"
#include "shm/table/object_table.hpp"
#include "tests/shm/adoption_scene.hpp"
#include "tests/shm/player.hpp"

// After a process dies its objects live on, its pins are cleared, and its dead entries are recovered.
namespace locum::shm {
namespace {

using std::chrono::seconds;
using tests::AdoptionTest;
using tests::code;
using tests::Player;

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
  EXPECT_TRUE(survivor_.objects->keys(store, Whose::own).empty());
  EXPECT_EQ(survivor_.adopt(dead).size(), 10U);
  const Key own = survivor_.publish(store).value();
  std::vector<Key> keys = survivor_.objects->keys(store, Whose::own);
  ASSERT_EQ(keys.size(), 9U);
  EXPECT_EQ(std::count(keys.begin(), keys.end(), own), 1);
  EXPECT_TRUE(witness_.objects->keys(store, Whose::own).empty());
  for (const Key& key : keys) {
    EXPECT_TRUE(witness_.objects->tombstone(key));
  }
  EXPECT_EQ(collected(survivor_, Effort::amortised).size(), 9U);
  EXPECT_EQ(owned(survivor_).live, 2U);
  // Nothing new is published in the dead process's share.
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
  EXPECT_EQ(survivor_.objects->keys(store, Whose::own).size(), 3U);
  EXPECT_EQ(collected(survivor_).size(), 2U);
  (void)survivor_.put(store, "never bound", 6).value();
}

// Another node may have bound it: the adopter asks there, and acts on the reply.
TEST_F(AdoptionTest, KeepsWhatAnotherNodeWasAskedToBind) {
  dies([](Player& dying) {
    dying.objects->set_generation(dying.publish(store, "elsewhere", 1).value(), generation_asked_for);
    dying.objects->set_generation(dying.publish(store, "bound elsewhere", 2).value(), 7);
    const Key gone = dying.publish(store, "gone", 3).value();
    dying.objects->set_generation(gone, generation_asked_for);
    EXPECT_TRUE(dying.objects->tombstone(gone));
  });
  EXPECT_TRUE(survivor_.objects->own_keys(Having::unsettled_name).empty()) << "not adopted yet";
  EXPECT_EQ(survivor_.adopt(dead).size(), 3U);
  EXPECT_EQ(survivor_.objects->own_keys(Having::unsettled_name), std::vector<Key>{key_of(0)});
  EXPECT_TRUE(witness_.objects->own_keys(Having::unsettled_name).empty()) << "another process owns it";
  EXPECT_TRUE(is_live(key_of(0)));
  survivor_.objects->set_generation(key_of(0), 8);
  EXPECT_TRUE(survivor_.objects->own_keys(Having::unsettled_name).empty());
  EXPECT_EQ(collected(survivor_).size(), 1U);
  EXPECT_EQ(owned(survivor_).live, 2U);
}

// The intent is complete when the process dies, and not finished yet when its share is adopted: as if another
// survivor had inherited the shard's lock and were finishing it. The object is left to that process.
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
  EXPECT_EQ(collected(survivor_).size(), 1U)
      << "the adopted one; its own still has a view of a living process";
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
  EXPECT_EQ(left.live, 2U) << "one is live, one is about to be handed back by a living process";
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
  EXPECT_EQ(collected(survivor_).size(), 2U)
      << "the one to be handed back by a living process, and the one on the stack";
  // Now it is pushed.
  entry(0).record.link = segment_->share(dead).retired.exchange(1);
  EXPECT_TRUE(witness_.objects->tombstone(key_of(1)));
  EXPECT_EQ(collected(survivor_).size(), 1U);
  const Owned left = owned(survivor_);
  EXPECT_EQ(left.live + left.pinned.objects, 0U);
}

// Uses the check that costs nothing if none of its own entries is dead.
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
  EXPECT_EQ(collected(survivor_).size(), 1U) << "no living process has a pin";
  EXPECT_EQ(owned(survivor_).live, 0U);
}

TEST_F(AdoptionTest, DoesNothingWhenItIsDoneAgain) {
  dies([](Player& dying) {
    (void)dying.publish(store).value();
    EXPECT_TRUE(dying.objects->tombstone(dying.publish(store).value()));
  });
  const Error full(Errc::out_of_memory, "no memory for the books");
  EXPECT_EQ(code(survivor_.objects->adopt(dead, [&](const auto& /*used*/) { return full; })), full.code());
  EXPECT_TRUE(collected(survivor_).empty()) << "nothing is collected before its memory is taken over";
  EXPECT_EQ(owned(survivor_).live, 0U);
  EXPECT_EQ(survivor_.adopt(dead).size(), 2U);
  EXPECT_TRUE(survivor_.adopt(dead).empty()) << "blocks are reported once";
  EXPECT_EQ(collected(survivor_).size(), 1U);
  EXPECT_EQ(owned(survivor_).live, 1U);
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
  EXPECT_LT(Deadline::Clock::now() - start, seconds(5)) << "does not wait";
  EXPECT_EQ(shard.sequence.load() % 2, 0U);
  EXPECT_EQ(shard.free_record.load(), 0U);
  EXPECT_NE(shard.published.load(), seen);
  EXPECT_NE(living.published.load(), 0U) << "sleepers of every shard are woken";
  EXPECT_EQ(witness_.get(store, "x").value(), 1U);
}

// The dead process had linked the name and taken the flag, but not woken the waiters.
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
