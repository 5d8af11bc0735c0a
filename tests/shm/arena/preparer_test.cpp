#include "shm/arena/preparer.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): pthread_sigmask is not in <csignal>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <thread>
#include <utility>

namespace locum::shm {
namespace {

using Moment = Preparer::Moment;
constexpr std::chrono::seconds patience{10};

TEST(Preparer, WorksWhileThereIsSomethingAndOnlyThen) {
  std::atomic<int> left{0};
  std::atomic<int> done{0};
  std::promise<void> first;
  std::promise<void> second;
  Word32 bell{0};
  Preparer preparer(bell, [&] {
    if (left.load() == 0) {
      return Moment::max();
    }
    --left;
    if (++done == 5) {
      first.set_value();
    }
    if (done == 8) {
      second.set_value();
    }
    return Moment::min();
  });
  EXPECT_EQ(done, 0);
  left = 5;
  preparer.wake();
  ASSERT_EQ(first.get_future().wait_for(patience), std::future_status::ready);
  left = 3;
  preparer.wake();
  ASSERT_EQ(second.get_future().wait_for(patience), std::future_status::ready);
}

// A wake-up while it decides to sleep must not be lost.
TEST(Preparer, LosesNoWakeUp) {
  std::atomic<int> wanted{0};
  std::atomic<int> done{0};
  Word32 bell{0};
  Preparer preparer(bell, [&] {
    done.store(wanted.load());
    done.notify_one();
    return Moment::max();
  });
  for (int round = 1; round <= 2000; ++round) {
    wanted = round;
    preparer.wake();
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (done.load() < round) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "round " << round << " was overlooked";
      std::this_thread::yield();
    }
  }
}

TEST(Preparer, TakesNoSignalsAndStandsBehindOthers) {
  struct Facts {
    bool blocks_signals = false;
    int priority = 0;
  };
  std::promise<Facts> told;
  bool first = true;  // a wake-up may come after its work was done
  Word32 bell{0};
  Preparer preparer(bell, [&] {
    sigset_t mask;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    if (std::exchange(first, false)) {
      told.set_value({::sigismember(&mask, SIGTERM) == 1 && ::sigismember(&mask, SIGALRM) == 1,
                      ::getpriority(PRIO_PROCESS, 0)});
    }
    return Moment::max();
  });
  preparer.wake();
  auto facts = told.get_future();
  ASSERT_EQ(facts.wait_for(patience), std::future_status::ready);
  const Facts theirs = facts.get();
  EXPECT_TRUE(theirs.blocks_signals);
  EXPECT_EQ(theirs.priority, std::min(::getpriority(PRIO_PROCESS, 0) + 5, 19));
  sigset_t mine;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mine);
  EXPECT_EQ(::sigismember(&mine, SIGTERM), 0) << "the starting thread's mask is unchanged";
}

TEST(Preparer, EndsThoughItsWorkNeverDoes) {
  std::promise<void> started;
  {
    bool told = false;
    Word32 bell{0};
    Preparer preparer(bell, [&] {
      if (!told) {
        started.set_value();
        told = true;
      }
      return Moment::min();
    });
    preparer.wake();
    ASSERT_EQ(started.get_future().wait_for(patience), std::future_status::ready);
  }
}

}  // namespace
}  // namespace locum::shm
