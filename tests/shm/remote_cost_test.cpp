// Cost of transferring objects between nodes: allocations of requester and answerer, and copies. Two nodes of
// shared memory, one rank each, in one thread. A separate program because it replaces the allocator of the
// whole program.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "core/promise.hpp"
#include "tests/core/allocations.hpp"
#include "tests/shm/lockstep_nodes.hpp"

namespace locum::tests {
namespace {

constexpr std::size_t small_bytes = 1024;
constexpr std::size_t large_bytes = std::size_t{1} << 20U;

/// Allocations of one operation.
struct Cost {
  std::uint64_t requester = 0;
  std::uint64_t answerer = 0;
};

class RemoteCost : public ::testing::Test {
 protected:
  using Rank = LockstepNodes::Rank;

  RemoteCost() {
    const auto turn = nodes_.requester().transport->others_turn;
    nodes_.requester().transport->others_turn = [this, turn] {
      answerer_allocations_ += tests::allocations_of(turn);
    };
  }

  /// The minimum of several tries: tables grow at times, and threads of the nodes allocate meanwhile. Work
  /// left after `call` has returned, such as releasing a view, is not counted.
  template <class Prepare, class Call>
  [[nodiscard]] Cost cost_of(Prepare prepare, Call call) {
    Cost least{~std::uint64_t{0}, ~std::uint64_t{0}};
    for (int turn = 0; turn < 20; ++turn) {
      const auto prepared = prepare();
      answerer_allocations_ = 0;
      const std::uint64_t all = tests::allocations_of([&] { call(prepared); });
      least.requester = std::min(least.requester, all - answerer_allocations_);
      least.answerer = std::min(least.answerer, answerer_allocations_);
      requester().transport->others_turn();
    }
    EXPECT_GT(least.requester, 0U) << "each of these allocates: operator new is not counted";
    return least;
  }
  template <class Call>
  [[nodiscard]] Cost cost_of(Call call) {
    return cost_of([] { return 0; }, [&](int) { call(); });
  }

  [[nodiscard]] Key put(std::size_t size) {
    return answerer().store->put_bytes(std::vector<std::byte>(size, std::byte{7})).value();
  }
  /// A new name whose home is the answerer's node.
  [[nodiscard]] std::string name() { return nodes_.name_at_answerer(); }

  Rank& requester() noexcept { return nodes_.requester(); }
  Rank& answerer() noexcept { return nodes_.answerer(); }

 private:
  LockstepNodes nodes_{64_MiB};
  std::uint64_t answerer_allocations_ = 0;
};

TEST_F(RemoteCost, OfAGetByKeyOfASmallObject) {
  const Cost cost = cost_of(
      [&] { return put(small_bytes); },
      [&](const Key& key) { EXPECT_EQ(requester().store->get_bytes(key).value()->size(), small_bytes); });
  // The request and its awaiter; and the object. Its bytes land in memory that is kept for reuse.
  EXPECT_LE(cost.requester, 2U);
  EXPECT_LE(cost.answerer, 1U) << "the pin that lasts until the bytes are sent";
}

TEST_F(RemoteCost, OfAGetByKeyOfALargeObject) {
  const Cost cost = cost_of(
      [&] { return put(large_bytes); },
      [&](const Key& key) { EXPECT_EQ(requester().store->get_bytes(key).value()->size(), large_bytes); });
  EXPECT_LE(cost.requester, 6U) << "the first one has the reply that it is large";
  EXPECT_LE(cost.answerer, 2U) << "a pin for each request";
}

TEST_F(RemoteCost, OfAGetByHandleOfALargeObject) {
  const Cost cost = cost_of(
      [&] {
        const Key key = put(large_bytes);
        return requester().session->proxy<std::byte[]>(
            answerer().store->proxy<std::byte[]>(key).value().handle());
      },
      [&](const Proxy<std::byte[]>& stand_in) { EXPECT_EQ(stand_in.get().value().size(), large_bytes); });
  // The queued operation, its step and its flight, the request, and the view that the stand-in keeps.
  EXPECT_LE(cost.requester, 5U);
  EXPECT_LE(cost.answerer, 1U);
}

TEST_F(RemoteCost, OfAGetOfALargeObjectThatTheNodeHas) {
  const Cost cost = cost_of(
      [&] {
        const Key key = put(large_bytes);
        EXPECT_TRUE(requester().store->get_bytes(key));
        return key;
      },
      [&](const Key& key) { EXPECT_EQ(requester().store->get_bytes(key).value()->size(), large_bytes); });
  EXPECT_LE(cost.requester, 1U) << "the object's view";
  EXPECT_EQ(cost.answerer, 0U);
}

TEST_F(RemoteCost, OfAGetByNameOfASmallObject) {
  const Cost cost = cost_of(
      [&] {
        std::string made = name();
        EXPECT_TRUE(answerer().store->put_bytes(made, std::vector<std::byte>(small_bytes)));
        return made;
      },
      [&](const std::string& made) {
        EXPECT_EQ(requester().store->get_bytes(made).value()->size(), small_bytes);
      });
  EXPECT_LE(cost.requester, 2U)
      << "the request has a copy of the name, which may be read after the call has given up";
  EXPECT_LE(cost.answerer, 1U);
}

TEST_F(RemoteCost, OfAPutByName) {
  const std::vector<std::byte> bytes(small_bytes);
  const Cost cost =
      cost_of([&] { return name(); },
              [&](const std::string& made) { EXPECT_TRUE(requester().store->put_bytes(made, bytes)); });
  EXPECT_LE(cost.requester, 2U);
  EXPECT_LE(cost.answerer, 0U);
}

TEST_F(RemoteCost, ALargeObjectIsCopiedByTheTransportOnly) {
  const Key key = put(large_bytes);
  const auto there = answerer().store->get_bytes(key).value();
  const auto here = requester().store->get_bytes(key).value();
  EXPECT_EQ(requester().transport->read_from, there->data());
  EXPECT_EQ(requester().transport->written_to, here->data());
  EXPECT_TRUE(std::ranges::equal(*here, *there));
}

// The setting thread replies to the waiting ranks, and no other thread is woken for a look-up. One wake-up is
// for the thread that calls poll() in place of a helper.
TEST_F(RemoteCost, OfSettingAPromiseNoOtherThreadIsWoken) {
  auto promise = answerer().store->promise<std::byte[]>().value();
  const auto future = requester().session->proxy<std::byte[]>(promise.proxy().handle()).get_async();
  (void)requester().links->poll();
  (void)answerer().links->poll();
  ASSERT_EQ(answerer().links->awaited(), 1U);
  const std::uint64_t before = answerer().transport->wakes;
  EXPECT_TRUE(promise.set(std::vector<std::byte>(small_bytes)));
  EXPECT_EQ(answerer().transport->wakes - before, 1U);
  EXPECT_EQ(answerer().links->awaited(), 0U);
  for (int turn = 0; turn < 4; ++turn) {  // the value is requested once its promise is known to be set
    (void)requester().links->poll();
    (void)answerer().links->poll();
  }
  EXPECT_TRUE(future.ready());
}

}  // namespace
}  // namespace locum::tests
