#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <random>
#include <thread>

#include "shm/table/object_table.hpp"
#include "tests/core/collect_into.hpp"
#include "tests/shm/player.hpp"

// Processes that publish, read and tombstone each other's objects concurrently.
namespace locum::shm::object_table_stress_test {
namespace {

using tests::make_segment;
using tests::Player;
using tests::sanitized;

constexpr std::uint32_t store = 7;

// Three processes of two threads each publish, read and tombstone each other's objects. A payload is plain
// words, written before the publication and poisoned after the collection: ThreadSanitizer reports a reader
// that overlaps with either, and readers check the words.
TEST(ObjectTable, KeepsReadersAndReuseApartUnderStress) {
  constexpr std::uint32_t processes = 3;
  constexpr std::size_t words = 4;
  constexpr std::uint64_t poison = 0xDEADDEADDEADDEADU;
  const int rounds = sanitized ? 4'000 : 40'000;
  const auto segment = make_segment(processes);
  std::vector<std::unique_ptr<Player>> players;
  for (std::uint32_t process = 0; process < processes; ++process) {
    players.push_back(std::make_unique<Player>(segment, process, 1_MiB));
  }
  struct Mailbox {
    std::atomic<std::uint64_t> serial{0};
    std::atomic<std::uint32_t> creator{0};
  };
  std::array<Mailbox, 2> mail;  // few, so that all threads meet
  std::atomic<std::uint64_t> seen{0};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> published{0};
  std::atomic<std::uint64_t> returned{0};

  const auto words_at = [&](const ObjectRecord& record) {
    return reinterpret_cast<std::uint64_t*>(segment->base() + record.offset);
  };
  const auto collect = [&](Player& player, Effort effort) {
    std::vector<ObjectRecord> dead;
    (void)tests::collect_into(*player.objects, dead, effort);
    for (const ObjectRecord& record : dead) {
      std::fill_n(words_at(record), words, poison);
      player.free(record);
    }
    returned += dead.size();
  };
  const auto play = [&](Player& player, unsigned seed) {
    std::minstd_rand random(seed);
    for (int round = 0; round < rounds; ++round) {
      Mailbox& box = mail[random() % mail.size()];
      const Key key{store, box.creator.load(std::memory_order_relaxed),
                    box.serial.load(std::memory_order_relaxed)};
      if (random() % 4 == 0) {
        ObjectRecord record{.size_bytes = words * sizeof(std::uint64_t), .store = store};
        record.offset = player.block(record.block_bytes());
        const std::uint64_t value = random();
        for (std::size_t i = 0; i < words; ++i) {
          words_at(record)[i] = value + i;
        }
        const Key fresh = player.objects->publish(record).value();
        ++published;
        (void)player.objects->tombstone(key);  // any process may evict it
        box.creator.store(fresh.creator, std::memory_order_relaxed);
        box.serial.store(fresh.serial, std::memory_order_relaxed);
        collect(player, Effort::amortised);
      } else if (const auto pin = player.objects->try_pin(key)) {
        for (int look = 0; look < 2; ++look) {
          const std::uint64_t* at = words_at(*pin->record);
          for (std::size_t i = 1; i < words; ++i) {
            wrong += at[i] != at[0] + i ? 1 : 0;
          }
          wrong += player.objects->at(pin->id).key != key ? 1 : 0;
          if (look == 0 && random() % 2 == 0) {
            player.objects->retain(pin->id);
            player.objects->release(pin->id);
            std::this_thread::yield();
          }
        }
        ++seen;
        player.objects->release(pin->id);
      }
    }
  };
  std::vector<std::thread> threads;
  for (unsigned thread = 0; thread < 2 * processes; ++thread) {
    threads.emplace_back([&, thread] { play(*players[thread / 2], thread + 1); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(wrong, 0U);
  EXPECT_GT(seen, static_cast<std::uint64_t>(rounds) / 10) << "readers met live objects";
  // Nothing is lost: the remaining objects are all that were not freed before.
  for (const auto& player : players) {
    for (const Key& key : player->objects->keys(store, Whose::own)) {
      EXPECT_TRUE(players[0]->objects->tombstone(key));
    }
    collect(*player, Effort::thorough);
  }
  EXPECT_EQ(returned, published);
}

// Two threads of one process and an owner use a single slot, as often as they can: this finds errors within a
// few instructions. tests/shm/interleavings/pins_test.cpp tries all interleavings.
TEST(ObjectTable, KeepsReadersAndReuseApartAtOneSlot) {
  const auto segment = make_segment(2);
  Player owner(segment, 0, 1_MiB);
  Player reader(segment, 1, 0);
  const ObjectRecord record{
      .offset = owner.block(64), .size_bytes = 2 * sizeof(std::uint64_t), .store = store};
  // Relaxed atomics: the test looks for a wrong value, not for a race.
  auto* const word = reinterpret_cast<Word64*>(segment->base() + record.offset);
  std::atomic<std::uint64_t> serial{0};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> seen{0};
  std::atomic<bool> end{false};
  const auto read = [&](unsigned seed) {
    std::minstd_rand random(seed);
    while (!end.load(std::memory_order_relaxed)) {
      const std::uint64_t mine = serial.load(std::memory_order_acquire);
      const auto pin = reader.objects->try_pin({store, Player::first_rank, mine});
      if (!pin) {
        continue;
      }
      for (unsigned looks = random() % 32; looks > 0; --looks) {
        wrong += word->load(std::memory_order_relaxed) != mine ? 1 : 0;
      }
      seen.fetch_add(1, std::memory_order_relaxed);
      reader.objects->release(pin->id);
    }
  };
  std::thread first(read, 1);
  std::thread second(read, 2);
  constexpr std::uint64_t enough = 1'000;
  const auto start = Deadline::Clock::now();
  const auto goes_on = [&] {
    const auto time = Deadline::Clock::now() - start;
    return time < std::chrono::milliseconds(500) || (seen < enough && time < std::chrono::seconds(20));
  };
  std::uint64_t sequence = 1;
  std::uint64_t rounds = 0;
  std::vector<ObjectRecord> dead;
  for (; goes_on(); ++rounds) {
    word->store(sequence << 32U, std::memory_order_relaxed);
    const Key key = owner.objects->publish(record).value();
    ASSERT_EQ(key.serial, sequence << 32U) << "always the same slot";
    serial.store(key.serial, std::memory_order_release);
    for (std::uint64_t i = rounds % 64; i > 0; --i) {
      (void)serial.load(std::memory_order_relaxed);
    }
    if (rounds % 64 == 0) {
      std::this_thread::yield();  // the readers may have no core of their own
    }
    ASSERT_TRUE(owner.objects->tombstone(key));
    for (dead.clear(); dead.empty();) {
      (void)tests::collect_into(*owner.objects, dead, Effort::thorough);
    }
    word->store(0, std::memory_order_relaxed);
    ++sequence;
  }
  end = true;
  first.join();
  second.join();
  EXPECT_EQ(wrong, 0U) << "of " << seen << " views in " << rounds << " uses of the slot";
  EXPECT_GE(seen, enough);
}

}  // namespace
}  // namespace locum::shm::object_table_stress_test
