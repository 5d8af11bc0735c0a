#include "shm/segment/robust_lock.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <vector>

#include "tests/shm/child.hpp"
#include "tests/shm/player.hpp"

namespace locum::shm::robust_lock_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Outcome = RobustLock::Outcome;

class RobustLockTest : public testing::Test {
 protected:
  std::shared_ptr<Segment> segment_ = tests::make_segment(1);
  pthread_mutex_t& mutex_ = segment_->shard(0).lock;

  static Deadline::Clock::time_point soon() { return Deadline::Clock::now() + seconds(20); }
  [[nodiscard]] Outcome outcome_elsewhere(Deadline::Clock::time_point moment) {
    Outcome outcome{};
    std::thread([&] { outcome = RobustLock(mutex_, moment).outcome(); }).join();
    return outcome;
  }
  void die_with_it() {
    const tests::Ending ending = tests::in_child([&] {
      const RobustLock lock(mutex_, soon());
      ::_exit(lock.outcome() == Outcome::held ? 77 : 1);
      return std::string();
    });
    ASSERT_EQ(ending.exit_code, 77);
  }
};

TEST_F(RobustLockTest, KeepsOthersOut) {
  std::uint64_t count = 0;  // plain: protected only by the lock
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2'000; ++i) {
        const RobustLock lock(mutex_, soon());
        ASSERT_EQ(lock.outcome(), Outcome::held);
        ++count;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(count, 8'000U);
}

TEST_F(RobustLockTest, GivesUpAtTheMoment) {
  const RobustLock lock(mutex_, soon());
  ASSERT_EQ(lock.outcome(), Outcome::held);
  const auto start = Deadline::Clock::now();
  EXPECT_EQ(outcome_elsewhere(start + milliseconds(50)), Outcome::timed_out);
  EXPECT_GE(Deadline::Clock::now() - start, milliseconds(49));  // two clocks
  EXPECT_EQ(outcome_elsewhere(start - seconds(5)), Outcome::timed_out);
  EXPECT_EQ(outcome_elsewhere(Deadline::Clock::time_point::min()), Outcome::timed_out);
  EXPECT_LT(Deadline::Clock::now() - start, seconds(20));
}

TEST_F(RobustLockTest, TakesAFreeOneWhateverTheMoment) {
  EXPECT_EQ(outcome_elsewhere(Deadline::Clock::time_point::min()), Outcome::held);
}

TEST_F(RobustLockTest, PassesOnWhenItsHolderDies) {
  die_with_it();
  {
    RobustLock lock(mutex_, soon());
    ASSERT_EQ(lock.outcome(), Outcome::inherited);
    lock.repaired();
    EXPECT_EQ(lock.outcome(), Outcome::held);
  }
  EXPECT_EQ(outcome_elsewhere(soon()), Outcome::held);
}

TEST_F(RobustLockTest, WakesAWaiterWhenItsHolderDies) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  Outcome outcome{};
  std::thread waiter([&] {
    char byte = 0;
    ASSERT_EQ(::read(pipe[0], &byte, 1), 1);  // the child holds it
    outcome = RobustLock(mutex_, soon()).outcome();
  });
  const tests::Ending ending = tests::in_child([&] {
    const RobustLock lock(mutex_, soon());
    const bool told = lock.outcome() == Outcome::held && ::write(pipe[1], "x", 1) == 1;
    ::_exit(told ? 77 : 1);
    return std::string();
  });
  waiter.join();
  ::close(pipe[0]);
  ::close(pipe[1]);
  EXPECT_EQ(ending.exit_code, 77);
  EXPECT_EQ(outcome, Outcome::inherited);
}

// As a thread of another namespace has it, whose number is that of nobody here.
TEST_F(RobustLockTest, IsNotDamagedByANumberOfAnotherNamespace) {
#ifndef __GLIBC__
  GTEST_SKIP() << "the words of this C library's mutexes are not known";
#else
  const tests::Ending ending = tests::in_child([&] {
    constexpr int nobody = 0x3FFF'FFFE;  // more than the kernel's largest number of a process
    __atomic_store_n(&mutex_.__data.__lock, nobody, __ATOMIC_RELEASE);
    const auto at_once = Deadline::Clock::now();
    EXPECT_EQ(RobustLock(mutex_, at_once).outcome(), Outcome::damaged);
    RobustLock::distrust_numbers();
    EXPECT_EQ(RobustLock(mutex_, at_once).outcome(), Outcome::timed_out);
    __atomic_store_n(&mutex_.__data.__lock, 0, __ATOMIC_RELEASE);
    return std::string("done");
  });
  EXPECT_EQ(ending.said, "done");
  EXPECT_EQ(ending.exit_code, 0);
#endif
}

TEST_F(RobustLockTest, IsLostIfNobodyRepaired) {
  die_with_it();
  EXPECT_EQ(outcome_elsewhere(soon()), Outcome::inherited);
  EXPECT_EQ(outcome_elsewhere(soon()), Outcome::damaged);
}

}  // namespace
}  // namespace locum::shm::robust_lock_test
