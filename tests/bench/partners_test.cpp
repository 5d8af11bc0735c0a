#include "bench/scaling/partners.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace {

using scaling::Partner;
using scaling::Partners;

std::vector<int> owners(const std::vector<int>& node_of, Partner partner) {
  const Partners partners(node_of, partner);
  std::vector<int> all;
  for (int rank = 0; rank < static_cast<int>(node_of.size()); ++rank) {
    all.push_back(partners.owner_for(rank));
  }
  return all;
}

TEST(Partners, OfTheNodeAreItsNextRanks) {
  EXPECT_EQ(owners({0, 0, 0, 1, 1}, Partner::on_node), (std::vector<int>{1, 2, 0, 4, 3}));
  EXPECT_EQ(owners({0}, Partner::on_node), (std::vector<int>{0}));
}

TEST(Partners, OfAnotherNodeHaveTheSamePlaceThere) {
  EXPECT_EQ(owners({0, 0, 1, 1}, Partner::other_node), (std::vector<int>{2, 3, 0, 1}));
  // The second node is smaller, and ranks of a node need not be consecutive.
  EXPECT_EQ(owners({0, 1, 0, 2, 0}, Partner::other_node), (std::vector<int>{1, 3, 1, 0, 1}));
}

TEST(Partners, OfASingleNodeAreOnIt) {
  EXPECT_EQ(owners({0, 0}, Partner::other_node), (std::vector<int>{1, 0}));
}

TEST(Partners, KnowWhoReadsFromThem) {
  const Partners partners({0, 1, 0, 2, 0}, Partner::other_node);
  EXPECT_EQ(partners.readers_of(1), (std::vector<int>{0, 2, 4}));
  EXPECT_EQ(partners.readers_of(2), std::vector<int>());
  EXPECT_EQ(partners.place_on_node(4), 2);
  EXPECT_EQ(partners.place_on_node(3), 0);
}

}  // namespace
