#include <gtest/gtest.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): kill is not in <csignal>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <span>
#include <string>

#include "core/value/options.hpp"
#include "shm/names/directory_shard.hpp"
#include "shm/node.hpp"
#include "shm/segment/robust_lock.hpp"
#include "tests/core/code_of.hpp"
#include "tests/shm/fork_group.hpp"
#include "tests/shm/lockstep_nodes.hpp"
#include "tests/shm/stands_still.hpp"

// A rank serves another node while a process of its own node is stopped: while that one holds the lock of a
// shard, and all free memory of the node.
namespace locum::shm::stopped_neighbour_test {
namespace {

using tests::code_of;
using tests::Ending;
using tests::LockstepNodes;
using Clock = Deadline::Clock;
using namespace std::chrono_literals;

constexpr std::uint32_t rank_of_neighbour = 7;  // not one of the ranks that send messages
constexpr std::uint32_t stuck = 5;              // the shard
/// A rank that is silent for that long is given up.
constexpr std::chrono::milliseconds patience = RpcChannelOptions{}.patience;

// Of the stopped process, rank 0 of the group, and of the rank that serves.
Node node_of(Group& group) {
  return open_node(
      group, {rank_of_neighbour, 1},
      {.memory_bytes = 64_MiB, .reserve_bytes = 4_GiB, .prepare_bytes = group.rank() == 0 ? 45_MiB : 4096},
      1);
}

Shard& stuck_shard(const Node& node) {
  std::byte* const base = node.arena->data(0);
  const auto& header = *reinterpret_cast<const SegmentHeader*>(base);
  const Geometry geometry{header.ranks, header.memory_bytes, header.arena_bytes, header.directory_bytes};
  return reinterpret_cast<Shard*>(base + geometry.shards_offset())[stuck];
}

// Keeps the free memory until another process requests it; then takes the lock, and is stopped.
std::string be_stopped(Group& group) {
  const Node node = node_of(group);
  node.arena->free(node.arena->allocate(45_MiB).value());
  const auto self = ::getpid();
  (void)group.all_gather(std::as_bytes(std::span(&self, 1)));
  group.barrier();  // the name to be evicted exists
  {
    const RobustLock lock(stuck_shard(node).lock, Clock::now() + 20s);
    group.barrier();
    ::raise(SIGSTOP);
  }
  group.barrier();
  return "went on";
}

/// The rank that serves, and the requester, in the same thread.
class Serving {
 public:
  explicit Serving(Group& group) : node_(node_of(group)), nodes_(64_MiB, node_) {
    const auto self = ::getpid();
    const auto pids = group.all_gather(std::as_bytes(std::span(&self, 1)));
    std::memcpy(&neighbour_, pids.data(), sizeof neighbour_);
    nodes_.requester().transport->others_turn = [this] { serve(); };
    EXPECT_TRUE(requester().put(evicted_, 1.0));
  }

  void fill() {
    const auto brief = WaitBudget::limited(1ms, WaitBudget::Work::little);
    for (std::uint64_t bytes = 1_MiB; bytes >= 16; bytes -= std::max<std::uint64_t>(bytes / 16, 16)) {
      while (node_.arena->allocate(bytes, 16, brief)) {
      }
    }
  }
  [[nodiscard]] bool is_stopped() const { return tests::stands_still(neighbour_); }
  void let_go_on() const { ::kill(neighbour_, SIGCONT); }

  Store& requester() { return *nodes_.requester().store; }
  [[nodiscard]] const std::string& evicted() const noexcept { return evicted_; }
  /// In a shard whose lock is free.
  [[nodiscard]] std::string free_name() { return name_of(false); }
  /// The longest turn of the rank that serves, and the sum of all.
  [[nodiscard]] Clock::duration longest() const noexcept { return longest_; }
  [[nodiscard]] Clock::duration all() const noexcept { return all_; }

 private:
  [[nodiscard]] std::string name_of(bool is_stuck) {
    for (;;) {
      std::string name = nodes_.name_at_answerer();
      if ((shard_index(name_hash(requester().number(), name)) == stuck) == is_stuck) {
        return name;
      }
    }
  }
  void serve() {
    const auto began = Clock::now();
    (void)nodes_.answerer().links->poll();
    const auto took = Clock::now() - began;
    longest_ = std::max<Clock::duration>(longest_, took);
    all_ += took;
  }

  const Node node_;
  LockstepNodes nodes_;
  const std::string evicted_ = name_of(true);
  pid_t neighbour_ = 0;
  Clock::duration longest_{};
  Clock::duration all_{};
};

std::string serve_all_the_same(Group& group) {
  Serving serving(group);
  group.barrier();
  group.barrier();
  if (!serving.is_stopped()) {
    return "the neighbour does not stop";
  }
  serving.fill();
  constexpr int many = 20;
  for (int time = 0; time < many; ++time) {
    EXPECT_EQ(code_of(serving.requester().evict(serving.evicted(), {.deadline = 2s})), Errc::timeout) << time;
    // Both results are correct: memory may be returned until the deadline.
    const Errc put = code_of(serving.requester().put(serving.free_name(), 1.0, {.deadline = 50ms}));
    EXPECT_TRUE(put == Errc::out_of_memory || put == Errc::timeout) << to_string(put) << ", " << time;
  }
  EXPECT_LT(serving.longest(), patience) << "it was silent for so long";
  EXPECT_LT(serving.all(), patience) << "the holder of the lock is waited for once";
  serving.let_go_on();
  group.barrier();
  EXPECT_TRUE(serving.requester().evict(serving.evicted(), {.deadline = 20s}).value());
  const auto latest = Clock::now() + 20s;
  auto put = serving.requester().put(serving.free_name(), 1.0);
  while (!put && Clock::now() < latest) {
    put = serving.requester().put(serving.free_name(), 1.0);
  }
  EXPECT_TRUE(put) << put.error();
  return testing::Test::HasFailure() ? "failed" : "served";
}

TEST(StoppedNeighbour, WithALockAndAllMemoryKeepsNobodyFromBeingServed) {
  const auto exits = tests::run_group(
      2, [](Group& group) { return group.rank() == 0 ? be_stopped(group) : serve_all_the_same(group); });
  EXPECT_EQ(exits.at(0).said, "went on") << exits[0].signal;
  EXPECT_EQ(exits.at(1).said, "served") << exits[1].signal;
}

}  // namespace
}  // namespace locum::shm::stopped_neighbour_test
