#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/value/options.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/full_arena.hpp"
#include "tests/core/simulated_nodes.hpp"

// Puts of names whose home has no memory at the moment.
namespace locum::tests {
namespace {

using namespace std::chrono_literals;
using tests::SimulatedNodes;
using tests::SimulatedNodesOptions;
using Clock = Deadline::Clock;

/// Two ranks on two nodes. Rank 0 is the home of the names, and has no memory until some moment; rank 1 puts
/// them. The parameter is the store: the store of stores' names, too.
class FullHome : public ::testing::TestWithParam<std::uint32_t> {
 protected:
  FullHome() : world_(options()), name_(world_.name_at(0, GetParam(), "name")) {}

  SimulatedNodesOptions options() {
    const auto wrap = [this](int rank, std::shared_ptr<Arena> arena) -> std::shared_ptr<Arena> {
      return rank != 0 ? arena
                       : std::make_shared<tests::FullArena>(std::move(arena), [this] { return full(); });
    };
    return {.nodes = {.nodes = 2, .wrap_arena = wrap}};
  }
  // A request for memory succeeds after a while, or never.
  Full full() {
    ++looks_;
    if (room_at_ && world_.network().now() >= *room_at_) {
      return Full::no;
    }
    return is_made_ ? Full::for_now : Full::for_good;
  }
  [[nodiscard]] Clock::time_point now() { return world_.network().now(); }
  /// The duration of a put; in the middle of it other requests are served.
  Clock::duration put(std::optional<Clock::duration> patience = {}, const SealOptions& options = {}) {
    const auto began = now();
    auto took = 0ns;
    world_.network().start([&] {
      const auto draft = world_.connector(1).create(100, plain_meta(GetParam(), name_), {}).value();
      put_ = world_.connector(1).seal(draft, options, patience ? Deadline(began + *patience) : Deadline());
      took = now() - began;
    });
    world_.network().run();
    return took;
  }
  void expect_nothing_left() {
    (void)world_.connector(1).usage();
    (void)world_.connector(0).usage();
    EXPECT_EQ(world_.rank(1).node->levels(), tests::PlainNode::Levels{});
    EXPECT_EQ(world_.rank(0).node->levels(), tests::PlainNode::Levels{});
  }

  bool is_made_ = true;
  std::optional<Clock::time_point> room_at_;
  int looks_ = 0;
  SimulatedNodes world_;
  const std::string name_;
  std::optional<Result<Sealed>> put_;
};

TEST_P(FullHome, IsWaitedForWhileRoomIsMade) {
  for (const auto time : {0ms, 1ms, 20ms, 400ms, 4000ms}) {
    room_at_ = now() + time;
    const auto took = put({}, {SealMode::replace});
    ASSERT_TRUE(*put_) << put_->error();
    EXPECT_GE(took, time);
    EXPECT_LE(took, time * 2 + 60ms);
    EXPECT_TRUE(world_.connector(0).get(Address(GetParam(), name_), {}));
    EXPECT_TRUE(world_.connector(1).get(Address(GetParam(), name_), {}));
  }
}

TEST_P(FullHome, IsWaitedForByAPutOfAFreshName) {
  room_at_ = now() + 20ms;
  (void)put();
  ASSERT_TRUE(*put_) << put_->error();
  const auto sealed = **put_;
  (void)put();
  EXPECT_EQ(code_of(*put_), Errc::key_exists) << "it was bound once";
  EXPECT_EQ(world_.connector(0).get(Address(GetParam(), name_), {}).value().key(), sealed.key);
}

TEST_P(FullHome, IsNotWaitedForLongerThanALocalPutWaits) {
  const auto took = put();
  EXPECT_EQ(code_of(*put_), Errc::out_of_memory);
  EXPECT_GE(took, 4s);
  EXPECT_LE(took, 5s);
  EXPECT_LE(looks_, 1000) << "it is not polled without pauses";
  expect_nothing_left();
}

TEST_P(FullHome, IsNotWaitedForBeyondTheDeadline) {
  const auto took = put(200ms);
  EXPECT_EQ(code_of(*put_), Errc::out_of_memory);
  EXPECT_GE(took, 100ms);
  EXPECT_LE(took, 200ms);
  expect_nothing_left();
}

TEST_P(FullHome, IsNotWaitedForWhereNoRoomIsMade) {
  is_made_ = false;
  EXPECT_LE(put(), 1ms);
  EXPECT_EQ(code_of(*put_), Errc::out_of_memory);
  expect_nothing_left();
}

TEST_P(FullHome, ServesOthersWhileItIsWaitedFor) {
  const Key other = tests::put(world_.connector(1), 7, {}, pattern(1, 100)).value().key;
  world_.network().start([&] {
    world_.rank(0).links->client()->pause(1s);  // the put is waiting
    EXPECT_FALSE(put_);
    const auto began = now();
    EXPECT_TRUE(world_.connector(0).get(Address(other), {}));
    EXPECT_LE(now() - began, 1ms);
    room_at_ = now();
  });
  EXPECT_GE(put(), 1s);
  EXPECT_TRUE(*put_);
}

TEST_P(FullHome, ThatDiesIsNotWaitedFor) {
  world_.network().after(1s, [&] { world_.network().kill(0); });
  (void)put();
  EXPECT_EQ(code_of(*put_), Errc::peer_lost);
}

// Once, and again after dead objects have been collected.
TEST(FullNode, IsAskedForMemoryTwiceWhereItHasNoCopies) {
  int looks = 0;
  const auto wrap = [&](int, std::shared_ptr<Arena> arena) {
    return std::make_shared<tests::FullArena>(std::move(arena), [&] {
      ++looks;
      return Full::for_good;
    });
  };
  SimulatedNodes world({.nodes = {.nodes = 2, .wrap_arena = wrap}});
  looks = 0;
  const WaitBudget budget = WaitBudget::limited(1ms, WaitBudget::Work::any);
  EXPECT_EQ(code_of(world.connector(0).create(100, plain_meta(7, {}), budget)), Errc::out_of_memory);
  EXPECT_EQ(looks, 2);
}

INSTANTIATE_TEST_SUITE_P(, FullHome, ::testing::Values(0U, 7U),
                         [](const auto& store) { return store.param == 0 ? "Stores" : "Names"; });

}  // namespace
}  // namespace locum::tests
