#include "shm/names/name_wait.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "tests/shm/player.hpp"

namespace locum::shm::name_wait_test {
namespace {

class NameWaitTest : public testing::Test {
 protected:
  const std::shared_ptr<Segment> segment_ = tests::make_segment(1);
  Shard& shard_ = segment_->shard(3);
  const Deadline::Clock::time_point late_ = Deadline::Clock::now() + std::chrono::seconds(60);
};

TEST_F(NameWaitTest, AsksToBeWoken) {
  const NameWait waiting(shard_);
  EXPECT_EQ(shard_.waiting.load(), shard_awaited);
}

TEST_F(NameWaitTest, DoesNotTakeTheFlagOfWhoWatches) {
  shard_.waiting.store(shard_watched);
  const NameWait waiting(shard_);
  EXPECT_EQ(shard_.waiting.load(), shard_awaited | shard_watched);
}

// Also a waiter that does not sleep yet, and one that looks up a second time.
TEST_F(NameWaitTest, WakesAllWhoSleep) {
  std::atomic<bool> is_bound{false};
  std::atomic<int> woken{0};
  const auto sleeps_until_bound = [&] {
    for (;;) {
      NameWait waiting(shard_);
      if (is_bound || Deadline::Clock::now() >= late_) {
        woken += is_bound ? 1 : 0;
        return;
      }
      waiting.sleep(late_);
    }
  };
  std::thread one(sleeps_until_bound);
  std::thread other(sleeps_until_bound);
  while ((shard_.waiting.load() & shard_awaited) == 0 && Deadline::Clock::now() < late_) {
    std::this_thread::yield();
  }
  is_bound = true;
  (void)shard_.waiting.exchange(0);
  NameWait::wake_all(shard_);
  one.join();
  other.join();
  EXPECT_EQ(woken, 2);
  EXPECT_EQ(shard_.published.load(), 1U);
}

}  // namespace
}  // namespace locum::shm::name_wait_test
