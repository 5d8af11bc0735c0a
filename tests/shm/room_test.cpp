// Puts that wait for room, in several processes of a node: what ends their wait, and what their death leaves.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "core/node/cluster.hpp"
#include "core/store.hpp"
#include "shm/node.hpp"
#include "shm/segment/layout.hpp"
#include "tests/core/code_of.hpp"
#include "tests/shm/fork_group.hpp"
#include "tests/shm/open_node.hpp"

namespace locum::shm::room_test {
namespace {

using namespace std::chrono_literals;
using tests::Ending;
using Clock = Deadline::Clock;

constexpr std::size_t large = 4_MiB;

/// One process of a node, with an open store.
class Rank {
 public:
  explicit Rank(Group& group)
      : node_(tests::open(group, tests::small_options())),
        session_(open_cluster({.arena = node_.arena,
                               .table = node_.table,
                               .directory = node_.directory,
                               .timeout = 20s,
                               .lost_node_peers = {},
                               .monitor = node_.monitor}),
                 std::make_shared<Metrics>(),
                 SessionOptions{.rank = group.rank(), .options = tests::small_options()}),
        store(session_.open("fields").value()) {}

  /// Puts objects named n0, n1 … until the node is full; returns how many.
  [[nodiscard]] int fill() const {
    int count = 0;
    while (store.put("n" + std::to_string(count), value())) {
      ++count;
    }
    return count;
  }
  [[nodiscard]] static std::vector<std::byte> value() { return std::vector<std::byte>(large); }
  [[nodiscard]] Result<Key> put(std::string_view name, TimeLimit deadline = 20s) const {
    return store.put(name, value(), {.when_full = WhenFull::wait, .deadline = deadline});
  }
  [[nodiscard]] const SegmentHeader& header() const {
    return *reinterpret_cast<const SegmentHeader*>(node_.arena->data(0));
  }
  /// Waits until a process of the node waits for memory.
  [[nodiscard]] bool sees_waiter() const {
    const auto latest = Clock::now() + 20s;
    while (header().memory_awaited.load() == 0 && Clock::now() < latest) {
      std::this_thread::yield();
    }
    return header().memory_awaited.load() != 0;
  }
  [[nodiscard]] const DeadRanks& losses() const { return *node_.losses; }

 private:
  const Node node_;
  const Session session_;

