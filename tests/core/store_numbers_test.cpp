// Stores that ranks of several nodes open, on a simulated network: each name has its home on some node, and
// no two stores have the same number.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/object/internal_stores.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/mortal_nodes.hpp"
#include "tests/core/rank_stores.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;

class StoreNumbers : public ::testing::Test {
 protected:
  static constexpr int nodes = 3;

  [[nodiscard]] Session& session(int rank) { return stores_.session(rank); }
  /// The name of a store whose home is that node.
  [[nodiscard]] std::string name_at(int node, const std::string& stem) {
    return world_.name_at(node, registry, stem);
  }

  MortalNodes mortal_{
      {.nodes = {.nodes = nodes, .ranks_per_node = 2, .patience = 5s}, .network = {.latency = {1ms, 1ms}}}};
  SimulatedNodes& world_ = mortal_.world();
  RankStores stores_{world_};
};

TEST_F(StoreNumbers, OfAThousandStoresThatAllOpenAtOnceAreAllDifferent) {
  constexpr int count = 1000;
  std::vector<std::map<int, std::uint32_t>> numbers(count);  // by the rank that opened the store
  for (int rank = 0; rank < world_.size(); ++rank) {
    world_.network().start([this, rank, &numbers] {
      for (int at = 0; at < count; ++at) {
        const int which = (at + 100 * rank) % count;
        auto store = session(rank).open("store " + std::to_string(which));
        ASSERT_TRUE(store) << store.error();
        numbers[static_cast<std::size_t>(which)][rank] = store->number();
        if (rank == which % world_.size()) {
          EXPECT_TRUE(store->put("own", which));
        }
      }
    });
  }
  world_.network().run_for(600s);
  std::set<std::uint32_t> all{stores_[0].number()};
  for (const auto& of_one : numbers) {
    ASSERT_EQ(of_one.size(), static_cast<std::size_t>(world_.size()));
    for (const auto& [rank, number] : of_one) {
      EXPECT_EQ(number, of_one.at(0)) << "one store, whichever rank opens it";
    }
    EXPECT_NE(of_one.at(0), registry);
    EXPECT_FALSE(is_internal(of_one.at(0)));
    all.insert(of_one.at(0));
  }
  EXPECT_EQ(all.size(), count + 1U);
  int right = 0;
  world_.network().start([&] {
    for (int which = 0; which < count; ++which) {
      const auto found = session(1).open("store " + std::to_string(which))->get<int>("own");
      right += found && **found == which ? 1 : 0;
    }
  });
  world_.network().run_for(600s);
  EXPECT_EQ(right, count) << "no number belongs to two stores";
}

// A number is never given twice.
TEST_F(StoreNumbers, OfAStoreThatWasDroppedAreNotUsedAgain) {
  std::set<std::uint32_t> seen;
  int done = 0;
  world_.network().start([&] {
    for (int round = 0; round < 10; ++round) {
      for (int node = 0; node < nodes; ++node) {
        const std::string name = name_at(node, "again ");
        EXPECT_TRUE(seen.insert(session(0).open(name)->number()).second);
        EXPECT_TRUE(session(0).drop(name));
        ++done;
      }
    }
  });
  world_.network().run_for(100s);
  EXPECT_EQ(done, 10 * nodes);
}

// Any node may be lost, also the first one: names with other homes still exist, and new ones can be put.
TEST_F(StoreNumbers, AreGivenByTheNodesThatLive) {
  for (const int lost : {0, 2}) {
    std::vector<std::string> old;
    int opened = 0;
    world_.network().start([&] {
      for (int node = 0; node < nodes; ++node) {
        old.push_back(name_at(node, "old " + std::to_string(lost) + ' '));
        opened += mortal_.is_dead_node(node) || session(lost).open(old.back()) ? 1 : 0;
      }
    });
    world_.network().run_for(10s);
    ASSERT_EQ(opened, nodes);
    mortal_.kill_node(lost);
    int done = 0;
    world_.network().start([&] {
      for (int node = 0; node < nodes; ++node) {
        const bool is_lost = mortal_.is_dead_node(node);
        for (const std::string& name :
             {old[static_cast<std::size_t>(node)], name_at(node, "new " + std::to_string(lost) + ' ')}) {
          auto store = session(3).open(name);
          EXPECT_EQ(code_of(store), is_lost ? Errc::peer_lost : Errc{}) << lost << ' ' << node << ' ' << name;
          EXPECT_TRUE(is_lost || store->put(1));
          ++done;
        }
      }
    });
    world_.network().run_for(100s);
    EXPECT_EQ(done, 2 * nodes);
  }
}

// Each home has its own part of the numbers that a key can hold.
TEST_F(StoreNumbers, OfEachHomeAreItsOwn) {
  std::set<std::uint64_t> all;
  for (int node = 0; node < nodes; ++node) {
    const std::string name = name_at(node, "any ");
    for (std::uint64_t generation = 1; generation <= 100; ++generation) {
      const std::uint64_t number = world_.connector(0).store_number(name, generation);
      EXPECT_EQ(number, world_.connector(5).store_number(name, generation));
      EXPECT_TRUE(all.insert(number).second);
    }
    for (const std::uint64_t beyond : {(std::uint64_t{last_store} / nodes) + 2, std::uint64_t{1} << 32U,
                                       (std::uint64_t{1} << 63U) + 5, ~std::uint64_t{0}}) {
      EXPECT_GT(world_.connector(0).store_number(name, beyond), last_store) << beyond;
    }
  }
  EXPECT_EQ(*all.begin(), 1U);
  EXPECT_EQ(*all.rbegin(), 100U * nodes) << "no number is skipped";
}

}  // namespace
}  // namespace locum::tests
