// What the walks of objects between nodes cost: allocations of who asks and of who answers, and copies. Two
// nodes of shared memory, one rank each, in one thread. A program of its own because it replaces the
// allocator of the whole program.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/directory.hpp"
#include "core/distributed.hpp"
#include "core/group.hpp"
#include "core/nodes.hpp"
#include "core/store.hpp"
#include "shm/node.hpp"
#include "tests/core/allocations.hpp"
#include "tests/core/lockstep_transport.hpp"

namespace locum::tests {
namespace {

constexpr std::size_t small_bytes = 1024;
constexpr std::size_t large_bytes = std::size_t{1} << 20U;

/// Allocations of one operation.
struct Cost {
  std::uint64_t asker = 0;
  std::uint64_t answerer = 0;
};

class RemoteCost : public ::testing::Test {
 protected:
  struct Rank {
    std::shared_ptr<LockstepTransport> transport;
    std::shared_ptr<Links> links;
    std::shared_ptr<Session> session;
    std::unique_ptr<Store> store;
  };

  RemoteCost() {
    for (int number = 0; number < 2; ++number) {
      ranks_.at(static_cast<std::size_t>(number)).transport = std::make_shared<LockstepTransport>(number);
    }
    asker_.transport->connect(*answerer_.transport);
    answerer_.transport->connect(*asker_.transport);
    for (std::size_t number = 0; number < 2; ++number) {
      open(ranks_.at(number), number);
    }
    asker_.transport->others_turn = [this] {
      answerer_allocations_ += testing::allocations_of([this] { (void)answerer_.links->progress().poll(); });
    };
    answerer_.transport->others_turn = [this] { (void)asker_.links->progress().poll(); };
    for (Rank& rank : ranks_) {
      rank.store = std::make_unique<Store>(rank.session->open("cost").value());
    }
  }
  ~RemoteCost() override {
    for (Rank& rank : ranks_) {
      rank.store.reset();
      rank.session->close();
      rank.links->close();
    }
  }

  /// The least of several tries: tables grow on occasion, and threads of the nodes allocate meanwhile. What
  /// is still to do when `call` has returned, such as to let go of what was read, is done uncounted.
  template <class Prepare, class Call>
  [[nodiscard]] Cost cost_of(Prepare prepare, Call call) {
    Cost least{~std::uint64_t{0}, ~std::uint64_t{0}};
    for (int turn = 0; turn < 20; ++turn) {
      const auto prepared = prepare();
      answerer_allocations_ = 0;
      const std::uint64_t all = testing::allocations_of([&] { call(prepared); });
      least.asker = std::min(least.asker, all - answerer_allocations_);
      least.answerer = std::min(least.answerer, answerer_allocations_);
      asker_.transport->others_turn();
    }
    return least;
  }
  template <class Call>
  [[nodiscard]] Cost cost_of(Call call) {
    return cost_of([] { return 0; }, [&](int) { call(); });
  }

  [[nodiscard]] Key put(std::size_t size) {
    return answerer_.store->put_bytes(std::vector<std::byte>(size, std::byte{7})).value();
  }
  /// At home at the answerer's node; a new one each time.
  [[nodiscard]] std::string name() {
    for (;;) {
      std::string made = "name " + std::to_string(++names_);
      if (nodes_.home(store_number_, name_hash(store_number_, made)) == 1) {
        return made;
      }
    }
  }

  Rank& asker() noexcept { return asker_; }
  Rank& answerer() noexcept { return answerer_; }

 private:
  static void open(Rank& rank, std::size_t number) {
    SoloGroup group;
    const RuntimeOptions options{.memory_bytes = 64_MiB, .prepare_bytes = 4096};
    shm::Node node = shm::open_node(group, {static_cast<std::uint32_t>(number)}, options, 1);
    const NodeMemory memory{node.arena, node.table, node.directory};
    const auto metrics = std::make_shared<Metrics>();
    rank.links = std::make_shared<Links>(LinkParts{.transport = rank.transport,
                                                   .memory = memory,
                                                   .node_of_rank = {0, 1},
                                                   .rank = static_cast<int>(number),
                                                   .incarnation = 1,
                                                   .metrics = metrics,
                                                   .lost_mates = {},
                                                   .progress = {.helper = false, .on_helper_start = {}}});
    rank.session = std::make_shared<Session>(open_distributed(memory, rank.links), metrics,
                                             SessionOptions{.options = options});
  }

