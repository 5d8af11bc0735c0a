#include "core/rpc/peer_monitor.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace locum {
namespace {

using namespace std::chrono_literals;
using Clock = PeerMonitor::Clock;

/// Two ranks; a reply of the other one is due, and it is silent.
class PeerMonitorTest : public testing::Test {
 protected:
  PeerMonitorTest() { peer_monitor_.owe(1); }

  // When the other one is lost, in steps of a tenth of a second, in each of which something moves or nothing
  // does; the limit if it is not lost.
  Clock::duration lost_after(bool moving, Clock::duration limit) {
    bool lost = false;
    for (; !lost && now_ - began_ < limit; now_ += 100ms) {
      if (moving) {
        peer_monitor_.note_movement();
      }
      peer_monitor_.look(
          now_, [this](int rank) { asked_.push_back(rank); }, [&lost](int) { lost = true; });
    }
    return now_ - began_;
  }

  const Clock::time_point began_{1h};
  Clock::time_point now_ = began_;
  PeerMonitor peer_monitor_{2, 5s, {}};
  std::vector<int> asked_;
};

TEST_F(PeerMonitorTest, LoseWhoIsSilent) {
  const auto after = lost_after(true, 1min);
  EXPECT_GE(after, 5s);
  EXPECT_LE(after, 6s);
  EXPECT_EQ(asked_, std::vector<int>(4, 1));
}

TEST_F(PeerMonitorTest, ExcuseWhoIsSilentWhileItsBulkMoves) {
  peer_monitor_.moves(1, 160'000'000, now_);  // may take 19 s
  const auto after = lost_after(true, 1min);
  EXPECT_GE(after, 23s);
  EXPECT_LE(after, 26s);
}

TEST_F(PeerMonitorTest, ExcuseNobodyWhileNothingMoves) {
  peer_monitor_.moves(1, 160'000'000, now_);
  EXPECT_LE(lost_after(false, 1min), 7s);
}

TEST_F(PeerMonitorTest, ExcuseNobodyWhoseBulkHasMoved) {
  peer_monitor_.moves(1, 160'000'000, now_);
  peer_monitor_.moved(1);
  EXPECT_LE(lost_after(true, 1min), 6s);
}

TEST_F(PeerMonitorTest, ExcuseForAllBulksTogether) {
  for (int bulk = 0; bulk < 4; ++bulk) {
    peer_monitor_.moves(1, 40'000'000, now_);
  }
  const auto after = lost_after(true, 1min);
  EXPECT_GE(after, 22s);
  EXPECT_LE(after, 26s);
}

TEST_F(PeerMonitorTest, KnowNoBulkThatIsTooLarge) {
  peer_monitor_.moves(1, ~std::uint64_t{0}, now_);
  EXPECT_GE(lost_after(true, 1min), 1min);
}

}  // namespace
}  // namespace locum
