#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <semaphore>
#include <thread>
#include <utility>
#include <vector>

#include "core/node/cluster.hpp"
#include "core/ports/now_or_task.hpp"
#include "core/value/options.hpp"
#include "tests/core/begun.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/forwarding_arena.hpp"
#include "tests/core/forwarding_transport.hpp"
#include "tests/core/queue_transport.hpp"
#include "tests/core/simulated_nodes.hpp"

// Objects of another node that are fetched before they are needed, in processes with several threads.
namespace locum::tests::prefetch_threads_test {
namespace {

using namespace std::chrono_literals;
using tests::LinkedNodesOptions;
using tests::LinkedRank;

constexpr std::uint32_t store = 7;
constexpr std::size_t size_bytes = 100'000;

/// An arena in which allocating much memory takes as long as the test says.
class SlowArena final : public tests::ForwardingArena {
 public:
  using ForwardingArena::ForwardingArena;

  Result<Block> allocate(std::uint64_t bytes, std::uint64_t alignment, WaitBudget budget) override {
    if (bytes > most_bytes && !budget.allows_work()) {
      return Error(Errc::out_of_memory, "it may not work");
    }
    rooms += bytes > most_bytes ? 1 : 0;
    if (bytes > most_bytes && is_slow.exchange(false)) {
      waits = !budget.is_limited();
      begun.release();
      go_on.acquire();
    }
    return ForwardingArena::allocate(bytes, alignment, budget);
  }

  static constexpr std::uint64_t most_bytes = 10'000;
  std::atomic<bool> is_slow{false};
  std::atomic<int> rooms{0};       ///< large allocations
  std::atomic<bool> waits{false};  ///< called with a budget that allows waiting for other processes
  std::binary_semaphore begun{0};
  std::binary_semaphore go_on{0};
};

/// Two nodes of one rank each; rank 1 must allocate much memory.
class PrefetchOfThreads : public ::testing::Test {
 protected:
  PrefetchOfThreads() {
    const auto wrap = [this](int rank, std::shared_ptr<Arena> arena) -> std::shared_ptr<Arena> {
      if (rank == 0) {
        return arena;
      }
      return arena_ = std::make_shared<SlowArena>(std::move(arena));
    };
    ranks_ = tests::link_plain_nodes({.nodes = 2, .memory_bytes = 1_MiB, .helper = true, .wrap_arena = wrap},
                                     tests::queue_transports(2));
  }
  ~PrefetchOfThreads() override { arena_->go_on.release(); }

  [[nodiscard]] Key made(int rank, std::size_t seed, std::size_t bytes) {
    return put(*ranks_[static_cast<std::size_t>(rank)].connector, store, {}, pattern(seed, bytes))
        .value()
        .key;
  }

