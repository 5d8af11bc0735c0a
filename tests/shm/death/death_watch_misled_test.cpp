#include <gtest/gtest.h>
#include <linux/futex.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <string>

#include "shm/death/death_watch.hpp"
#include "tests/shm/watch_group.hpp"

// Watches with wrong arguments, or wrong words in the memory of their node.
namespace locum::shm {
namespace {

using std::chrono::seconds;
using tests::Child;
using tests::Ending;
using tests::ExitDetection;

using MisledWatchTest = tests::WatchTest;

// The C library would treat such a lock as one of another kind, and abort.
TEST_P(MisledWatchTest, DoesNotTouchALockThatAStrayStoreHit) {
  start(4);
  std::memset(&segment_->share(1).life.__data.__kind, 0x61, sizeof(int));
  kill(2);
  expect_noticed({2});
  std::memset(&segment_->share(3).life, 0x5A, sizeof(pthread_mutex_t));
  children_[3].kill();
  EXPECT_EQ(children_[3].wait().signal, SIGKILL);
  board_->let_end();
  for (const std::size_t survivor : {0U, 1U}) {
    const Ending ending = children_[survivor].wait();
    EXPECT_EQ(ending.exit_code, 0) << "rank " << survivor << ", signal " << ending.signal;
    EXPECT_EQ(ending.said, "2 ");
  }
}

// A word of each share is overwritten while all live, and again while one is being adopted.
TEST_P(MisledWatchTest, TakesNobodyForDeadWhateverNamesItsAdopter) {
  start(5);
  const auto overwrite_all = [&](const std::array<std::uint32_t, 5>& words) {
    for (std::uint32_t rank = 0; rank < words.size(); ++rank) {
      segment_->share(rank).adopter.store(words[rank]);
    }
  };
  const auto looked_after = [&] {
    return segment_->share(0).adopter.load() == 0 && segment_->share(1).adopter.load() == 0 &&
           segment_->share(2).adopter.load() == 0;
  };
  for (const std::array<std::uint32_t, 5>& words :
       {std::array{2U, 3U, 4U, 5U, 1U}, std::array{1U, 2U, 3U, 4U, 5U},
        std::array{~0U, 6U, 1U, 1U, 0x5A5AU}}) {
    overwrite_all(words);
    ASSERT_TRUE(board_->wait_for(looked_after)) << "a living process rewrites its word";
  }
  overwrite_all({4, 4, 4, 2, 4});
  kill(3);
  overwrite_all({4, 4, 4, 5, 4});
  expect_noticed({3});
  overwrite_all({4, 4, 4, 0, 4});
  ASSERT_TRUE(board_->wait_for([&] { return looked_after() && adopted({3}); }))
      << "the adopter rewrites the dead one's word";
  kill(4);
  expect_noticed({3, 4});
  end({3, 4});
}

// The lock says that its owner has died, and another word names a new owner.
TEST_P(MisledWatchTest, TakesNobodyForDeadWhateverItsLockSays) {
  start(4);
  segment_->share(1).life.__data.__lock = FUTEX_OWNER_DIED;
  segment_->share(1).adopter.store(0 + 1);
  kill(2);  // then each checks all others
  expect_noticed({2});
  EXPECT_EQ(deaths(0, 1) + deaths(3, 1) + adoptions(1), 0U);
  const auto killed = kill(1);
  expect_noticed({1, 2});
  EXPECT_LT(longest_notice(1, killed), seconds(3));
  end({1, 2});
}

// The dead one's lock word contains the number of a living process, or of one that is gone.
TEST_P(MisledWatchTest, AdoptsWhoDiesThoughItsWordNamesAnother) {
  start(4);
  kill(0);
  expect_noticed({0});
  segment_->share(1).adopter.store(0 + 1);
  const auto killed = kill(1);
  segment_->share(1).adopter.store(2 + 1);
  expect_noticed({0, 1});
  EXPECT_LT(longest_notice(1, killed), seconds(3));
  end({0, 1});
}

INSTANTIATE_TEST_SUITE_P(, MisledWatchTest,
                         testing::Values(ExitDetection::by_system, ExitDetection::by_polling),
                         tests::name_of);

using WrongWatchTest = tests::WatchTest;

// The number is that of a process which ends while the rank lives, and the reverse.
TEST_P(WrongWatchTest, AWrongProcessNumberNeitherKillsNorHides) {
  Child other([] {
    ::pause();
    return std::string();
  });
  const auto wrong = static_cast<std::uint64_t>(other.id());
  start(3, [&](Group& group) -> std::string {
    const auto own = static_cast<std::uint32_t>(group.rank());
    auto processes = identities(group);
    processes[1].number = own == 0 ? wrong : processes[1].number;
    processes[2].number = own == 0 ? static_cast<std::uint64_t>(::getppid()) : processes[2].number;
    const DeathWatch watch(segment_, own, processes, duties(own));
    group.barrier();
    board_->tell_ready();
    return board_->wait_for([&] { return board_->may_end.load() != 0; }) ? ""
                                                                         : "was not allowed to end in time";
  });
  other.kill();
  EXPECT_EQ(other.wait().signal, SIGKILL);
  const auto killed = kill(2);  // while rank 0 watches a living process
  ASSERT_TRUE(board_->wait_for([&] { return deaths(0, 2) == 1 && adoptions(2) == 1; }));
  EXPECT_LT(longest_notice(2, killed), seconds(3));
  EXPECT_EQ(deaths(0, 1), 0U) << "it is alive, whichever process has ended";
  EXPECT_EQ(segment_->share(1).adopter.load(), 0U);
  const auto killed_too = kill(1);
  ASSERT_TRUE(board_->wait_for([&] { return deaths(0, 1) == 1 && adoptions(1) == 1; }));
  EXPECT_LT(longest_notice(1, killed_too), promised);
  board_->let_end();
  EXPECT_EQ(children_[0].wait().exit_code, 0);
}

// Its process continues, but the rank is gone.
TEST_P(WrongWatchTest, WhoBecomesAnotherProgramIsDead) {
  start(2, [this](Group& group) -> std::string {
    const auto own = static_cast<std::uint32_t>(group.rank());
    if (own == 0) {
      return take_part(group, duties(own));
    }
    const DeathWatch watch(segment_, own, identities(group), duties(own));
    group.barrier();
    board_->tell_ready();
    ::execl("/bin/sleep", "sleep", "60", nullptr);
    return "no exec";
  });
  ASSERT_TRUE(board_->wait_for([&] { return deaths(0, 1) == 1 && adoptions(1) == 1; }));
  kill(1);
  end({1});
}

// Many ranks and few descriptors: those belong to the application.
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
    auto processes = identities(group);
    const DeathWatch watch(segment_, own, processes, duties(own));
    EXPECT_EQ(count() - before, 1) << "only the event that stops it";
    group.barrier();
    board_->tell_ready();
    return board_->wait_for([&] { return board_->may_end.load() != 0; }) ? "4 "
                                                                         : "was not allowed to end in time";
  });
  const auto killed = kill(4);
  expect_noticed({4});
  EXPECT_LT(longest_notice(4, killed), promised);
  end({4});
}

INSTANTIATE_TEST_SUITE_P(, WrongWatchTest, testing::Values(ExitDetection::by_system), tests::name_of);

}  // namespace
}  // namespace locum::shm
