#include "core/rpc/nodes.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "core/base/hash.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/simulated_nodes.hpp"

namespace locum::nodes_test {
namespace {

constexpr std::uint32_t store = 7;

// Every node has the same share of names, within six standard deviations.
TEST(Nodes, HomesAreSpreadEvenlyAndAreTheSameForAllRanks) {
  constexpr std::size_t names = 100'000;
  for (const std::size_t count : {1U, 2U, 7U, 64U}) {
    std::vector<int> node_of_rank;
    for (std::size_t rank = 0; rank < 2 * count; ++rank) {
      node_of_rank.push_back(static_cast<int>(rank / 2));
    }
    const Nodes first(node_of_rank, 0, nullptr);
    const Nodes last(node_of_rank, static_cast<int>(2 * count - 1), nullptr);
    std::vector<double> at(count);
    for (std::size_t number = 0; number < names; ++number) {
      const std::uint64_t hash = name_hash(store, "name " + std::to_string(number));
      const int home = first.home(store, hash);
      ASSERT_EQ(home, last.home(store, hash));
      ++at.at(static_cast<std::size_t>(home));
    }
    const double expected = static_cast<double>(names) / static_cast<double>(count);
    for (const double found : at) {
      EXPECT_LE((found - expected) * (found - expected), 36 * expected) << count << " nodes";
    }
  }
}

// The generations of these names number the stores: one node counts them.
TEST(Nodes, TheNamesOfStoresHaveHomesAsOthersHave) {
  const Nodes nodes({0, 1, 2, 3}, 3, nullptr);
  std::array<int, 4> count{};
  for (int number = 0; number < 1000; ++number) {
    ++count.at(static_cast<std::size_t>(nodes.home(0, name_hash(0, std::to_string(number)))));
  }
  for (const int of_one : count) {
    EXPECT_GT(of_one, 200);
  }
}

TEST(Nodes, KnowsWhoseMemoryHoldsWhatARankMade) {
  const Nodes nodes({0, 1, 0, 1}, 2, nullptr);
  EXPECT_EQ(nodes.own(), 0);
  EXPECT_EQ(nodes.of_creator(3), 1);
  EXPECT_EQ(nodes.of_creator(4), -1);
  EXPECT_EQ(nodes.of_creator(~0U), -1);
  EXPECT_EQ(nodes.ranks(1), (std::vector<int>{1, 3}));
}

TEST(Nodes, AskTheNextRankWhenOneIsLost) {
  for (const int dead : {2, 3}) {
    tests::SimulatedNodes world(2, 2);
    const int alive = 5 - dead;
    const auto bytes = tests::pattern(1, 10'000);
    const auto sealed = tests::put(world.connector(alive), store, {}, bytes);
    ASSERT_TRUE(sealed);
    world.network().kill(dead);
    for (const int reader : {0, 1}) {
      const auto view = world.connector(reader).get(Address(sealed->key), {});
      ASSERT_TRUE(view) << view.error();
      EXPECT_TRUE(tests::holds(*view, bytes));
    }
  }
}

}  // namespace
}  // namespace locum::nodes_test