  std::shared_ptr<SlowArena> arena_;
  std::vector<LinkedRank> ranks_;
};

TEST_F(PrefetchOfThreads, HoldsNobodyUpWhileItMakesRoom) {
  const Key large = made(0, 1, size_bytes);
  const Key second = made(0, 2, 100);
  const Key served = made(1, 3, 100);
  arena_->is_slow = true;
  const auto begun =
      tests::begin(*ranks_[1].connector, Address(large, 0, size_bytes), CountsUntil::it_is_used);
  ASSERT_NE(begun.coming, nullptr);
  ASSERT_TRUE(arena_->begun.try_acquire_for(60s));
  EXPECT_FALSE(arena_->waits) << "all other operations of the worker would wait, too";
  const auto other = ranks_[0].connector->get(Address(served), 60s);
  EXPECT_TRUE(other && holds(*other, pattern(3, 100)))
      << "rank 1's requests are served while its worker works";
  const auto own = ranks_[1].connector->get(Address(second), 60s);
  EXPECT_TRUE(own && holds(*own, pattern(2, 100))) << "rank 1 can work, too";
  EXPECT_FALSE(begun.coming->ended());
  arena_->go_on.release();
  const auto found = begun.coming->get(60s);
  EXPECT_TRUE(found && holds(*found, pattern(1, size_bytes)));
}

TEST_F(PrefetchOfThreads, HasRoomMadeByWhoWaitsForItIfThatOneHasTime) {
  const Key large = made(0, 1, size_bytes);
  arena_->is_slow = true;
  arena_->go_on.release();
  const auto found = ranks_[1].connector->get(Address(large, 0, size_bytes), 60s);
  EXPECT_TRUE(found && holds(*found, pattern(1, size_bytes)));
  EXPECT_TRUE(arena_->waits);
}

// Including the operation that the worker works on, and those queued behind it.
TEST_F(PrefetchOfThreads, HasEndedWhenTheRuntimeIsClosed) {
  const Key known = made(1, 3, 100);
  std::vector<Begun> begun;
  arena_->is_slow = true;
  for (std::size_t seed = 1; seed < 4; ++seed) {
    const Key key = made(0, seed, size_bytes);
    begun.push_back(tests::begin(*ranks_[1].connector, Address(key, 0, size_bytes), CountsUntil::it_is_used));
    ASSERT_NE(begun.back().coming, nullptr);
  }
  ASSERT_TRUE(arena_->begun.try_acquire_for(60s));
  std::size_t ended = 0;
  std::thread closer([&] {
    ranks_[1].links->close();
    for (const Begun& each : begun) {
      ended += each.coming->ended() ? 1 : 0;
    }
  });
  while (code_of(ranks_[0].connector->get(Address(known), 60s)) != Errc::closed) {
    std::this_thread::yield();
  }
  arena_->go_on.release();
  closer.join();
  EXPECT_EQ(ended, begun.size());
  EXPECT_EQ(arena_->rooms, 1) << "no further allocation";
  for (const Begun& each : begun) {
    EXPECT_EQ(code_of(each.coming->get(60s)), Errc::closed);
  }
}

/// If the test says so, the driver is held up in it until the thread that closes the rank wakes it.
class HeldUpTransport final : public tests::ForwardingTransport {
 public:
  using ForwardingTransport::ForwardingTransport;

  bool progress(Receiver& receiver) override {
    if (holds_up.exchange(false)) {
      held_up.release();
      go_on.acquire();
    }
    return ForwardingTransport::progress(receiver);
  }
  void wake() noexcept override {
    if (std::this_thread::get_id() == ender.load()) {
      go_on.release();
    }
    ForwardingTransport::wake();
  }

  std::atomic<bool> holds_up{false};
  std::atomic<std::thread::id> ender{};
  std::binary_semaphore held_up{0};
  std::counting_semaphore<> go_on{0};
};

// Closing did not wait for the driver: steps submitted to it end with the links, before anything that they
// use.
TEST(PrefetchOfThreadsThatEnd, EndsThoughWhoDrivesIsHeldUp) {
  auto transports = tests::queue_transports(2);
  const auto held_up = std::make_shared<HeldUpTransport>(transports[1]);
  transports[1] = held_up;
  auto ranks = tests::link_plain_nodes({.nodes = 2, .timeout = 200ms, .helper = true}, std::move(transports));
  const Key key = put(*ranks[0].connector, store, {}, pattern(1, size_bytes)).value().key;
  const auto node = ranks[1].node;
  held_up->holds_up = true;
  ranks[1].links->progress().post([] {});
  ASSERT_TRUE(held_up->held_up.try_acquire_for(60s));
  const auto begun = tests::begin(*ranks[1].connector, Address(key, 0, size_bytes), CountsUntil::it_is_used);
  ASSERT_NE(begun.coming, nullptr);
  EXPECT_EQ(code_of(ranks[1].connector->get(Address(key, 0, size_bytes), 1ms)), Errc::timeout);
  ranks[1].links->close();
  EXPECT_FALSE(begun.coming->ended()) << "no thread has driven";
  ranks[1].connector.reset();
  std::weak_ptr<Links> links = ranks[1].links;
  std::thread([&, last = std::exchange(ranks[1].links, nullptr)]() mutable {
    last->close();  // once more: only the end of the links wakes the driver
    held_up->ender = std::this_thread::get_id();
    last.reset();
  }).join();
  EXPECT_TRUE(links.expired());
  ASSERT_TRUE(begun.coming->ended());
  EXPECT_EQ(code_of(begun.coming->get(1s)), Errc::closed);
  const auto& left = ranks[1].process;
  (void)open_cluster({.arena = left.arena, .table = left.table, .directory = left.directory})->usage();
  EXPECT_EQ(node->levels(), tests::PlainNode::Levels{});
}

}  // namespace
}  // namespace locum::tests::prefetch_threads_test
