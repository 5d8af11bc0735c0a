#include "shm/death/adopter.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <latch>
#include <list>
#include <memory>
#include <thread>
#include <vector>

#include "shm/death/eviction_notice.hpp"
#include "shm/segment/robust_lock.hpp"
#include "tests/shm/player.hpp"

namespace locum::shm {
namespace {

/// A thread that holds the locks of a process's watch: its own share's first.
class Holder {
 public:
  Holder(const Segment& segment, const std::vector<std::uint32_t>& shares)
      : thread_([this, &segment, shares] {
          std::list<RobustLock> lives;
          for (const std::uint32_t rank : shares) {
            lives.emplace_back(segment.share(rank).life, Deadline::Clock::now() + std::chrono::seconds(20));
            EXPECT_EQ(lives.back().outcome(), RobustLock::Outcome::held);
          }
          held_.count_down();
          done_.wait();
        }) {
    held_.wait();
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  ~Holder() {
    done_.count_down();
    thread_.join();
  }

 private:
  std::latch held_{1};
  std::latch done_{1};
  std::thread thread_;
};

class AdopterTest : public testing::Test {
 protected:
  void name(std::uint32_t rank, std::uint32_t word) { segment_->share(rank).adopter.store(word); }
  [[nodiscard]] std::optional<std::uint32_t> of(std::uint32_t rank) const {
    return adopter_of(*segment_, rank);
  }

  std::shared_ptr<Segment> segment_ = tests::make_segment(4);
};

// Ranks 0, 1 and 3 live, and rank 1 has adopted rank 2.
TEST_F(AdopterTest, IsWhoHoldsBothLocksAndSaysSo) {
  const Holder zero(*segment_, {0});
  const Holder one(*segment_, {1, 2});
  const Holder three(*segment_, {3});
  EXPECT_EQ(of(2), std::nullopt) << "not written yet";
  name(2, 2);
  EXPECT_EQ(of(2), 1U);
  EXPECT_EQ(owner_of(*segment_, 2), 1U);
  for (const std::uint32_t stray : {1U, 3U, 4U, 5U, 0x61616161U, ~0U}) {
    name(2, stray);
    EXPECT_EQ(of(2), std::nullopt) << stray;
    EXPECT_EQ(owner_of(*segment_, 2), 2U) << stray;
  }
}

TEST_F(AdopterTest, IsNobodyForWhoLivesWhateverIsWrittenThere) {
  const Holder zero(*segment_, {0});
  const Holder one(*segment_, {1, 2});
  const Holder three(*segment_, {3});
  name(2, 2);
  for (const std::uint32_t living : {0U, 1U, 3U}) {
    for (const std::uint32_t stray : {1U, 2U, 3U, 4U, 5U, 0x61616161U, ~0U}) {
      name(living, stray);
      EXPECT_EQ(of(living), std::nullopt) << stray << " in the share of rank " << living;
      EXPECT_EQ(owner_of(*segment_, living), living);
      if (living != 1 || stray != 3) {
        EXPECT_EQ(of(2), 1U) << stray << " in the share of rank " << living;
      }
    }
    name(living, 0);
  }
}

// One has adopted the other; the locks do not show which, but the adopted one has that state at the end.
TEST_F(AdopterTest, IsDecidedByTheStateWhereTwoNameEachOther) {
  const Holder one(*segment_, {1, 2});
  name(2, 2);
  name(1, 3);
  EXPECT_EQ(of(2), std::nullopt);
  EXPECT_EQ(of(1), std::nullopt);
  segment_->share(2).state.store(static_cast<std::uint32_t>(ShareState::adopted));
  EXPECT_EQ(of(2), 1U);
  EXPECT_EQ(of(1), std::nullopt);
}

TEST_F(AdopterTest, IsNobodyWhereNobodyHoldsALock) {
  name(2, 2);
  EXPECT_EQ(of(2), std::nullopt) << "two free locks have the same holder word";
}

}  // namespace
}  // namespace locum::shm
