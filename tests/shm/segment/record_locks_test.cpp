#include "shm/segment/record_locks.hpp"

#include <gtest/gtest.h>
#include <sys/types.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <thread>

#include "tests/shm/child.hpp"
#include "tests/shm/player.hpp"
#include "tests/shm/stage.hpp"

namespace locum::shm {
namespace {

using tests::Child;
using tests::Stage;

class RecordLocksTest : public testing::Test {
 protected:
  // Without another notification than the lock itself.
  void expect_freed(std::uint64_t byte) const {
    const auto latest = Deadline::Clock::now() + std::chrono::seconds(20);
    while (locks_.held_by_another(byte) && Deadline::Clock::now() < latest) {
      std::this_thread::yield();
    }
    EXPECT_TRUE(locks_.free_of_others(byte));
  }

  std::shared_ptr<Segment> segment_ = tests::make_segment(1);
  RecordLocks locks_{segment_->descriptor()};
  Stage stage_;
};

TEST_F(RecordLocksTest, OneProcessHasAByteUntilItEnds) {
  Child holder([&] {
    EXPECT_TRUE(locks_.hold(3));
    EXPECT_TRUE(locks_.hold(3)) << "it has it";
    EXPECT_FALSE(locks_.held_by_another(3)) << "a process does not see its own lock";
    stage_.reach(1);
    ::pause();
    return std::string();
  });
  ASSERT_TRUE(stage_.wait_for(1));
  EXPECT_TRUE(locks_.held_by_another(3));
  EXPECT_FALSE(locks_.free_of_others(3));
  EXPECT_FALSE(locks_.hold(3));
  for (const std::uint64_t other : {2U, 4U}) {
    EXPECT_TRUE(locks_.free_of_others(other));
    EXPECT_FALSE(locks_.held_by_another(other));
  }
  holder.kill();
  EXPECT_EQ(holder.wait().signal, SIGKILL);
  EXPECT_TRUE(locks_.free_of_others(3));
  EXPECT_TRUE(locks_.hold(3));
}

// The thread that took it may have ended long ago, and forked processes may live on.
TEST_F(RecordLocksTest, BelongsToTheProcessAndNotToItsThreadsOrChildren) {
  Child holder([&] {
    std::thread([&] { EXPECT_TRUE(locks_.hold(0)); }).join();
    const pid_t child = ::fork();
    if (child == 0) {
      EXPECT_TRUE(locks_.held_by_another(0)) << "it belongs to the parent";
      stage_.reach(1);
      static_cast<void>(stage_.wait_for(2));
      ::_exit(0);
    }
    ::pause();
    return std::string();
  });
  ASSERT_TRUE(stage_.wait_for(1));
  EXPECT_TRUE(locks_.held_by_another(0));
  holder.kill();
  expect_freed(0);
  stage_.reach(2);
}

TEST_F(RecordLocksTest, EndsWhenTheProcessBecomesAnotherProgram) {
  Child holder([&] {
    EXPECT_TRUE(locks_.hold(0));
    stage_.reach(1);
    static_cast<void>(stage_.wait_for(2));
    ::execl("/bin/sleep", "sleep", "60", nullptr);
    return std::string("no exec");
  });
  ASSERT_TRUE(stage_.wait_for(1));
  EXPECT_TRUE(locks_.held_by_another(0));
  stage_.reach(2);
  expect_freed(0);
  EXPECT_EQ(::kill(holder.id(), 0), 0) << "the process continues";
}

TEST_F(RecordLocksTest, SaysNothingWhereTheKernelDoesNot) {
  const RecordLocks closed(-1);
  EXPECT_FALSE(closed.hold(0));
  EXPECT_FALSE(closed.held_by_another(0));
  EXPECT_FALSE(closed.free_of_others(0));
}

}  // namespace
}  // namespace locum::shm
