#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "shm/names/directory_shard.hpp"
#include "shm/segment/entry_tag.hpp"
#include "shm/segment/robust_lock.hpp"
#include "shm/table/object_table.hpp"
#include "tests/core/collect_into.hpp"
#include "tests/shm/child.hpp"
#include "tests/shm/player.hpp"

namespace locum::tests {

/// A process dies, and others adopt it. Processes of node rank 0 are forked and really die, in the middle of
/// their work; the others are players.
class AdoptionTest : public testing::Test {
 protected:
  static constexpr std::uint32_t store = 7;
  static constexpr std::uint32_t dead = 0;

  std::shared_ptr<shm::Segment> segment_ = make_segment(4);
  Player survivor_{segment_, 1, 1_MiB};
  Player witness_{segment_, 2, 1_MiB};
  Player next_{segment_, 3, 1_MiB};

  AdoptionTest() { segment_->commit(segment_->geometry().arena_offset(dead), 1_MiB).value(); }

  /// A forked process of node rank `rank` that runs this and dies.
  void dies(const std::function<void(Player&)>& body, std::uint32_t rank = dead) {
    const Ending ending = in_child([&] {
      Player player(segment_, rank, 0);
      body(player);
      ::_exit(77);
      return std::string();
    });
    ASSERT_EQ(ending.exit_code, 77) << ending.said;
  }
  [[nodiscard]] shm::Entry& entry(std::uint32_t slot) const {
    return reinterpret_cast<shm::Entry*>(segment_->base() + segment_->geometry().entries_offset(dead))[slot];
  }
  [[nodiscard]] static Key key_of(std::uint32_t slot, std::uint32_t rank = dead) {
    return {store, Player::first_rank + rank, (std::uint64_t{1} << 32U) | slot};
  }
  /// The first step of a tombstone only: the process dies before it hands the entry back.
  static void mark(const Player& by, const Key& key, std::uint32_t rank) {
    auto* word = by.objects->generation(key);
    ASSERT_NE(word, nullptr);
    shm::Word64& tag =
        reinterpret_cast<shm::Entry*>(reinterpret_cast<std::byte*>(word) - offsetof(shm::Entry, generation))
            ->tag;
    tag.store(shm::tombstone_tag(shm::sequence_of(key.serial), rank));
  }
  [[nodiscard]] bool is_live(const Key& key) {
    const auto pin = witness_.objects->try_pin(key);
    if (pin) {
      witness_.objects->release(pin->id);
    }
    return pin.has_value();
  }
  /// Puts "x" with word 1, and dies while it binds another object with word 2, with this step in its intent.
  void dies_binding(shm::Intent::Step step) {
    (void)survivor_.put(store, "x", 1).value();
    dies([&](Player& dying) {
      const std::uint64_t hash = name_hash(store, "x");
      const shm::DirectoryShard shard(*segment_, shm::shard_index(hash));
      const Key key = dying.publish(store, "x", 2).value();
      const Pin old = dying.names->find(store, "x").value();
      dying.objects->release(old.id);
      const shm::RobustLock lock(shard.state().lock, Deadline::Clock::now() + std::chrono::seconds(10));
      shm::Intent& intent = shard.state().intent;
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
    (void)collect_into(*player.objects, records, effort);
    return records;
  }
  static Owned owned(const Player& player) {
    std::vector<ObjectRecord> records;
    const Owned owned = collect_into(*player.objects, records, Effort::thorough);
    EXPECT_TRUE(records.empty());
    return owned;
  }
};

}  // namespace locum::tests
