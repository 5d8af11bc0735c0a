#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "shm/names/name_table.hpp"
#include "tests/shm/player.hpp"

// Processes that bind, replace, unbind, list and await the same names concurrently.
namespace locum::shm::name_table_stress_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using tests::code;
using tests::in;
using tests::make_segment;
using tests::Player;
using tests::sanitized;

constexpr std::uint32_t store = 7;

// Runs each function on its own thread; all are stopped when the first of them is done.
void together(const std::vector<std::function<void(const std::atomic<bool>& stop)>>& parts) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (const auto& part : parts) {
    threads.emplace_back([&stop, &part] { part(stop); });
  }
  threads.front().join();
  stop = true;
  for (std::size_t i = 1; i < threads.size(); ++i) {
    threads[i].join();
  }
}

// Two processes replace one name without pause, each with objects of two threads that wait to be bound, so
// that the name has unbound objects; a third one adds and removes other names, so that buckets split and
// records are reused. Readers find the name each time, and never an older generation than before.
TEST(NameTable, FindsANameThatIsReplacedThroughout) {
  const auto segment = make_segment(4);
  std::array<std::unique_ptr<Player>, 4> players;
  for (std::uint32_t i = 0; i < players.size(); ++i) {
    players[i] = std::make_unique<Player>(segment, i, 4_MiB);
  }
  const std::uint64_t replacements = sanitized ? 1'500 : 15'000;
  const std::uint64_t enough_looks = sanitized ? 1'000 : 10'000;
  const auto end = in(seconds(60));
  (void)players[0]->put(store, "x", 0).value();
  std::atomic<std::uint64_t> looks{0};
  const auto replace = [&](Player& player) {
    return [&](const std::atomic<bool>& stop) {
      for (std::uint64_t i = 0; (i < replacements || looks < enough_looks) && !stop; ++i) {
        ASSERT_LT(Deadline::Clock::now(), end) << looks << " looks, " << i << " replacements";
        (void)player.replace(store, "x", i).value();
        (void)player.collect(Effort::amortised);
      }
    };
  };
  const auto read = [&](Player& player) {
    return [&](const std::atomic<bool>& stop) {
      std::uint64_t last = 0;
      while (!stop) {
        const auto pin = player.names->find(store, "x");
        ASSERT_TRUE(pin) << pin.error();
        ASSERT_NE(pin->generation, 0U);
        ASSERT_GE(pin->generation, last);
        last = pin->generation;
        player.objects->release(pin->id);
        ASSERT_GE(player.names->generation(name_hash(store, "x")).value(), last);
        if (looks++ % 64 == 0) {
          const auto names = player.names->names(store, "x");
          ASSERT_TRUE(names) << names.error();
          ASSERT_EQ(names.value(), std::vector<std::string>{"x"});
        }
      }
    };
  };
  const auto churn = [&](const std::atomic<bool>& stop) {
    Player& player = *players[3];
    for (std::uint64_t i = 0; !stop; ++i) {
      (void)player.put(store, std::to_string(i), i).value();
      if (i >= 1'000) {
        EXPECT_TRUE(player.names->unbind(store, std::to_string(i - 1'000), Key{}).value());
        (void)player.collect(Effort::amortised);
      }
    }
  };
  together({replace(*players[0]), replace(*players[0]), replace(*players[1]), replace(*players[1]),
            read(*players[2]), read(*players[2]), churn});
}

TEST(NameTable, DoesNotFindANameAfterItsUnbindReturned) {
  const auto segment = make_segment(3);
  Player writer(segment, 0, 4_MiB);
  Player remover(segment, 1, 1_MiB);
  Player reader(segment, 2, 1_MiB);
  const std::uint64_t rounds = sanitized ? 1'000 : 10'000;
  std::atomic<std::uint64_t> removed{0};  // generations up to this one are gone
  std::atomic<std::uint64_t> found{0};
  const auto end = in(seconds(60));
  together({
      [&](const std::atomic<bool>&) {
        for (std::uint64_t i = 0; i < rounds || found < rounds / 10; ++i) {
          ASSERT_LT(Deadline::Clock::now(), end) << i << " rounds, " << found << " found";
          const auto bound = writer.put(store, "x", i);
          if (!bound) {
            ASSERT_EQ(code(bound), Errc::key_exists);
            std::this_thread::yield();
          }
          (void)writer.collect(Effort::amortised);
        }
      },
      [&](const std::atomic<bool>& stop) {
        while (!stop) {
          const std::uint64_t live = remover.names->generation(name_hash(store, "x")).value();
          if (live != 0 && remover.names->unbind(store, "x", Key{}).value()) {
            removed = std::max(removed.load(), live);
          } else {
            std::this_thread::yield();
          }
        }
      },
      [&](const std::atomic<bool>& stop) {
        while (!stop) {
          const std::uint64_t gone = removed;
          if (const auto pin = reader.names->find(store, "x")) {
            ASSERT_GT(pin->generation, gone);
            reader.objects->release(pin->id);
            ++found;
          } else {
            ASSERT_EQ(code(pin), Errc::not_found);
          }
        }
      },
  });
  EXPECT_GT(removed, 0U);
}

TEST(NameTable, ListsNamesThatLiveThroughoutOnceWhileOthersComeAndGo) {
  const auto segment = make_segment(3);
  Player first(segment, 0, 4_MiB);
  Player second(segment, 1, 4_MiB);
  Player reader(segment, 2, 1_MiB);
  std::set<std::string> stay;
  for (int i = 0; i < 100; ++i) {
    stay.insert("stay" + std::to_string(i));
  }
  for (const std::string& name : stay) {
    (void)first.put(store, name, 0).value();
  }
  const int rounds = sanitized ? 40 : 300;
  const auto write = [&](Player& player, const std::string& prefix) {
    return [&, prefix](const std::atomic<bool>& stop) {
      for (std::uint64_t i = 0; !stop; ++i) {
        (void)player.put(store, prefix + std::to_string(i), i).value();
        EXPECT_TRUE(player.names->unbind(store, prefix + std::to_string(i), Key{}).value());
        (void)player.replace(store, "stay" + std::to_string(i % 100), i).value();
        (void)player.collect(Effort::amortised);
      }
    };
  };
  together({[&](const std::atomic<bool>&) {
              for (int i = 0; i < rounds; ++i) {
                const auto listed = reader.names->names(store, "stay");
                ASSERT_TRUE(listed) << listed.error();
                ASSERT_EQ(listed->size(), stay.size());
                ASSERT_EQ(std::set<std::string>(listed->begin(), listed->end()), stay);
              }
            },
            write(first, "a"), write(second, "b")});
}

// Waiters for names of one shard, and writers of these and other names: each is woken by its own name, long
// before the periodic look-up of a sleeper, which is for dead writers.
TEST(NameTable, LosesNoWakeUp) {
  const auto segment = make_segment(3);
  std::array<std::unique_ptr<Player>, 3> players;
  for (std::uint32_t i = 0; i < players.size(); ++i) {
    players[i] = std::make_unique<Player>(segment, i, 4_MiB);
  }
  // Names of one shard, so that all waiters and writers meet in its two words.
  std::vector<std::string> names;
  for (int i = 0; names.size() < 8; ++i) {
    if (name_hash(store, std::to_string(i)) >> 58U == 0) {
      names.push_back(std::to_string(i));
    }
  }
  const int rounds = sanitized ? 300 : 3'000;
  std::array<std::atomic<int>, 2> asked{};
  std::array<std::atomic<int>, 2> answered{};
  std::atomic<int> slow{0};
  std::vector<std::thread> threads;
  // A pair: one waits for a name, the other puts it and then waits for the reply's name.
  for (std::size_t pair = 0; pair < 2; ++pair) {
    threads.emplace_back([&, pair] {
      Player& player = *players[0];
      for (int round = 0; round < rounds; ++round) {
        const auto pin = player.names->wait(store, names[pair], in(seconds(20)));
        ASSERT_TRUE(pin) << pin.error();
        player.objects->release(pin->id);
        ASSERT_TRUE(player.names->unbind(store, names[pair], Key{}).value());
        (void)player.put(store, names[2 + pair], 1).value();
        (void)player.collect(Effort::amortised);
        ++answered[pair];
      }
    });
    threads.emplace_back([&, pair] {
      Player& player = *players[1];
      for (int round = 0; round < rounds; ++round) {
        const auto start = Deadline::Clock::now();
        (void)player.put(store, names[pair], 1).value();
        ++asked[pair];
        const auto pin = player.names->wait(store, names[2 + pair], in(seconds(20)));
        ASSERT_TRUE(pin) << pin.error();
        player.objects->release(pin->id);
        ASSERT_TRUE(player.names->unbind(store, names[2 + pair], Key{}).value());
        (void)player.collect(Effort::amortised);
        slow += Deadline::Clock::now() - start > milliseconds(190) ? 1 : 0;
      }
    });
  }
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop) {
      (void)players[2]->put(store, names[7], 1).value();
      EXPECT_TRUE(players[2]->names->unbind(store, names[7], Key{}).value());
      (void)players[2]->collect(Effort::amortised);
    }
  });
  for (std::thread& thread : threads) {
    thread.join();
  }
  stop = true;
  other.join();
  EXPECT_EQ(asked[0] + asked[1], 2 * rounds);
  EXPECT_EQ(answered[0] + answered[1], 2 * rounds);
  EXPECT_LE(slow, rounds / 100) << "a lost wake-up takes 200 ms to be noticed";
}

}  // namespace
}  // namespace locum::shm::name_table_stress_test
