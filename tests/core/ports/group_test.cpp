#include "core/ports/group.hpp"

#include <gtest/gtest.h>

#include "tests/core/group_contract.hpp"

namespace locum {
namespace {

TEST(SoloGroup, KeepsTheContract) {
  SoloGroup group;
  contract::expect_group_contract(group);
}

TEST(SoloGroup, IsOneRankOnOneNode) {
  const SoloGroup group;
  EXPECT_EQ(group.rank(), 0);
  EXPECT_EQ(group.size(), 1);
  EXPECT_EQ(group.node_of_rank(), std::vector<int>{0});
}

}  // namespace
}  // namespace locum
