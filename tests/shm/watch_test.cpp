#include "shm/watch.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <new>
#include <numeric>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "shm/futex.hpp"
#include "tests/shm/fork_group.hpp"
#include "tests/shm/player.hpp"
#include "tests/shm/sanitized.hpp"

namespace locum::shm {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using tests::Child;
using tests::Ending;
using tests::start_group;
using Clock = Deadline::Clock;

constexpr std::uint32_t most_ranks = 9;
constexpr seconds patience{20};
constexpr milliseconds untold{10};  // what nobody tells is looked at this often
// What the documents promise; sanitizers take their share.
constexpr milliseconds promised{tests::sanitized ? 1000 : 200};

/// What the processes of a test tell each other and the test: in memory that they all inherit.
struct Board {
  struct Seen {
    Word32 deaths;     ///< on_death was called
    Word32 adoptions;  ///< adopt came to its end
    std::atomic<Clock::rep> at;
  };
  Word32 changes;  ///< counts all of what is below; sleepers sleep on it
  Word32 ready;
  Word32 may_end;
  Word32 spare;                                               ///< a test's own
  std::array<std::array<Seen, most_ranks>, most_ranks> seen;  ///< by survivor and by dead one

  void tell() {
    changes.fetch_add(1);
    futex_wake_all(changes);
  }
  template <class Condition>
  [[nodiscard]] bool wait_for(Condition condition) {
    const auto moment = Clock::now() + patience;
    for (;;) {
      const std::uint32_t before = changes.load();
      if (condition()) {
        return true;
      }
      const auto now = Clock::now();
      if (now >= moment) {
        return false;
      }
      futex_wait(changes, before, std::min(moment, now + untold));
    }
  }
};

/// How the watches of a test learn of an end.
enum class Telling { by_system, by_looking };

std::vector<ProcessIdentity> identities(Group& group, Telling telling) {
  ProcessIdentity mine = ProcessIdentity::own();
  mine.name_space = telling == Telling::by_system ? mine.name_space : 0;
  const auto bytes = group.all_gather(std::as_bytes(std::span(&mine, 1)));
  std::vector<ProcessIdentity> all(static_cast<std::size_t>(group.size()));
  std::memcpy(all.data(), bytes.data(), bytes.size());
  return all;
}

class WatchTest : public testing::TestWithParam<Telling> {
 protected:
  WatchTest() {
    void* const memory =
        ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
      throw std::bad_alloc();
    }
    board_ = ::new (memory) Board{};
  }
  ~WatchTest() override { ::munmap(board_, sizeof(Board)); }

  /// Says on the board what it is called for.
  [[nodiscard]] Watch::Duties duties(std::uint32_t own) const {
    return {.on_death =
                [board = board_, own](std::uint32_t dead) {
                  board->seen[own][dead].at.store(Clock::now().time_since_epoch().count());
                  board->seen[own][dead].deaths.fetch_add(1);
                  board->tell();
                },
            .adopt =
                [board = board_, own](std::uint32_t dead) {
                  board->seen[own][dead].adoptions.fetch_add(1);
                  board->tell();
                }};
  }

  /// Takes part until the test says that it may end.
  [[nodiscard]] std::string take_part(Group& group, const Watch::Duties& duties) const {
    const auto own = static_cast<std::uint32_t>(group.rank());
    const Watch watch(segment_, own, identities(group, GetParam()), duties);
    group.barrier();
    board_->ready.fetch_add(1);
    board_->tell();
    if (!board_->wait_for([&] { return board_->may_end.load() != 0; })) {
      return "was not told to end";
    }
    std::string lost;
    for (const Loss& loss : watch.losses()->all()) {
      lost += std::to_string(loss.rank) + " ";
    }
    return lost;
  }

  /// `ranks` processes, all of which take part.
  void start(std::uint32_t ranks) {
    start(ranks, [this](Group& group) {
      return take_part(group, duties(static_cast<std::uint32_t>(group.rank())));
    });
  }
  void start(std::uint32_t ranks, const std::function<std::string(Group&)>& body) {
    segment_ = tests::make_segment(ranks);
    children_ = start_group(static_cast<int>(ranks), body);
    ASSERT_TRUE(board_->wait_for([&] { return board_->ready.load() == ranks; }));
  }

