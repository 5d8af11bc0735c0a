#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "shm/death/death_watch.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/shm/child.hpp"
#include "tests/shm/player.hpp"

// Operations of other code on a watch's descriptors must not keep its thread awake.
namespace locum::shm {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// The number of this process's only open event; -1 if there is none.
int open_event() {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code failure;
    if (std::filesystem::read_symlink(entry.path(), failure) == "anon_inode:[eventfd]") {
      return std::stoi(entry.path().filename());
    }
  }
  return -1;
}

/// Processor time of this process's watch so far, as measured by the system; its file is open from the start,
/// since tests close other descriptors.
class WatchTime {
 public:
  WatchTime() {
    // The thread gets its name when it first runs.
    for (const auto until = Deadline::Clock::now() + std::chrono::seconds(10);
         !find() && Deadline::Clock::now() < until;) {
      std::this_thread::yield();
    }
  }

  [[nodiscard]] std::optional<nanoseconds> used() const {
    std::array<char, 64> text{};
    if (::pread(file_.number(), text.data(), text.size() - 1, 0) <= 0) {
      return std::nullopt;
    }
    return nanoseconds(std::strtoll(text.data(), nullptr, 10));
  }

 private:
  [[nodiscard]] bool find() {
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
      std::string name;
      std::getline(std::ifstream(entry.path() / "comm"), name);
      if (name == "locum watch") {
        file_ = Descriptor(::open((entry.path() / "schedstat").c_str(), O_RDONLY | O_CLOEXEC));
        return true;
      }
    }
    return false;
  }

  Descriptor file_;
};

constexpr milliseconds interval{1500};  // in which the thread polls its descriptors at least once more

/// In a separate process: the load of its watch after `disturb`, which gets the number of the event that
/// stops it, in thousandths of a core.
template <class Disturb>
std::string thousandths_of_a_core(std::uint32_t ranks, Disturb disturb) {
  const auto segment = tests::make_segment(ranks);
  const std::vector<ProcessIdentity> nobody(ranks);
  const DeathWatch watch(segment, 0, nobody, {[](std::uint32_t) {}, [](std::uint32_t) {}});
  const WatchTime time;
  disturb(open_event());
  const auto begin = Deadline::Clock::now();
  const auto used_before = time.used();
  std::this_thread::sleep_for(interval);
  const auto used_after = time.used();
  const auto took = Deadline::Clock::now() - begin;
  if (!used_before || !used_after) {
    return "not counted";
  }
  return std::to_string((*used_after - *used_before) * 1000 / took);
}

void expect_asleep(const tests::Ending& ending) {
  ASSERT_EQ(ending.exit_code, 0) << ending.said << ", signal " << ending.signal;
  if (ending.said == "not counted") {
    GTEST_SKIP() << "this system does not measure threads (/proc/self/task/*/schedstat)";
  }
  EXPECT_LE(std::stoi(ending.said), 100) << "thousandths of a core: one that is awake takes a thousand";
}

TEST(WatchEvent, SleepsThoughSomebodyElseWritesToIt) {
  expect_asleep(tests::in_child(
      [] { return thousandths_of_a_core(1, [](int event) { EXPECT_EQ(::eventfd_write(event, 1), 0); }); }));
}

TEST(WatchEvent, SleepsThoughSomebodyClosesIt) {
  expect_asleep(tests::in_child(
      [] { return thousandths_of_a_core(1, [](int event) { EXPECT_EQ(::close(event), 0); }); }));
}

TEST(WatchEvent, SleepsThoughThereAreMoreMatesThanDescriptors) {
  if (tests::sanitized) {
    GTEST_SKIP() << "UndefinedBehaviorSanitizer checks types with a pipe, and needs descriptors for it";
  }
  expect_asleep(tests::in_child([] {
    return thousandths_of_a_core(3, [](int) {
      const rlimit few{2, 2};
      EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    });
  }));
}

}  // namespace
}  // namespace locum::shm