  std::array<Rank, 2> ranks_;
  Rank& asker_ = ranks_[0];
  Rank& answerer_ = ranks_[1];
  std::uint64_t answerer_allocations_ = 0;
  const Nodes nodes_{{0, 1}, 0, nullptr};
  const std::uint32_t store_number_ = 1;
  int names_ = 0;
};

TEST_F(RemoteCost, OfAGetByKeyOfASmallObject) {
  const Cost cost =
      cost_of([&] { return put(small_bytes); },
              [&](const Key& key) { EXPECT_EQ(asker().store->get_bytes(key).value()->size(), small_bytes); });
  // The word that waits, the step, the question, its words, what is to be done then; and the object's own.
  EXPECT_LE(cost.asker, 6U);
  EXPECT_LE(cost.answerer, 1U) << "the pin that lasts until the bytes are gone";
}

TEST_F(RemoteCost, OfAGetByKeyOfALargeObject) {
  const Cost cost =
      cost_of([&] { return put(large_bytes); },
              [&](const Key& key) { EXPECT_EQ(asker().store->get_bytes(key).value()->size(), large_bytes); });
  EXPECT_LE(cost.asker, 11U) << "five to be told that it is large, and as many as for a small one";
  EXPECT_LE(cost.answerer, 2U) << "a pin for each question";
}

TEST_F(RemoteCost, OfAGetByHandleOfALargeObject) {
  const Cost cost = cost_of(
      [&] {
        const Key key = put(large_bytes);
        return asker().session->proxy<std::byte[]>(
            answerer().store->proxy<std::byte[]>(key).value().handle());
      },
      [&](const Proxy<std::byte[]>& stand_in) { EXPECT_EQ(stand_in.get().value().size(), large_bytes); });
  // As for a small one, and the view that the stand-in keeps.
  EXPECT_LE(cost.asker, 7U);
  EXPECT_LE(cost.answerer, 1U);
}

TEST_F(RemoteCost, OfAGetOfALargeObjectThatTheNodeHas) {
  const Cost cost = cost_of(
      [&] {
        const Key key = put(large_bytes);
        EXPECT_TRUE(asker().store->get_bytes(key));
        return key;
      },
      [&](const Key& key) { EXPECT_EQ(asker().store->get_bytes(key).value()->size(), large_bytes); });
  EXPECT_LE(cost.asker, 1U) << "the object's own";
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
        EXPECT_EQ(asker().store->get_bytes(made).value()->size(), small_bytes);
      });
  EXPECT_LE(cost.asker, 7U) << "one is the name, which may be read when the call has given up";
  EXPECT_LE(cost.answerer, 1U);
}

TEST_F(RemoteCost, OfAPutByName) {
  const std::vector<std::byte> bytes(small_bytes);
  const Cost cost =
      cost_of([&] { return name(); },
              [&](const std::string& made) { EXPECT_TRUE(asker().store->put_bytes(made, bytes)); });
  EXPECT_LE(cost.asker, 7U);
  EXPECT_LE(cost.answerer, 0U);
}

TEST_F(RemoteCost, ALargeObjectIsCopiedByTheTransportOnly) {
  const Key key = put(large_bytes);
  const auto there = answerer().store->get_bytes(key).value();
  const auto here = asker().store->get_bytes(key).value();
  EXPECT_EQ(asker().transport->read_from, there->data());
  EXPECT_EQ(asker().transport->written_to, here->data());
  EXPECT_TRUE(std::ranges::equal(*here, *there));
}

}  // namespace
}  // namespace locum::tests
