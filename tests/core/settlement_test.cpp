#include "core/settlement.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/options.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/mortal_nodes.hpp"

namespace locum::testing {
namespace {

using namespace std::chrono_literals;
using tests::MortalNodes;

constexpr std::uint32_t store = 7;
constexpr std::size_t size_bytes = 9'000;  // more than the home keeps of it

/// Two nodes of two ranks. Rank 0 dies while it replaces a name that is at home on node 1; what it has sent
/// arrives all the same, and nobody tells node 1 of the death but rank 1.
class SettlementTest : public ::testing::Test {
 protected:
  static constexpr int maker = 0;
  static constexpr int mate = 1;
  static constexpr int asked = 2;  ///< the rank of the home that the maker asks
  static constexpr int other = 3;  ///< its mate
  static constexpr auto never = std::chrono::nanoseconds::max();

  SettlementTest()
      : nodes_({.nodes = {.nodes = 2, .ranks_per_node = 2, .memory_bytes = 1_MiB},
                .network = {.latency = {10us, 50us},
                            .detection = {never, never},
                            .give_up = never,
                            .lost_at_death = 0}}),
        name_(nodes_.world().name_at(1, store, "settled ")) {
    EXPECT_TRUE(put(nodes_.world().connector(other), store, name_, old_));
  }

  /// Rank 0 replaces the name, and dies so long after.
  void replace_and_die(std::chrono::milliseconds after) {
    nodes_.network().start([this] {
      (void)put(nodes_.world().connector(maker), store, name_, new_, {SealMode::replace, 0});
    });
    nodes_.network().run_for(after);
    nodes_.kill(maker);
    nodes_.network().run_for(MortalNodes::adoption + 3s);
  }
  void expect_all_find(const std::vector<std::byte>& bytes) {
    for (const int rank : {mate, asked, other}) {
      const auto found = nodes_.world().connector(rank).get(Address(store, name_), {});
      ASSERT_TRUE(found) << "rank " << rank << ": " << found.error();
      EXPECT_TRUE(holds(*found, bytes)) << "rank " << rank;
    }
  }
  [[nodiscard]] std::size_t objects_of_mate() {
    return nodes_.world().rank(mate).process.table->owned(store).size();
  }

  MortalNodes nodes_;
  const std::string name_;
  const std::vector<std::byte> old_ = pattern(1, size_bytes);
  const std::vector<std::byte> new_ = pattern(2, size_bytes);
};

TEST_F(SettlementTest, KeepsWhatTheHomeBoundAndItsMakerNeverHeardOf) {
  nodes_.network().set_latency(asked, maker, {500ms, 500ms});
  replace_and_die(100ms);
  expect_all_find(new_);
  EXPECT_EQ(objects_of_mate(), 1U);
}

TEST_F(SettlementTest, TakesOutOfSightWhatNeverReachedTheHome) {
  nodes_.network().cut(maker, asked);
  replace_and_die(100ms);
  expect_all_find(old_);
  EXPECT_EQ(objects_of_mate(), 0U);
}

// The question of its mate overtakes what the dead rank had sent: the home hears of the death first, and does
// not bind any more what is out of sight.
TEST_F(SettlementTest, HasTheHomeForgetABindThatComesTooLate) {
  nodes_.network().set_latency(maker, asked, {1s, 1s});
  replace_and_die(100ms);
  expect_all_find(old_);
  EXPECT_EQ(objects_of_mate(), 0U);
}

// The first word to the home gets lost, and what the dead rank had sent comes after the question's time.
TEST_F(SettlementTest, TellsAgainWhereTheHomeCannotBeReachedForAWhile) {
  nodes_.network().set_latency(maker, asked, {40s, 40s});
  nodes_.network().partition({mate}, loopback::Cut::lose);
  replace_and_die(100ms);
  EXPECT_EQ(objects_of_mate(), 1U);
  nodes_.network().heal();
  // Nobody has a helper thread here: rank 1 waits for something else meanwhile.
  nodes_.network().start([this] {
    const Pending nothing;
    (void)nodes_.world().rank(mate).links->progress().wait(nothing, nodes_.network().now() + 100s);
  });
  nodes_.network().run_for(120s);
  expect_all_find(old_);
  EXPECT_EQ(objects_of_mate(), 0U);
}

// Its generation is what the mate has learnt, although nobody has read the object.
TEST_F(SettlementTest, GivesTheObjectItsGeneration) {
  nodes_.network().set_latency(asked, maker, {500ms, 500ms});
  replace_and_die(100ms);
  NodeTable& table = *nodes_.world().rank(mate).process.table;
  EXPECT_TRUE(table.unsettled().empty());
  const auto keys = table.owned(store);
  ASSERT_EQ(keys.size(), 1U);
  const auto pin = table.pin(keys[0]);
  ASSERT_TRUE(pin);
  const std::uint64_t generation = pin->generation;
  table.release(pin->id);
  EXPECT_EQ(generation, nodes_.world().connector(other).get(Address(store, name_), {})->facts().generation);
  EXPECT_NE(generation, 0U);
}

// A bind whose block takes longer to move than its maker waits: the home answers questions before it has it.
TEST(SettlementOfTheLiving, AsksAfterTheBindAndNotBesideIt) {
  tests::SimulatedNodes world({.nodes = {.nodes = 2, .inline_bytes = 16_KiB, .timeout = 5ms},
                               .network = {.latency = {100us, 100us}, .bytes_per_us = 1}});
  const std::string name = world.name_at(1, store, "slow ");
  const auto before = pattern(1, 100);  // which is answered at once
  const auto after = pattern(2, size_bytes);
  ASSERT_TRUE(put(world.connector(1), store, name, before));
  const auto replaced = put(world.connector(0), store, name, after, {SealMode::replace, 0});
  ASSERT_FALSE(replaced);
  EXPECT_EQ(replaced.error().code(), Errc::timeout);
  world.rank(0).links->client()->pause(1s);
  const auto made = world.rank(0).process.table->owned(store);
  ASSERT_EQ(made.size(), 1U) << "the name stands for it";
  for (const int rank : {0, 1}) {
    const Deadline enough(world.network().now() + 1s);
    const auto by_name = world.connector(rank).get(Address(store, name), enough);
    ASSERT_TRUE(by_name) << "rank " << rank << ": " << by_name.error();
    EXPECT_TRUE(holds(*by_name, after)) << "rank " << rank;
    const auto by_key = world.connector(rank).get(Address(made[0]), enough);
    ASSERT_TRUE(by_key) << "rank " << rank << ": " << by_key.error();
    EXPECT_TRUE(holds(*by_key, after)) << "rank " << rank;
  }
  EXPECT_TRUE(world.rank(0).process.table->unsettled().empty());
}

}  // namespace
}  // namespace locum::testing