  Clock::time_point kill(std::uint32_t rank) {
    const auto now = Clock::now();
    children_[rank].kill();
    return now;
  }

  [[nodiscard]] std::uint32_t deaths(std::uint32_t survivor, std::uint32_t dead) const {
    return board_->seen[survivor][dead].deaths.load();
  }
  /// How many times what `dead` had was adopted.
  [[nodiscard]] std::uint32_t adoptions(std::uint32_t dead) const {
    std::uint32_t sum = 0;
    for (const auto& survivor : board_->seen) {
      sum += survivor[dead].adoptions.load();
    }
    return sum;
  }
  [[nodiscard]] bool mourned(const std::set<std::uint32_t>& dead) const {
    for (std::uint32_t survivor = 0; survivor < children_.size(); ++survivor) {
      for (const std::uint32_t one : dead) {
        if (!dead.contains(survivor) && deaths(survivor, one) == 0) {
          return false;
        }
      }
    }
    return true;
  }
  /// One that lives has adopted each of them to the end; those that died meanwhile may have, too.
  [[nodiscard]] bool adopted(const std::set<std::uint32_t>& dead) const {
    return std::all_of(dead.begin(), dead.end(), [&](std::uint32_t one) {
      const std::uint32_t adopter = segment_->share(one).adopter.load();
      return adopter != 0 && !dead.contains(adopter - 1) &&
             board_->seen[adopter - 1][one].adoptions.load() > 0 &&
             segment_->share(one).state.load() == static_cast<std::uint32_t>(ShareState::adopted);
    });
  }
  /// All survivors know all of `dead`, each exactly once, and somebody has adopted each.
  void expect_noticed(const std::set<std::uint32_t>& dead) {
    ASSERT_TRUE(board_->wait_for([&] { return mourned(dead) && adopted(dead); }));
    for (const std::uint32_t one : dead) {
      const std::uint32_t adopter = segment_->share(one).adopter.load();
      ASSERT_GE(adopter, 1U);
      EXPECT_FALSE(dead.contains(adopter - 1));
      for (std::uint32_t survivor = 0; survivor < children_.size(); ++survivor) {
        if (!dead.contains(survivor)) {
          EXPECT_EQ(board_->seen[survivor][one].adoptions.load(), survivor + 1 == adopter ? 1U : 0U);
          EXPECT_EQ(deaths(survivor, one), 1U) << "of rank " << one << " in rank " << survivor;
        }
      }
    }
  }
  [[nodiscard]] milliseconds longest_notice(std::uint32_t dead, Clock::time_point killed) const {
    Clock::rep latest = 0;
    for (const auto& survivor : board_->seen) {
      latest = std::max(latest, survivor[dead].at.load());
    }
    return std::chrono::duration_cast<milliseconds>(Clock::duration(latest) - killed.time_since_epoch());
  }
  void end(const std::set<std::uint32_t>& dead) {
    board_->may_end = 1;
    board_->tell();
    std::string lost;
    for (const std::uint32_t one : dead) {
      lost += std::to_string(one) + " ";
    }
    for (std::uint32_t rank = 0; rank < children_.size(); ++rank) {
      const Ending ending = children_[rank].wait();
      if (dead.contains(rank)) {
        EXPECT_EQ(ending.signal, SIGKILL);
      } else {
        EXPECT_EQ(ending.exit_code, 0)
            << "rank " << rank << ", signal " << ending.signal << ": " << ending.said;
        EXPECT_EQ(ending.said, lost) << "in rank " << rank;
      }
    }
  }

  Board* board_ = nullptr;
  std::shared_ptr<Segment> segment_;
  std::vector<Child> children_;
};

TEST_P(WatchTest, EverySurvivorNoticesADeathInTimeAndOneAdopts) {
  start(4);
  const auto killed = kill(2);
  expect_noticed({2});
  EXPECT_LT(longest_notice(2, killed), promised);
  RecordProperty("noticed_after_ms", static_cast<int>(longest_notice(2, killed).count()));
  end({2});
}

