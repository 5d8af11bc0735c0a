#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "shm/death/death_watch.hpp"
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

/// How often the system has woken a thread of this process, if it counts that.
std::optional<std::uint64_t> wake_ups_of(const std::string& thread) {
  std::ifstream status("/proc/self/task/" + thread + "/status");
  std::uint64_t count = 0;
  for (std::string word; status >> word;) {
    if (word == "voluntary_ctxt_switches:") {
      return status >> count ? std::optional(count) : std::nullopt;
    }
  }
  return std::nullopt;
}

/// The thread of a watch that was just made, other than that one: a thread gives itself its name when it
/// starts.
std::string thread_of_watch(const std::string& other = "") {
  for (const auto moment = Clock::now() + patience; Clock::now() < moment; std::this_thread::yield()) {
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
      std::string name;
      std::getline(std::ifstream(entry.path() / "comm"), name);
      if (name == "locum watch" && entry.path().filename() != other) {
        return entry.path().filename();
      }
    }
  }
  return "";
}

// Two watches in this process, one of each kind, and seven living processes: the measurement ends when the
// polling one has polled thirty times. It polls twenty times a second; a page that the system has to find
// first is one more wake-up, so that twice as many are no error. What a poll costs depends on the machine.
TEST(WatchCost, FewWakeUpsWhenNothingHappens) {
  if (tests::sanitized) {
    GTEST_SKIP() << "a sanitizer takes time of its own";
  }
  const auto segment = tests::make_segment(most_ranks);
  std::vector<Child> node_peers = start_group(7, [&](Group& group) -> std::string {
    const auto own = static_cast<std::uint32_t>(group.rank()) + 2;
    std::vector<ProcessIdentity> nobody(most_ranks);
    const DeathWatch watch(segment, own, nobody, {[](std::uint32_t) {}, [](std::uint32_t) {}});
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
    processes[rank].number = static_cast<std::uint64_t>(node_peers[rank - 2].id());
  }
  std::atomic<int> calls{0};
  const DeathWatch::Duties duties{[&](std::uint32_t) { ++calls; }, [&](std::uint32_t) { ++calls; }};

  const DeathWatch by_system(segment, 0, processes, duties);
  const std::string teller = thread_of_watch();
  for (ProcessIdentity& process : processes) {
    process.name_space = 0;
  }
  const DeathWatch looking(segment, 1, processes, duties);
  const std::string looker = thread_of_watch(teller);
  ASSERT_FALSE(teller.empty() || looker.empty());

  const auto told_before = wake_ups_of(teller);
  const auto looked_before = wake_ups_of(looker);
  if (!told_before || !looked_before) {
    GTEST_SKIP() << "this system does not count the wake-ups of threads (/proc/self/task/*/status)";
  }
  const auto start = Clock::now();
  std::uint64_t looked = *looked_before;
  while (looked < *looked_before + 30) {
    ASSERT_LT(Clock::now(), start + patience);
    std::this_thread::sleep_for(milliseconds(20));
    looked = *wake_ups_of(looker);
  }
  const std::uint64_t told = *wake_ups_of(teller);
  const std::chrono::duration<double> took = Clock::now() - start;
  EXPECT_LE(static_cast<double>(told - *told_before), 5 * took.count());
  EXPECT_LE(static_cast<double>(looked - *looked_before), 40 * took.count());
  EXPECT_EQ(calls.load(), 0);
}

}  // namespace
}  // namespace locum::shm::watch_cost_test
