#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "core/node/cluster.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/shm/cluster_on_node.hpp"

// Ranks of a node that put, read, evict and drop at once.
namespace locum::shm {
namespace {

using locum::tests::code_of;
using locum::tests::pattern;
using locum::tests::put;
using std::chrono::seconds;
using tests::ClusterOnNode;
using tests::sanitized;

// Three ranks of two threads each put, replace, read and evict, each other's objects too. After everything is
// evicted, every byte is free again, and a second round takes no more memory than the first.
TEST_F(ClusterOnNode, ReturnsToItsLevelsAfterAnyEvictions) {
  const int steps = sanitized ? 500 : 5'000;
  std::atomic<int> torn{0};
  const auto play = [&](Connector& rank, unsigned seed) {
    std::minstd_rand random(seed);
    std::vector<Key> keys;
    std::vector<ObjectView> views;
    for (int step = 0; step < steps; ++step) {
      const std::string name = random() % 3 == 0 ? "" : "n" + std::to_string(random() % 8);
      const unsigned char byte = static_cast<unsigned char>(random());
      switch (random() % 4) {
        case 0: {
          const std::vector<std::byte> bytes(random() % 20'000, std::byte{byte});
          const SealMode mode = random() % 2 == 0 ? SealMode::put : SealMode::replace;
          const auto sealed = put(rank, 1, name, bytes, {.mode = mode});
          if (sealed) {
            keys.push_back(sealed->key);
          } else {
            EXPECT_EQ(code_of(sealed), Errc::key_exists) << sealed.error();
          }
          break;
        }
        case 1:
          if (!name.empty()) {
            EXPECT_TRUE(rank.evict({1, name}, {}));
          } else if (!keys.empty()) {
            EXPECT_TRUE(rank.evict(keys.back(), {}));
            keys.pop_back();
          }
          break;
        default:
          if (const auto view = name.empty() ? keys.empty() ? Result<ObjectView>(ObjectView())
                                                            : rank.get(keys[random() % keys.size()], {})
                                             : rank.get({1, name}, {})) {
            for (const std::byte each : view->bytes()) {
              torn += each != view->bytes().front() ? 1 : 0;
            }
            views.push_back(*view);
          }
          if (views.size() > 8) {
            views.erase(views.begin(), views.begin() + 4);
          }
      }
    }
  };
  std::array<std::uint64_t, 2> committed{};
  for (std::uint64_t& level : committed) {
    std::vector<std::thread> threads;
    for (unsigned thread = 0; thread < 6; ++thread) {
      threads.emplace_back([&, thread] { play(*ranks_[thread / 2], thread + 1); });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    for (const auto& rank : ranks_) {
      EXPECT_TRUE(rank->drop(1));
    }
    for (const auto& rank : ranks_) {
      const MemoryUsage usage = rank->usage();
      EXPECT_EQ(usage.own_used, 0U);
      EXPECT_EQ(usage.own_objects, 0U);
      EXPECT_EQ(usage.own_pinned, 0U);
      EXPECT_EQ(rank->list(1, {}, {}).value().size(), 0U);
      level += usage.own_committed;
    }
  }
  EXPECT_EQ(torn, 0);
  EXPECT_LE(committed[1], 2 * committed[0]) << "free memory is reused";
}

TEST_F(ClusterOnNode, DropsWhileOthersPut) {
  const std::uint64_t enough = sanitized ? 500 : 5'000;
  const auto end = Deadline::Clock::now() + seconds(60);
  std::atomic<bool> stop{false};
  std::thread putter([&] {
    for (std::uint64_t i = 0; !stop; ++i) {
      const auto sealed = put(*ranks_[0], 1, i % 2 == 0 ? "x" : "", pattern(i, 64), {SealMode::replace});
      EXPECT_TRUE(sealed) << sealed.error();
    }
  });
  std::uint64_t dropped = 0;
  while (dropped < enough && Deadline::Clock::now() < end) {
    dropped += ranks_[0]->drop(1).value();
    EXPECT_LE(ranks_[0]->usage().own_objects, 1'000'000U) << "not below zero";
  }
  stop = true;
  putter.join();
  EXPECT_GE(dropped, enough) << "within a minute";
  EXPECT_TRUE(ranks_[0]->drop(1));
  EXPECT_EQ(ranks_[0]->usage().own_objects, 0U);
  EXPECT_EQ(ranks_[0]->usage().own_used, 0U);
}

}  // namespace
}  // namespace locum::shm
