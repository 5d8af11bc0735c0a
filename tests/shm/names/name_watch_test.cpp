#include "shm/names/name_watch.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "core/ports/directory.hpp"
#include "shm/segment/robust_lock.hpp"
#include "tests/core/no_more_threads.hpp"
#include "tests/shm/player.hpp"

namespace locum::shm::name_watch_test {
namespace {

using tests::Player;

constexpr std::uint32_t store = 7;
constexpr const char* name = "wanted";

class Listener final : public NameWatcher {
 public:
  void bound() noexcept override {
    const std::lock_guard lock(mutex_);
    ++told_;
    changed_.notify_all();
  }
  [[nodiscard]] int times_told() {
    const std::lock_guard lock(mutex_);
    return told_;
  }
  /// Whether it was notified `times` times before its patience ended.
  [[nodiscard]] bool told(int times) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return told_ >= times; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int told_ = 0;
};

class NameWatchTest : public testing::Test {
 protected:
  bool watch() { return player_.names->watch(name_hash(store, name), listener_); }
  [[nodiscard]] Share& share() const { return segment_->share(0); }
  [[nodiscard]] Shard& shard() const {
    return segment_->shard(static_cast<std::uint32_t>(name_hash(store, name) >> 58U));
  }

  std::shared_ptr<Segment> segment_ = tests::make_segment(2);
  const std::shared_ptr<Listener> listener_ = std::make_shared<Listener>();
  Player player_{segment_, 0, 1_MiB};
  Player other_{segment_, 1, 1_MiB};
};

TEST_F(NameWatchTest, TellsOfANameThatAnotherProcessBinds) {
  EXPECT_TRUE(watch());
  (void)other_.put(store, name, 1).value();
  EXPECT_EQ(share().news.load(), 1U) << "it was rung, and did not wait for its own periodic look-up";
  EXPECT_TRUE(listener_->told(1));
}

// By the binding thread: no other thread is woken for that.
TEST_F(NameWatchTest, TellsOfANameThatItsOwnProcessBindsBeforeThatReturns) {
  EXPECT_TRUE(watch());
  (void)player_.put(store, name, 1).value();
  EXPECT_EQ(listener_->times_told(), 1);
  EXPECT_EQ(share().news.load(), 0U) << "its thread was woken";
  (void)player_.put(store, "unwatched", 1).value();
  EXPECT_EQ(listener_->times_told(), 1) << "after a notification names must be watched anew";
}

// Waking takes longer than binding, and others want to bind names of the same shard.
TEST_F(NameWatchTest, TellsWithoutTheLockOfTheShard) {
  class LockLooker final : public NameWatcher {
   public:
    explicit LockLooker(const Shard& shard) : shard_(shard) {}
    void bound() noexcept override { holder_ = RobustLock::holder(shard_.lock); }
    [[nodiscard]] std::optional<std::uint32_t> holder() const { return holder_; }

   private:
    const Shard& shard_;
    std::optional<std::uint32_t> holder_;
  };
  const auto looker = std::make_shared<LockLooker>(shard());
  EXPECT_TRUE(player_.names->watch(name_hash(store, name), looker));
  (void)player_.put(store, name, 1).value();
  EXPECT_EQ(looker->holder(), 0U);
}

// The binding process sees no watcher, and rings no process.
TEST_F(NameWatchTest, TellsInTheEndThoughAStrayStoreClearedItsFlag) {
  EXPECT_TRUE(watch());
  share().watching.store(0);
  (void)other_.put(store, name, 1).value();
  EXPECT_EQ(share().news.load(), 0U) << "no process rang";
  EXPECT_TRUE(listener_->told(1));
}

TEST_F(NameWatchTest, TellsInTheEndThoughAStrayStoreClearedTheFlagOfTheShard) {
  EXPECT_TRUE(watch());
  shard().waiting.store(0);
  (void)other_.put(store, name, 1).value();
  EXPECT_EQ(share().news.load(), 0U) << "no process rang";
  EXPECT_TRUE(listener_->told(1));
}

TEST_F(NameWatchTest, SetsItsFlagsAgainWhenItIsToldForNoReason) {
  EXPECT_TRUE(watch());
  share().watching.store(0);
  shard().waiting.store(0);
  ASSERT_TRUE(listener_->told(1));
  EXPECT_TRUE(watch());  // as after a notification
  EXPECT_EQ(share().watching.load(), 1U);
  EXPECT_NE(shard().waiting.load(), 0U);
  (void)other_.put(store, name, 1).value();
  EXPECT_TRUE(listener_->told(2));
}

// The watcher is notified that it must poll, and the next watch starts the thread.
TEST_F(NameWatchTest, StartsItsThreadLaterWhereThereCannotBeOne) {
  {
    const tests::NoMoreThreads limited;
    EXPECT_FALSE(watch());
    EXPECT_FALSE(watch());
  }
  EXPECT_EQ(share().watching.load(), 1U) << "a binding process rings nevertheless";
  EXPECT_TRUE(watch());
  (void)other_.put(store, name, 1).value();
  EXPECT_TRUE(listener_->told(1));
}

}  // namespace
}  // namespace locum::shm::name_watch_test