 public:
  const Store store;
};

std::string outcome() {
  return testing::Test::HasFailure() ? "failed" : "done";
}

void expect_done(const std::vector<Ending>& exits) {
  for (std::size_t rank = 0; rank < exits.size(); ++rank) {
    EXPECT_EQ(exits[rank].said, "done") << "rank " << rank << ", signal " << exits[rank].signal;
  }
}

// Whoever has made the objects: the waiting rank, or the one that evicts.
std::string wait_for_eviction(Group& group, int maker) {
  const Rank rank(group);
  if (group.rank() == maker) {
    EXPECT_GT(rank.fill(), 3);
  }
  group.barrier();
  if (group.rank() == 1) {
    const auto put = rank.put("more");
    EXPECT_TRUE(put) << put.error();
  } else {
    EXPECT_TRUE(rank.sees_waiter());
    EXPECT_TRUE(rank.store.evict("n0").value());
    EXPECT_TRUE(rank.store.evict("n1").value());
  }
  group.barrier();
  return outcome();
}

TEST(RoomOnNode, IsThereOnceAnotherRankEvictsWhatTheWaitingOneMade) {
  expect_done(tests::run_group(2, [](Group& group) { return wait_for_eviction(group, 1); }));
}

TEST(RoomOnNode, IsThereOnceAnotherRankEvictsWhatItMadeItself) {
  expect_done(tests::run_group(2, [](Group& group) { return wait_for_eviction(group, 0); }));
}

TEST(RoomOnNode, IsThereOnceTheLastViewOnAnotherRankEnds) {
  expect_done(tests::run_group(2, [](Group& group) {
    const Rank rank(group);
    if (group.rank() == 1) {
      EXPECT_GT(rank.fill(), 3);
    }
    group.barrier();
    if (group.rank() == 0) {
      auto view = rank.store.get<std::byte[]>("n0").value();
      EXPECT_TRUE(rank.store.evict("n0").value());
      group.barrier();
      EXPECT_TRUE(rank.sees_waiter());
      view = {};
    } else {
      group.barrier();
      EXPECT_EQ(tests::code_of(rank.store.put(Rank::value())), Errc::out_of_memory) << "it is still viewed";
      const auto put = rank.put("more");
      EXPECT_TRUE(put) << put.error();
    }
    group.barrier();
    return outcome();
  }));
}

TEST(RoomOnNode, IsThereOnceARankThatHeldItByAViewHasDied) {
  const auto exits = tests::run_group(2, [](Group& group) {
    const Rank rank(group);
    if (group.rank() == 1) {
      EXPECT_GT(rank.fill(), 3);
    }
    group.barrier();
    if (group.rank() == 0) {
      const auto view = rank.store.get<std::byte[]>("n0").value();
      EXPECT_TRUE(rank.store.evict("n0").value());
      group.barrier();
      (void)rank.sees_waiter();
      ::raise(SIGKILL);
    }
    group.barrier();
    const auto put = rank.put("more");
    EXPECT_TRUE(put) << put.error();
    return outcome();
  });
  EXPECT_EQ(exits[0].signal, SIGKILL);
  EXPECT_EQ(exits[1].said, "done");
}

// The flag that it leaves costs others one notice.
TEST(RoomOnNode, IsAwaitedByNobodyOnceTheWaitingRankHasDied) {
  const auto exits = tests::run_group(2, [](Group& group) {
    const Rank rank(group);
    const auto self = ::getpid();
    if (group.rank() == 0) {
      EXPECT_GT(rank.fill(), 3);
    }
    const auto pids = group.all_gather(std::as_bytes(std::span(&self, 1)));
    if (group.rank() == 1) {
      (void)rank.put("more", 60s);
      return outcome();
    }
    EXPECT_TRUE(rank.sees_waiter());
    pid_t waiter = 0;
    std::memcpy(&waiter, pids.data() + sizeof waiter, sizeof waiter);
    const std::uint32_t before = rank.header().memory_freed.load();
    ::kill(waiter, SIGKILL);
    const auto latest = Clock::now() + 20s;
    while (!rank.losses().any() && Clock::now() < latest) {
      std::this_thread::yield();
    }
    EXPECT_TRUE(rank.losses().any());
    EXPECT_TRUE(rank.store.evict("n0").value());
    EXPECT_EQ(rank.header().memory_awaited.load(), 0U);
    // Who frees the memory of the dead rank may have cleared the flag, and not have counted yet.
    while (rank.header().memory_freed.load() == before && Clock::now() < latest) {
      std::this_thread::yield();
    }
    const std::uint32_t notices = rank.header().memory_freed.load();
    EXPECT_NE(notices, before);
    EXPECT_TRUE(rank.store.evict("n1").value());
    EXPECT_TRUE(rank.store.put("n1", Rank::value()));
    EXPECT_EQ(rank.header().memory_freed.load(), notices);
    return outcome();
  });
  EXPECT_EQ(exits[1].signal, SIGKILL);
  EXPECT_EQ(exits[0].said, "done");
}

TEST(RoomOnNode, ThatOwnViewsTakeIsAnErrorAtOnceThatNamesThem) {
  expect_done(tests::run_group(1, [](Group& group) {
    const Rank rank(group);
    const int made = rank.fill();
    std::vector<View<std::byte[]>> views;
    for (int at = 0; at < made; ++at) {
      views.push_back(rank.store.get<std::byte[]>("n" + std::to_string(at)).value());
    }
    EXPECT_TRUE(rank.store.evict("n0").value()) << "evicted or not";
    const auto refused = rank.put("more", 1h);
    EXPECT_EQ(tests::code_of(refused), Errc::out_of_memory);
    const std::string& text = refused.error().text();
    EXPECT_NE(text.find("(4194"), std::string::npos) << text;
    EXPECT_NE(text.find("views: 1)"), std::string::npos) << text;
    EXPECT_NE(text.find("\"n"), std::string::npos) << text;
    views.pop_back();
    EXPECT_EQ(tests::code_of(rank.put("more", 20ms)), Errc::timeout) << "another rank could evict it";
    EXPECT_TRUE(rank.store.evict("n" + std::to_string(made - 1)).value());
    EXPECT_TRUE(rank.put("more", 20s));
    return outcome();
  }));
}

// The consumer evicts each object after it has read it, at half the producer's pace.
TEST(RoomOnNode, HoldsAProducerToThePaceOfItsConsumer) {
  constexpr int objects = 60;
  expect_done(tests::run_group(2, [](Group& group) {
    const Rank rank(group);
    EXPECT_TRUE(group.rank() == 0 || rank.sees_waiter());
    for (int at = 0; at < objects; ++at) {
      const std::string name = "step" + std::to_string(at);
      if (group.rank() == 0) {
        const auto put = rank.put(name);
        EXPECT_TRUE(put) << name << ": " << put.error();
      } else {
        const auto view = rank.store.wait<std::byte[]>(name, 20s);
        EXPECT_TRUE(view) << name << ": " << view.error();
        std::uint64_t sum = 0;
        for (int pass = 0; pass < 2; ++pass) {
          for (const std::byte each : view->span()) {
            sum += std::to_integer<std::uint64_t>(each) + 1;
          }
        }
        EXPECT_EQ(sum, 2 * large);
        EXPECT_TRUE(rank.store.evict(name).value());
      }
    }
    group.barrier();
    return outcome();
  }));
}

// Small objects: the tables of the node have to grow, too.
TEST(RoomOnNode, IsWaitedForByPutsOfManySmallObjects) {
  constexpr int objects = 60'000;
  expect_done(tests::run_group(2, [](Group& group) {
    const Rank rank(group);
    const std::vector<std::byte> value(1000);
    EXPECT_TRUE(group.rank() == 0 || rank.sees_waiter());
    for (int at = 0; at < objects; ++at) {
      const std::string name = "step" + std::to_string(at);
      if (group.rank() == 0) {
        const auto put = rank.store.put(name, value, {.when_full = WhenFull::wait, .deadline = 20s});
        if (!put) {
          return std::string(put.error().what());
        }
      } else {
        const auto view = rank.store.wait<std::byte[]>(name, 20s);
        if (!view || !rank.store.evict(name).value()) {
          return name + ": " + (view ? "evicted by another" : view.error().what());
        }
      }
    }
    group.barrier();
    return outcome();
  }));
}

}  // namespace
}  // namespace locum::shm::room_test
