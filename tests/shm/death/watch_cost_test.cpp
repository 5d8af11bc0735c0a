#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "shm/death/watch.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/shm/fork_group.hpp"
#include "tests/shm/player.hpp"
#include "tests/shm/watch_group.hpp"

namespace locum::shm::watch_cost_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using tests::Child;
using tests::start_group;
using Clock = Deadline::Clock;

constexpr std::uint32_t most_ranks = tests::WatchBoard::most_ranks;
constexpr seconds patience = tests::WatchBoard::patience;

/// The system's figures for a thread of this process.
struct ThreadCounts {
  std::uint64_t cpu_ns = 0;
  std::uint64_t wake_ups = 0;
};

std::optional<ThreadCounts> counts_of(const std::string& thread) {
  ThreadCounts counts;
  std::ifstream schedule("/proc/self/task/" + thread + "/schedstat");
  if (!(schedule >> counts.cpu_ns)) {
    return std::nullopt;
  }
  std::ifstream status("/proc/self/task/" + thread + "/status");
  for (std::string word; status >> word;) {
    if (word == "voluntary_ctxt_switches:") {
      status >> counts.wake_ups;
    }
  }
  return counts;
}

std::set<std::string> threads_of_watches() {
  std::set<std::string> threads;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::getline(std::ifstream(entry.path() / "comm"), name);
    if (name == "locum watch") {
      threads.insert(entry.path().filename());
    }
  }
  return threads;
}

// Two watches in this process, one of each kind, and seven living processes: the measurement ends when the
// polling one has polled thirty times. The processor time, a thousandth of a core on a quiet machine, may be
// ten times that: a thread that wakes up on a busy machine pays for the caches that others have filled.
TEST(WatchCost, FewWakeUpsWhenNothingHappens) {
  if (tests::sanitized) {
    GTEST_SKIP() << "a sanitizer takes time of its own";
  }
  const auto segment = tests::make_segment(most_ranks);
  std::vector<Child> mates = start_group(7, [&](Group& group) -> std::string {
    const auto own = static_cast<std::uint32_t>(group.rank()) + 2;
    std::vector<ProcessIdentity> nobody(most_ranks);
    const Watch watch(segment, own, nobody, {[](std::uint32_t) {}, [](std::uint32_t) {}});
    ::pause();
    return "";
  });
  const auto all_present = [&] {
    for (std::uint32_t rank = 2; rank < most_ranks; ++rank) {
      if (segment->share(rank).state.load() != static_cast<std::uint32_t>(ShareState::present)) {
        return false;
      }
    }
    return true;
  };
  const auto moment = Clock::now() + patience;
  while (!all_present()) {
    ASSERT_LT(Clock::now(), moment);
    std::this_thread::yield();
  }
  std::vector<ProcessIdentity> processes(most_ranks, ProcessIdentity::own());
  for (std::uint32_t rank = 2; rank < most_ranks; ++rank) {
    processes[rank].number = static_cast<std::uint64_t>(mates[rank - 2].id());
  }
  std::atomic<int> calls{0};
  const Watch::Duties duties{[&](std::uint32_t) { ++calls; }, [&](std::uint32_t) { ++calls; }};

  const Watch told(segment, 0, processes, duties);
  const auto first = threads_of_watches();
  ASSERT_EQ(first.size(), 1U);
  const std::string teller = *first.begin();
  for (ProcessIdentity& process : processes) {
    process.name_space = 0;
  }
  const Watch looking(segment, 1, processes, duties);
  auto both = threads_of_watches();
  both.erase(teller);
  ASSERT_EQ(both.size(), 1U);
  const std::string looker = *both.begin();

  const auto told_before = counts_of(teller);
  const auto looked_before = counts_of(looker);
  if (!told_before || !looked_before) {
    GTEST_SKIP() << "this system does not measure threads (/proc/self/task/*/schedstat)";
  }
  const auto start = Clock::now();
  ThreadCounts looked = *looked_before;
  while (looked.wake_ups < looked_before->wake_ups + 30) {
    ASSERT_LT(Clock::now(), start + patience);
    std::this_thread::sleep_for(milliseconds(20));
    looked = *counts_of(looker);
  }
  const ThreadCounts told_after = *counts_of(teller);
  const std::chrono::duration<double> took = Clock::now() - start;
  const auto share = [&](const ThreadCounts& now, const ThreadCounts& before) {
    return static_cast<double>(now.cpu_ns - before.cpu_ns) * 1e-9 / took.count();
  };
  const auto rate = [&](const ThreadCounts& now, const ThreadCounts& before) {
    return static_cast<double>(now.wake_ups - before.wake_ups) / took.count();
  };
  EXPECT_LE(share(told_after, *told_before), 0.01);
  EXPECT_LE(share(looked, *looked_before), 0.01);
  EXPECT_LE(rate(told_after, *told_before), 2.5);
  EXPECT_LE(rate(looked, *looked_before), 22.0);
  EXPECT_EQ(calls.load(), 0);
}

}  // namespace
}  // namespace locum::shm::watch_cost_test
