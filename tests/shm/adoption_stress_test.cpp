#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "shm/segment/entry_tag.hpp"
#include "shm/table/object_table.hpp"
#include "tests/core/collect_into.hpp"
#include "tests/shm/player.hpp"

// Deaths on real cores: processes simulated by threads over one mapping, which stop for ever in the middle of
// their work, while the others continue to read, evict and adopt. A payload is plain words, written before
// the publication and poisoned after the collection: ThreadSanitizer reports a reader that overlaps with
// either, and readers check the words.
namespace locum::shm {
namespace {

using tests::make_segment;
using tests::Player;
using tests::sanitized;

constexpr std::uint32_t store = 7;
constexpr std::size_t words = 4;
constexpr std::uint64_t poison = 0xDEADDEADDEADDEADU;

/// Objects shared by all threads: few, so that they meet.
class Post {
 public:
  explicit Post(std::shared_ptr<Segment> segment) : segment_(std::move(segment)) {}

  void publish(Player& player, std::uint64_t value, bool send = true) {
    ObjectRecord record{.size_bytes = words * sizeof(std::uint64_t), .store = store};
    record.offset = player.block(record.block_bytes());
    for (std::size_t i = 0; i < words; ++i) {
      words_at(record)[i] = value + i;
    }
    const Key fresh = player.objects->publish(record).value();
    ++published;
    if (send) {
      Box& box = boxes_[value % boxes_.size()];
      box.creator.store(fresh.creator, std::memory_order_relaxed);
      box.serial.store(fresh.serial, std::memory_order_relaxed);
    }
  }
  [[nodiscard]] Key any(std::uint64_t which) const {
    const Box& box = boxes_[which % boxes_.size()];
    return {store, box.creator.load(std::memory_order_relaxed), box.serial.load(std::memory_order_relaxed)};
  }
  void look(Player& player, const Key& key) {
    const auto pin = player.objects->try_pin(key);
    if (!pin) {
      return;
    }
    const std::uint64_t* const at = words_at(*pin->record);
    for (int looks = 0; looks < 2; ++looks) {
      for (std::size_t i = 1; i < words; ++i) {
        wrong += at[i] != at[0] + i ? 1 : 0;
      }
      std::this_thread::yield();
    }
    ++seen;
    player.objects->release(pin->id);
  }
  /// Returned blocks are poisoned, and reused if they were the player's own.
  void collect(Player& player, std::uint32_t node_rank, Effort effort) {
    std::vector<ObjectRecord> dead;
    (void)tests::collect_into(*player.objects, dead, effort);
    const std::uint64_t own = segment_->geometry().arena_offset(node_rank);
    for (const ObjectRecord& record : dead) {
      std::fill_n(words_at(record), words, poison);
      if (record.offset >= own && record.offset - own < segment_->geometry().arena_bytes) {
        player.free(record);
      }
    }
    returned += dead.size();
  }
  /// tombstone() of a process that dies before it can hand the entry back.
  void mark(std::uint32_t node_rank, const Key& key) {
    if (key.creator < Player::first_rank) {
      return;
    }
    const Entries entries(*segment_, key.creator - Player::first_rank);
    std::uint64_t live = tag_of(sequence_of(key.serial), EntryState::live);
    (void)entries[slot_of(key.serial)].tag.compare_exchange_strong(
        live, tombstone_tag(sequence_of(key.serial), node_rank));
  }

  std::atomic<std::uint64_t> published{0};
  std::atomic<std::uint64_t> returned{0};
  std::atomic<std::uint64_t> seen{0};
  std::atomic<std::uint64_t> wrong{0};

 private:
  struct Box {
    std::atomic<std::uint64_t> serial{0};
    std::atomic<std::uint32_t> creator{0};
  };
  [[nodiscard]] std::uint64_t* words_at(const ObjectRecord& record) const {
    return reinterpret_cast<std::uint64_t*>(segment_->base() + record.offset);
  }

  const std::shared_ptr<Segment> segment_;
  std::array<Box, 4> boxes_;
};

// Processes 0 to 3 die one after another; each is adopted by the next, which then has adopted all before it,
// too. They yield often, which on a busy machine gives a core away for milliseconds each time: there each
// lives for longest_life.
TEST(AdoptionStress, LosesNothingAndShowsNothingElseWhileProcessesDie) {
  constexpr std::uint32_t mortals = 4;
  constexpr std::uint32_t processes = mortals + 2;
  constexpr std::chrono::milliseconds longest_life(500);
  const int rounds = sanitized ? 500 : 5'000;
  for (unsigned repetition = 0; repetition < (sanitized ? 2U : 10U); ++repetition) {
    const auto segment = make_segment(processes);
    std::vector<std::unique_ptr<Player>> players;
    for (std::uint32_t process = 0; process < processes; ++process) {
      players.push_back(std::make_unique<Player>(segment, process, 2_MiB));
    }
    Post post(segment);
    std::atomic<bool> end{false};
    const auto act = [&](std::uint32_t process, std::minstd_rand& random) {
      Player& player = *players[process];
      const Key key = post.any(random());
      switch (random() % 8) {
        case 0:
        case 1:
          post.publish(player, random());
          post.collect(player, process, Effort::amortised);
          break;
        case 2:
          (void)player.objects->tombstone(key);
          break;
        default:
          post.look(player, key);
      }
    };
    std::vector<std::thread> survivors;
    for (unsigned thread = 0; thread < 3; ++thread) {
      survivors.emplace_back([&, thread] {
        std::minstd_rand random(100 * repetition + thread + 1);
        while (!end) {
          act(mortals + thread % 2, random);
        }
      });
    }
    std::vector<std::pair<std::uint32_t, std::uint64_t>> held;  // node rank, and its pin
    for (std::uint32_t dead = 0; dead < mortals; ++dead) {
      std::thread([&] {
        std::minstd_rand random(100 * repetition + dead + 50);
        const int last = rounds / 2 + static_cast<int>(random()) % rounds;
        const auto latest = std::chrono::steady_clock::now() + longest_life;
        for (int round = 0; round < last && std::chrono::steady_clock::now() < latest; ++round) {
          act(dead, random);
        }
        post.publish(*players[dead], random(), false);
        for (int i = 0; i < 3; ++i) {
          if (const auto pin = players[dead]->objects->try_pin(post.any(random()))) {
            held.emplace_back(dead, pin->id);
          }
          post.mark(dead, post.any(random()));
        }
      }).join();
      for (std::uint32_t alive = dead + 1; alive < processes; ++alive) {
        players[alive]->objects->recover(dead);
      }
      Player& adopter = *players[dead + 1];
      adopter.objects->drop_pins(dead);
      for (std::uint32_t share = 0; share <= dead; ++share) {
        (void)adopter.adopt_only(share);
      }
    }
    end = true;
    for (std::thread& survivor : survivors) {
      survivor.join();
    }
    for (std::uint32_t process = mortals; process < processes; ++process) {
      for (const Key& key : players[process]->objects->keys(store, Whose::own)) {
        EXPECT_TRUE(players[process]->objects->tombstone(key));
      }
      post.collect(*players[process], process, Effort::thorough);
    }
    EXPECT_EQ(post.wrong, 0U);
    EXPECT_GT(post.seen, 0U);
    EXPECT_EQ(post.returned, post.published);
    // A table lives as long as it has views; a really dying process takes its table with it.
    for (const auto& [dead, pin] : held) {
      players[dead]->objects->release(pin);
    }
  }
}

}  // namespace
}  // namespace locum::shm
