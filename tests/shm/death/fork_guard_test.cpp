#include "transport/storage/fork_guard.hpp"
#include "core/detail/session_state.hpp"

#include <gtest/gtest.h>

#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/detail/decoded_cache.hpp"
#include "core/node/cluster.hpp"
#include "core/serializers.hpp"
#include "core/store.hpp"
#include "shm/arena/arena.hpp"
#include "shm/names/name_table.hpp"
#include "shm/table/object_table.hpp"
#include "tests/shm/child.hpp"
#include "tests/shm/player.hpp"

// A thread of a rank holds a lock while another one forks. In the child the lock is held for ever:
// destructors there must not take it.
namespace locum::shm {
namespace {

/// The arena of a rank, with a lock that a test holds in place of one of the rank's threads.
class LockedArena final : public Arena {
 public:
  explicit LockedArena(std::shared_ptr<Segment> segment)
      : arena_(std::move(segment), 0, 64_KiB, 0, SharedArena::Background::caller) {}

  Result<Block> allocate(std::uint64_t size_bytes, std::uint64_t alignment, WaitBudget budget) override {
    const std::lock_guard lock(mutex_);
    return arena_.allocate(size_bytes, alignment, budget);
  }
  void free(const Block& block) noexcept override {
    const std::lock_guard lock(mutex_);
    arena_.free(block);
  }
  std::byte* data(std::uint64_t offset) const noexcept override { return arena_.data(offset); }
  bool contains(std::uint64_t offset, std::uint64_t size_bytes) const noexcept override {
    return arena_.contains(offset, size_bytes);
  }
  ArenaUsage usage() const override {
    const std::lock_guard lock(mutex_);
    return arena_.usage();
  }

  /// Runs `body` while a thread of this process holds the lock.
  template <class Body>
  void while_held(Body body) {
    std::latch held(1);
    std::latch done(1);
    std::thread holder([&] {
      const std::lock_guard lock(mutex_);
      held.count_down();
      done.wait();
    });
    held.wait();
    body();
    done.count_down();
    holder.join();
  }

 private:
  mutable std::mutex mutex_;
  SharedArena arena_;
};

class ForkGuardTest : public testing::Test {
 protected:
  ForkGuardTest() {
    const auto objects = ObjectTable::make(segment_, 0, {0});
    session_ = std::make_shared<Session>(
        open_cluster({.arena = arena_,
                      .table = objects,
                      .directory = std::make_shared<NameTable>(segment_, objects, std::chrono::seconds(5))}),
        std::make_shared<Metrics>());
    storage::guard_forks().value();
    store_.emplace(session_->open("forked").value());
  }

  /// The outcome of a child that is forked while a thread holds the arena's lock.
  template <class Body>
  std::string child_says(Body body) {
    tests::Ending ending;
    arena_->while_held([&] { ending = tests::Child(body).wait(); });
    return ending.exit_code == 0 ? ending.said
                                 : ending.said + " (signal " + std::to_string(ending.signal) + ")";
  }
  [[nodiscard]] Writer<double> writer() { return store_->create<double>({1'000}).value(); }

  std::shared_ptr<Segment> segment_ = tests::make_segment(1);
  std::shared_ptr<LockedArena> arena_ = std::make_shared<LockedArena>(segment_);
  std::shared_ptr<Session> session_;
  std::optional<Store> store_;
};

TEST_F(ForkGuardTest, ChildrenDestroyWritersWithoutALock) {
  std::optional<Writer<double>> unsealed = writer();
  const std::uint64_t used = arena_->usage().used;
  EXPECT_EQ(child_says([&] {
              unsealed.reset();
              return std::string("done");
            }),
            "done");
  EXPECT_EQ(arena_->usage().used, used) << "the memory belongs to the rank, which continues to write there";
  EXPECT_TRUE(unsealed->seal());
}

TEST_F(ForkGuardTest, ChildrenThatSealAreRefusedWithoutALock) {
  Writer<double> unsealed = writer();
  EXPECT_EQ(child_says([&] { return std::string(to_string(unsealed.seal().error().code())); }), "closed");
  EXPECT_TRUE(unsealed.seal());
}

TEST_F(ForkGuardTest, ChildrenDestroyAllThatARankHasWithoutALock) {
  const Key key = store_->put(std::vector<std::string>{"kept", "decoded"}).value();
  std::optional<View<std::vector<std::string>>> view = store_->get<std::vector<std::string>>(key).value();
  const Key flat_key = store_->put(std::vector<double>(10, 1.0)).value();
  std::optional<View<double[]>> flat = store_->get<double[]>(flat_key).value();
  std::optional<Proxy<double[]>> stand_in = store_->proxy<double[]>(flat_key).value();
  ASSERT_TRUE(stand_in->get());
  std::optional<Writer<double>> unsealed = writer();
  EXPECT_EQ(child_says([&] {
              view.reset();
              flat.reset();
              stand_in.reset();
              unsealed.reset();
              store_.reset();
              const std::uint64_t kept = session_->state()->decoded().kept_bytes();
              session_->close();
              return kept > 0 && session_->state()->decoded().kept_bytes() == kept ? std::string("done")
                                                                                   : "it emptied the cache";
            }),
            "done");
  EXPECT_EQ((*flat)[9], 1.0);
  EXPECT_TRUE(unsealed->seal());
}

// A closed runtime releases its session, which lives as long as a store, or anything made by a store.
TEST_F(ForkGuardTest, GuardsASessionThatWasClosed) {
  std::optional<Writer<double>> unsealed = writer();
  session_->close();
  session_.reset();
  EXPECT_EQ(child_says([&] {
              store_.reset();
              unsealed.reset();
              return std::string("done");
            }),
            "done");
  const std::uint64_t used = arena_->usage().used;
  unsealed.reset();
  EXPECT_LT(arena_->usage().used, used) << "in the rank itself the memory is freed";
}

}  // namespace
}  // namespace locum::shm