TEST_P(WatchTest, NoticesThatSeveralDieAtOnceUpToTheLastButOne) {
  start(6);
  const auto killed = kill(0);
  for (const std::uint32_t rank : {1U, 3U, 4U, 5U}) {
    kill(rank);
  }
  expect_noticed({0, 1, 3, 4, 5});
  for (const std::uint32_t rank : {0U, 1U, 3U, 4U, 5U}) {
    EXPECT_LT(longest_notice(rank, killed), promised);
  }
  end({0, 1, 3, 4, 5});
}

TEST_P(WatchTest, NoticesOneAfterTheOtherThoughTheHeirIsAmongThem) {
  start(5);
  std::set<std::uint32_t> dead;
  std::uint32_t next = 3;
  for (int round = 0; round < 4; ++round) {
    kill(next);
    dead.insert(next);
    ASSERT_TRUE(board_->wait_for([&] { return mourned(dead) && adopted({next}); })) << "round " << round;
    next = segment_->share(next).adopter.load() - 1;  // it has all that went before
    ASSERT_FALSE(dead.contains(next));
  }
  ASSERT_TRUE(board_->wait_for([&] {
    return std::all_of(dead.begin(), dead.end(),
                       [&](std::uint32_t one) { return board_->seen[next][one].adoptions.load() == 1; });
  })) << "the last one has inherited everything";
  end(dead);
}

// The first to adopt is killed in the middle; who inherits from it begins again.
TEST_P(WatchTest, AnAdopterThatDiesWhileItAdoptsIsAdoptedFrom) {
  start(4, [this](Group& group) {
    const auto own = static_cast<std::uint32_t>(group.rank());
    Watch::Duties all = duties(own);
    all.adopt = [this, own, adopt = all.adopt](std::uint32_t dead) {
      std::uint32_t nobody = 0;
      if (board_->spare.compare_exchange_strong(nobody, own + 1)) {
        board_->tell();
        ::raise(SIGKILL);
      }
      adopt(dead);
    };
    return take_part(group, all);
  });
  kill(1);
  ASSERT_TRUE(board_->wait_for([&] { return board_->spare.load() != 0; }));
  const std::uint32_t second = board_->spare.load() - 1;
  ASSERT_NE(second, 1U);
  ASSERT_LT(second, 4U);
  ASSERT_TRUE(board_->wait_for([&] { return adoptions(1) == 1 && adoptions(second) == 1; }));
  const std::set<std::uint32_t> dead{1, second};
  ASSERT_TRUE(board_->wait_for([&] { return mourned(dead); }));
  for (const std::uint32_t one : dead) {
    EXPECT_NE(segment_->share(one).adopter.load(), second + 1);
  }
  for (std::uint32_t survivor = 0; survivor < 4; ++survivor) {
    if (!dead.contains(survivor)) {
      EXPECT_EQ(deaths(survivor, 1), 1U) << "though it is adopted twice";
    }
  }
  end(dead);
}

TEST_P(WatchTest, WhoLeavesOrIsStoppedIsNotDead) {
  start(4, [this](Group& group) -> std::string {
    if (group.rank() != 1) {
      return take_part(group, duties(static_cast<std::uint32_t>(group.rank())));
    }
    {
      const Watch watch(segment_, 1, identities(group, GetParam()), duties(1));
      group.barrier();
    }
    board_->ready.fetch_add(1);
    board_->tell();
    return "";
  });
  EXPECT_EQ(segment_->share(1).state.load(), static_cast<std::uint32_t>(ShareState::left));
  EXPECT_EQ(children_[1].wait().exit_code, 0);
  children_[2].stop();
  kill(3);
  ASSERT_TRUE(board_->wait_for([&] { return deaths(0, 3) == 1 && adoptions(3) == 1; }));
  EXPECT_EQ(deaths(0, 2), 0U) << "rank 0 has looked at all, and this one is only stopped";
  kill(2);
  ASSERT_TRUE(board_->wait_for([&] { return deaths(0, 2) == 1 && adoptions(2) == 1; }));
  EXPECT_EQ(deaths(0, 1), 0U) << "it has left";
  EXPECT_EQ(segment_->share(1).adopter.load(), 0U);
  board_->may_end = 1;
  board_->tell();
  EXPECT_EQ(children_[0].wait().said, "2 3 ");
}

