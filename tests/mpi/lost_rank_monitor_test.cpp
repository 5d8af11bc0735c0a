#include "mpi/lost_rank_monitor.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace locum::mpi {
namespace {

using namespace std::chrono_literals;

/// A node of three ranks, of which rank 0 has closed alone.
LostRankMonitor of_three(const std::shared_ptr<DeadRanks>& of_node) {
  return {of_node, {0, 1, 2}, [] { return std::vector<std::uint32_t>{0}; }};
}

// The other rank, which noticed the death first, has closed before this rank's watch noticed it.
TEST(LostRankMonitor, AreTheDeadAndNotWhoClosedAloneForThem) {
  const auto of_node = std::make_shared<DeadRanks>(3);
  LostRankMonitor losses = of_three(of_node);
  EXPECT_TRUE(losses.ranks_while_waiting().empty());
  of_node->note({.rank = 1, .adopter = std::nullopt});
  EXPECT_EQ(losses.ranks_while_waiting(), std::vector<int>{1});
}

TEST(LostRankMonitor, AreWhoClosedAloneWhereNobodyIsMissed) {
  LostRankMonitor losses = of_three(std::make_shared<DeadRanks>(3));
  const auto last = std::chrono::steady_clock::now() + 20s;
  std::vector<int> lost;
  while (lost.empty() && std::chrono::steady_clock::now() < last) {
    std::this_thread::sleep_for(1ms);  // as a wait in MPI polls at times
    lost = losses.ranks_while_waiting();
  }
  EXPECT_EQ(lost, std::vector<int>{0});
}

}  // namespace
}  // namespace locum::mpi
