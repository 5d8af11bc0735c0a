#include "shm/death/death_watch.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <new>
#include <set>
#include <string>
#include <vector>

#include "tests/shm/player.hpp"
#include "tests/shm/watch_group.hpp"

namespace locum::shm {
namespace {

using tests::Ending;
using tests::ExitDetection;
using tests::WatchTest;

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
    ASSERT_TRUE(board_->wait_for([&] { return death_reported(dead) && adopted({next}); }))
        << "round " << round;
    next = segment_->share(next).adopter.load() - 1;  // it owns the shares of all before it
    ASSERT_FALSE(dead.contains(next));
  }
  ASSERT_TRUE(board_->wait_for([&] {
    return std::all_of(dead.begin(), dead.end(),
                       [&](std::uint32_t one) { return board_->seen[next][one].adoptions.load() == 1; });
  })) << "the last one owns all shares";
  end(dead);
}

// The first adopter is killed in the middle; its successor begins again.
TEST_P(WatchTest, AnAdopterThatDiesWhileItAdoptsIsAdoptedFrom) {
  start(4, [this](Group& group) {
    const auto own = static_cast<std::uint32_t>(group.rank());
    DeathWatch::Duties all = duties(own);
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
  ASSERT_TRUE(board_->wait_for([&] { return death_reported(dead); }));
  for (const std::uint32_t one : dead) {
    EXPECT_NE(segment_->share(one).adopter.load(), second + 1);
  }
  for (std::uint32_t survivor = 0; survivor < 4; ++survivor) {
    if (!dead.contains(survivor)) {
      EXPECT_EQ(deaths(survivor, 1), 1U) << "although it is adopted twice";
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
      const DeathWatch watch(segment_, 1, identities(group), duties(1));
      group.barrier();
    }
    board_->tell_ready();
    return "";
  });
  EXPECT_EQ(segment_->share(1).state.load(), static_cast<std::uint32_t>(ShareState::left));
  EXPECT_EQ(children_[1].wait().exit_code, 0);
  children_[2].stop();
  kill(3);
  ASSERT_TRUE(board_->wait_for([&] { return deaths(0, 3) == 1 && adoptions(3) == 1; }));
  EXPECT_EQ(deaths(0, 2), 0U) << "rank 0 has checked all, and this one is only stopped";
  kill(2);
  ASSERT_TRUE(board_->wait_for([&] { return deaths(0, 2) == 1 && adoptions(2) == 1; }));
  EXPECT_EQ(deaths(0, 1), 0U) << "it has left";
  EXPECT_EQ(segment_->share(1).adopter.load(), 0U);
  board_->let_end();
  EXPECT_EQ(children_[0].wait().said, "2 3 ");
}

TEST_P(WatchTest, WhatALeaverHadAdoptedPassesOn) {
  start(3, [this](Group& group) -> std::string {
    const auto own = static_cast<std::uint32_t>(group.rank());
    const auto processes = identities(group);
    const auto is_ready = [this] { board_->tell_ready(); };
    if (own == 1) {  // begins late, so that only rank 0 can adopt
      is_ready();
      if (!board_->wait_for([&] { return board_->seen[0][2].adoptions.load() == 1; })) {
        return "rank 0 did not adopt";
      }
    }
    {
      const DeathWatch watch(segment_, own, processes, duties(own));
      if (own != 1) {
        is_ready();
      }
      if (!board_->wait_for([&] { return board_->seen[own == 0 ? 0 : 1][2].adoptions.load() == 1; })) {
        return "did not adopt";
      }
    }
    segment_.reset();  // its adopted shares pass on once it cannot write there any more
    return board_->wait_for([&] { return board_->may_end.load() != 0; }) ? ""
                                                                         : "was not allowed to end in time";
  });
  kill(2);
  ASSERT_TRUE(board_->wait_for([&] { return board_->seen[1][2].adoptions.load() == 1; }))
      << "rank 0 lives, but has left";
  EXPECT_EQ(segment_->share(2).adopter.load(), 2U);
  EXPECT_EQ(deaths(1, 0), 0U);
  board_->let_end();
  EXPECT_EQ(children_[0].wait().said, "");
  EXPECT_EQ(children_[1].wait().said, "");
}

TEST_P(WatchTest, TriesAgainWhatFailed) {
  start(3, [this](Group& group) {
    const auto own = static_cast<std::uint32_t>(group.rank());
    DeathWatch::Duties all = duties(own);
    all.adopt = [this, adopt = all.adopt](std::uint32_t dead) {
      board_->tell();
      if (board_->spare.fetch_add(1) < 2) {
        throw Error(Errc::system, "the test says so");
      }
      adopt(dead);
    };
    testing::internal::CaptureStderr();
    std::string lost = take_part(group, all);
    return lost + testing::internal::GetCapturedStderr();
  });
  kill(0);
  expect_noticed({0});
  EXPECT_EQ(board_->spare.load(), 3U) << "failed twice, then succeeded";
  board_->let_end();
  const std::uint32_t adopter = segment_->share(0).adopter.load() - 1;
  for (const std::uint32_t survivor : {1U, 2U}) {
    const Ending ending = children_[survivor].wait();
    EXPECT_EQ(ending.exit_code, 0);
    const auto message = ending.said.find("dead rank 0 of this node cannot be adopted yet");
    EXPECT_EQ(message != std::string::npos, survivor == adopter) << ending.said;
    if (survivor == adopter) {
      EXPECT_EQ(ending.said.find("cannot be adopted", message + 40), std::string::npos) << "printed once";
    }
  }
}

using ToldWatchTest = WatchTest;

// Rank 3 has the lock of rank 2, which dies, and adopts it only after rank 0 has checked and before rank 0
// sleeps: while rank 0 reports the death of rank 1. Rank 0 gets no further notification then.
TEST_P(ToldWatchTest, NoticesADeathInTimeWhoseHeirComesBetweenALookAndASleep) {
  constexpr std::uint32_t ranks = 4;
  const auto reports_death = [this] { return board_->spare.load() >= 1; };
  start(ranks, [&](Group& group) -> std::string {
    const auto own = static_cast<std::uint32_t>(group.rank());
    const RecordLocks records(segment_->descriptor());
    if (own == 0) {
      DeathWatch::Duties all = duties(own);
      all.on_death = [&, noticed = all.on_death](std::uint32_t dead) {
        if (dead == 1) {
          board_->spare.store(1);
          board_->tell();
          EXPECT_TRUE(board_->wait_for([&] { return board_->spare.load() >= 2; }));
        }
        noticed(dead);
      };
      return take_part(group, all);
    }
    static_cast<void>(identities(group));
    LifeLocks lives(segment_, own);
    if (own == 2) {
      EXPECT_TRUE(records.hold(2));
      segment_->share(2).state.store(static_cast<std::uint32_t>(ShareState::present));
    } else {
      lives.begin();
    }
    if (own == 3) {
      EXPECT_EQ(::pthread_mutex_trylock(&segment_->share(2).life), 0);
    }
    group.barrier();
    board_->tell_ready();
    if (own == 3) {
      EXPECT_TRUE(board_->wait_for(reports_death));
      EXPECT_TRUE(records.hold(LifeLocks::adoption_byte(segment_->geometry(), 2)));
      board_->spare.store(2);
      board_->tell();
      return board_->wait_for([&] { return board_->spare.load() == 3; }) ? ""
                                                                         : "was not allowed to end in time";
    }
    return board_->wait_for([&] { return board_->may_end.load() != 0; }) ? ""
                                                                         : "was not allowed to end in time";
  });
  kill(2);
  EXPECT_EQ(children_[2].wait().signal, SIGKILL);
  kill(1);
  ASSERT_TRUE(board_->wait_for([&] { return board_->spare.load() == 2; }));
  const auto owned = Clock::now();
  ASSERT_TRUE(board_->wait_for([&] { return deaths(0, 2) == 1; }));
  EXPECT_LT(longest_notice(2, owned), promised);
  board_->let_end();
  EXPECT_EQ(children_[0].wait().said, "1 2 ");
  board_->spare.store(3);  // now that rank 0 gets no notification of rank 3 any more
  board_->tell();
  EXPECT_EQ(children_[3].wait().said, "");
}

INSTANTIATE_TEST_SUITE_P(, ToldWatchTest, testing::Values(ExitDetection::by_system), tests::name_of);

INSTANTIATE_TEST_SUITE_P(, WatchTest, testing::Values(ExitDetection::by_system, ExitDetection::by_polling),
                         tests::name_of);

TEST(DeathWatch, RefusesAShareThatIsTaken) {
  const auto segment = tests::make_segment(1);
  const std::vector<ProcessIdentity> processes(1, ProcessIdentity::own());
  const DeathWatch::Duties duties{[](std::uint32_t) {}, [](std::uint32_t) {}};
  const DeathWatch first(segment, 0, processes, duties);
  try {
    const DeathWatch second(segment, 0, processes, duties);
    ADD_FAILURE() << "two processes have the same share";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::corrupt);
  }
  EXPECT_THROW(DeathWatch(segment, 1, processes, duties), Error) << "no such rank";
}

}  // namespace
}  // namespace locum::shm