// The C library would take such a lock for one of another kind, and abort.
TEST_P(WatchTest, DoesNotTouchALockThatAStrayStoreHit) {
  start(4);
  std::memset(&segment_->share(1).life.__data.__kind, 0x61, sizeof(int));
  kill(2);
  expect_noticed({2});
  std::memset(&segment_->share(3).life, 0x5A, sizeof(pthread_mutex_t));
  children_[3].kill();
  EXPECT_EQ(children_[3].wait().signal, SIGKILL);
  board_->may_end = 1;
  board_->tell();
  for (const std::size_t survivor : {0U, 1U}) {
    const Ending ending = children_[survivor].wait();
    EXPECT_EQ(ending.exit_code, 0) << "rank " << survivor << ", signal " << ending.signal;
    EXPECT_EQ(ending.said, "2 ");
  }
}

TEST_P(WatchTest, WhatALeaverHadAdoptedPassesOn) {
  start(3, [this](Group& group) -> std::string {
    const auto own = static_cast<std::uint32_t>(group.rank());
    const auto processes = identities(group, GetParam());
    const auto is_ready = [this] {
      board_->ready.fetch_add(1);
      board_->tell();
    };
    if (own == 1) {  // comes late, so that only rank 0 can adopt
      is_ready();
      if (!board_->wait_for([&] { return board_->seen[0][2].adoptions.load() == 1; })) {
        return "rank 0 did not adopt";
      }
    }
    {
      const Watch watch(segment_, own, processes, duties(own));
      if (own != 1) {
        is_ready();
      }
      if (!board_->wait_for([&] { return board_->seen[own == 0 ? 0 : 1][2].adoptions.load() == 1; })) {
        return "did not adopt";
      }
    }
    return board_->wait_for([&] { return board_->may_end.load() != 0; }) ? "" : "was not told to end";
  });
  kill(2);
  ASSERT_TRUE(board_->wait_for([&] { return board_->seen[1][2].adoptions.load() == 1; }))
      << "rank 0 lives, but has left";
  EXPECT_EQ(segment_->share(2).adopter.load(), 2U);
  EXPECT_EQ(deaths(1, 0), 0U);
  board_->may_end = 1;
  board_->tell();
  EXPECT_EQ(children_[0].wait().said, "");
  EXPECT_EQ(children_[1].wait().said, "");
}

TEST_P(WatchTest, TriesAgainWhatFailed) {
  start(3, [this](Group& group) {
    const auto own = static_cast<std::uint32_t>(group.rank());
    Watch::Duties all = duties(own);
    all.adopt = [this, adopt = all.adopt](std::uint32_t dead) {
      board_->tell();
      if (board_->spare.fetch_add(1) < 2) {
        throw std::bad_alloc();
      }
      adopt(dead);
    };
    testing::internal::CaptureStderr();
    std::string lost = take_part(group, all);
    return lost + testing::internal::GetCapturedStderr();
  });
  kill(0);
  expect_noticed({0});
  EXPECT_EQ(board_->spare.load(), 3U) << "failed twice, then came to its end";
  board_->may_end = 1;
  board_->tell();
  const std::uint32_t adopter = segment_->share(0).adopter.load() - 1;
  for (const std::uint32_t survivor : {1U, 2U}) {
    const Ending ending = children_[survivor].wait();
    EXPECT_EQ(ending.exit_code, 0);
    const auto message = ending.said.find("dead rank 0 of this node had cannot be taken over yet");
    EXPECT_EQ(message != std::string::npos, survivor == adopter) << ending.said;
    if (survivor == adopter) {
      EXPECT_EQ(ending.said.find("cannot be taken over", message + 40), std::string::npos) << "said once";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, WatchTest, testing::Values(Telling::by_system, Telling::by_looking),
                         [](const auto& each) {
                           return each.param == Telling::by_system ? "ToldByTheSystem" : "ByLooking";
                         });

using WrongWatchTest = WatchTest;

// The number is that of a process which ends while the mate goes on, and the other way round.
TEST_P(WrongWatchTest, AWrongProcessNumberNeitherKillsNorHides) {
  Child other([] {
    ::pause();
    return std::string();
  });
  const auto wrong = static_cast<std::uint64_t>(other.id());
  start(3, [&](Group& group) -> std::string {
    const auto own = static_cast<std::uint32_t>(group.rank());
    auto processes = identities(group, GetParam());
    processes[1].number = own == 0 ? wrong : processes[1].number;
    processes[2].number = own == 0 ? static_cast<std::uint64_t>(::getppid()) : processes[2].number;
    const Watch watch(segment_, own, processes, duties(own));
    group.barrier();
    board_->ready.fetch_add(1);
    board_->tell();
    return board_->wait_for([&] { return board_->may_end.load() != 0; }) ? "" : "was not told to end";
  });
  other.kill();
  EXPECT_EQ(other.wait().signal, SIGKILL);
  const auto killed = kill(2);  // while rank 0 watches somebody who lives
  ASSERT_TRUE(board_->wait_for([&] { return deaths(0, 2) == 1 && adoptions(2) == 1; }));
  EXPECT_LT(longest_notice(2, killed), seconds(3));
  EXPECT_EQ(deaths(0, 1), 0U) << "it lives, whoever has ended";
  EXPECT_EQ(segment_->share(1).adopter.load(), 0U);
  const auto killed_too = kill(1);
  ASSERT_TRUE(board_->wait_for([&] { return deaths(0, 1) == 1 && adoptions(1) == 1; }));
  EXPECT_LT(longest_notice(1, killed_too), promised);
  board_->may_end = 1;
  board_->tell();
  EXPECT_EQ(children_[0].wait().exit_code, 0);
}

// Its process goes on, but the rank is gone.
TEST_P(WrongWatchTest, WhoBecomesAnotherProgramIsDead) {
  start(2, [this](Group& group) -> std::string {
    const auto own = static_cast<std::uint32_t>(group.rank());
    if (own == 0) {
      return take_part(group, duties(own));
    }
    const Watch watch(segment_, own, identities(group, GetParam()), duties(own));
    group.barrier();
    board_->ready.fetch_add(1);
    board_->tell();
    ::execl("/bin/sleep", "sleep", "60", nullptr);
    return "no exec";
  });
  ASSERT_TRUE(board_->wait_for([&] { return deaths(0, 1) == 1 && adoptions(1) == 1; }));
  kill(1);
  end({1});
}

// Many mates and few descriptors: those are the application's.
TEST_P(WrongWatchTest, LeavesDescriptorsToTheApplication) {
  start(6, [this](Group& group) {
    const rlimit few{20, 20};
    ::setrlimit(RLIMIT_NOFILE, &few);
    const auto own = static_cast<std::uint32_t>(group.rank());
    const auto count = [] {
      std::filesystem::directory_iterator all("/proc/self/fd");
      return std::distance(all, std::filesystem::directory_iterator());
    };
    const auto before = count();
    auto processes = identities(group, GetParam());
    const Watch watch(segment_, own, processes, duties(own));
    EXPECT_EQ(count() - before, 1) << "the event that stops it, and nothing else";
    group.barrier();
    board_->ready.fetch_add(1);
    board_->tell();
    return board_->wait_for([&] { return board_->may_end.load() != 0; }) ? "4 " : "was not told to end";
  });
  const auto killed = kill(4);
  expect_noticed({4});
  EXPECT_LT(longest_notice(4, killed), promised);
  end({4});
}

INSTANTIATE_TEST_SUITE_P(, WrongWatchTest, testing::Values(Telling::by_system),
                         [](const auto&) { return "ToldByTheSystem"; });

/// What the system has counted of a thread of this process.
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

/// A thread that wakes twenty times a second and does nothing: what this machine charges for waking alone.
class Sleeper {
 public:
  Sleeper() : thread_([this] { run(); }) { named_.get_future().wait(); }
  ~Sleeper() {
    stop_.store(true);
    thread_.join();
  }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  void run() {
    name_ = std::to_string(::gettid());
    named_.set_value();
    while (!stop_.load()) {
      ::poll(nullptr, 0, 50);
    }
  }

  std::string name_;
  std::promise<void> named_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

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

// Two watches in this process, one of each kind, beside seven processes that live: the interval ends when the
// one that looks has looked sixty times.
TEST(WatchCost, AThousandthOfACoreAtMostWhenNothingHappens) {
  if (tests::sanitized) {
    GTEST_SKIP() << "a sanitizer's time is not ours";
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

  const Sleeper twin;

  if (!counts_of(teller) || !counts_of(looker) || !counts_of(twin.name())) {
    GTEST_SKIP() << "this system does not count what a thread takes (/proc/self/task/*/schedstat)";
  }
  struct Cost {
    double share = 1;
    double rate = 0;
  };
  Cost cheapest_told;
  Cost cheapest_looking;
  Cost cheapest_twin;
  // Of three windows the cheapest: on a busy machine a wake-up is charged for what others did to the caches.
  for (int window = 0; window < 3; ++window) {
    const ThreadCounts told_before = *counts_of(teller);
    const ThreadCounts looked_before = *counts_of(looker);
    const ThreadCounts twin_before = *counts_of(twin.name());
    const auto start = Clock::now();
    ThreadCounts looked = looked_before;
    while (looked.wake_ups < looked_before.wake_ups + 30) {
      ASSERT_LT(Clock::now(), start + patience);
      std::this_thread::sleep_for(milliseconds(20));
      looked = *counts_of(looker);
    }
    const ThreadCounts after = *counts_of(teller);
    const ThreadCounts twin_after = *counts_of(twin.name());
    const std::chrono::duration<double> took = Clock::now() - start;
    const auto keep_cheaper = [&](Cost& cheapest, const ThreadCounts& now, const ThreadCounts& before) {
      const Cost cost{static_cast<double>(now.cpu_ns - before.cpu_ns) * 1e-9 / took.count(),
                      static_cast<double>(now.wake_ups - before.wake_ups) / took.count()};
      cheapest = cost.share < cheapest.share ? cost : cheapest;
    };
    keep_cheaper(cheapest_told, after, told_before);
    keep_cheaper(cheapest_looking, looked, looked_before);
    keep_cheaper(cheapest_twin, twin_after, twin_before);
  }
  std::printf(
      "told by the system %.4f %% of a core, %.1f wake-ups/s; looking %.4f %%, %.1f/s; only waking %.4f %%\n",
      cheapest_told.share * 100, cheapest_told.rate, cheapest_looking.share * 100, cheapest_looking.rate,
      cheapest_twin.share * 100);
  // Where waking alone takes a large part of that, the machine is slow or busy.
  const double promise = std::max(0.001, 2.5 * cheapest_twin.share);
  EXPECT_LE(cheapest_told.share, promise);
  EXPECT_LE(cheapest_looking.share, promise);
  EXPECT_LE(cheapest_told.rate, 2.5);
  EXPECT_LE(cheapest_looking.rate, 22.0);
  EXPECT_EQ(calls.load(), 0);
}

TEST(Watch, RefusesAShareThatIsTaken) {
  const auto segment = tests::make_segment(1);
  const std::vector<ProcessIdentity> processes(1, ProcessIdentity::own());
  const Watch::Duties duties{[](std::uint32_t) {}, [](std::uint32_t) {}};
  const Watch first(segment, 0, processes, duties);
  try {
    const Watch second(segment, 0, processes, duties);
    ADD_FAILURE() << "two have one share";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::corrupt);
  }
  EXPECT_THROW(Watch(segment, 1, processes, duties), Error) << "no such rank";
}

}  // namespace
}  // namespace locum::shm
