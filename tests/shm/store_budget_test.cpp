// Budgets of stores: counted by all ranks of a node together, and right after any of them has died.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/node/cluster.hpp"
#include "core/ports/store_accounts.hpp"
#include "core/store.hpp"
#include "shm/node.hpp"
#include "tests/core/code_of.hpp"
#include "tests/shm/fork_group.hpp"
#include "tests/shm/open_node.hpp"

namespace locum::shm::store_budget_test {
namespace {

using namespace std::chrono_literals;
using tests::Ending;
using Clock = Deadline::Clock;

constexpr std::uint64_t budget = 4_MiB;
constexpr std::size_t quarter = 1_MiB - 256;  // with its metadata a little less than a quarter of the budget

/// One process of a node, with a store that has a budget, and one that has none.
class Rank {
 public:
  explicit Rank(Group& group)
      : node_(tests::open(group, tests::small_options())),
        connector_(open_cluster({.arena = node_.arena,
                                 .table = node_.table,
                                 .directory = node_.directory,
                                 .timeout = 20s,
                                 .lost_node_peers = {},
                                 .monitor = node_.monitor,
                                 .drop_copies =
                                     [this](std::uint64_t, const WaitBudget&) {
                                       ++times_memory_lacked;
                                       return false;
                                     }})),
        session_(connector_, std::make_shared<Metrics>(),
                 SessionOptions{.rank = group.rank(), .options = tests::small_options()}),
        limited(session_.open("limited", {.memory_bytes = budget}).value()),
        free(session_.open("free").value()) {}

  mutable int times_memory_lacked = 0;  ///< how often copies of other nodes' objects were to be dropped

  [[nodiscard]] static std::vector<std::byte> value() { return std::vector<std::byte>(quarter); }
  [[nodiscard]] StoreUsage usage() const {
    for (const StoreUsage& one : connector_->capability<StoreAccounts>()->usage()) {
      if (one.store == limited.number()) {
        return one;
      }
    }
    return {};
  }
  /// Puts objects of a quarter of the budget until they are refused; returns how many.
  [[nodiscard]] int fill() const {
    int count = 0;
    while (limited.put(value())) {
      ++count;
    }
    return count;
  }
  [[nodiscard]] bool sees_death() const {
    const auto latest = Clock::now() + 20s;
    while (!node_.losses->any() && Clock::now() < latest) {
      std::this_thread::yield();
    }
    return node_.losses->any();
  }

 private:
  const Node node_;
  const std::shared_ptr<Connector> connector_;
  const Session session_;

 public:
  const Store limited;
  const Store free;
};

std::string outcome() {
  return testing::Test::HasFailure() ? "failed" : "done";
}

void expect_done(const std::vector<Ending>& exits) {
  for (std::size_t rank = 0; rank < exits.size(); ++rank) {
    EXPECT_EQ(exits[rank].said, "done") << "rank " << rank << ", signal " << exits[rank].signal;
  }
}

TEST(StoreBudget, LimitsTheObjectsOfAStore) {
  expect_done(tests::run_group(1, [](Group& group) {
    const Rank rank(group);
    EXPECT_EQ(rank.fill(), 4);
    const auto refused = rank.limited.put(Rank::value());
    EXPECT_EQ(tests::code_of(refused), Errc::out_of_memory);
    EXPECT_NE(refused.error().text().find("\"limited\""), std::string::npos) << refused.error();
    EXPECT_NE(refused.error().text().find(std::to_string(budget)), std::string::npos) << refused.error();
    EXPECT_TRUE(rank.free.put(Rank::value())) << "others have their own";
    const StoreUsage full = rank.usage();
    EXPECT_EQ(full.budget, budget);
    EXPECT_EQ(full.own_objects, 4U);
    EXPECT_EQ(full.node_used, full.own_used);
    EXPECT_EQ(full.node_highest, full.node_used);
    EXPECT_LE(full.node_used, budget);
    const auto too_large =
        rank.limited.put(std::vector<std::byte>(budget + 1), {.when_full = WhenFull::wait, .deadline = 1h});
    EXPECT_EQ(tests::code_of(too_large), Errc::out_of_memory) << "no wait makes it fit";
    EXPECT_EQ(rank.times_memory_lacked, 0) << "no copy leaves for a store that is at its budget";
    return outcome();
  }));
}

TEST(StoreBudget, CountsWhatIsViewedAndWhatIsNotSealed) {
  expect_done(tests::run_group(1, [](Group& group) {
    const Rank rank(group);
    EXPECT_TRUE(rank.limited.put("viewed", Rank::value()));
    auto view = std::make_optional(rank.limited.get<std::byte[]>("viewed").value());
    auto writer = std::make_optional(rank.limited.create<std::byte>({quarter}).value());
    EXPECT_EQ(rank.fill(), 2);
    EXPECT_TRUE(rank.limited.evict("viewed").value());
    EXPECT_EQ(rank.fill(), 0) << "it is still viewed";
    EXPECT_GE(rank.usage().own_pinned, quarter);
    EXPECT_LT(rank.usage().own_pinned, budget / 4);
    view.reset();
    EXPECT_EQ(rank.fill(), 1);
    writer.reset();
    EXPECT_EQ(rank.fill(), 1) << "it was discarded";
    EXPECT_EQ(
        tests::code_of(rank.limited.put("x", Rank::value(), {.when_full = WhenFull::wait, .deadline = 20ms})),
        Errc::timeout);
    return outcome();
  }));
}

TEST(StoreBudget, CountsAllRanksOfTheNode) {
  expect_done(tests::run_group(2, [](Group& group) {
    const Rank rank(group);
    if (group.rank() == 0) {
      for (int at = 0; at < 3; ++at) {
        EXPECT_TRUE(rank.limited.put("n" + std::to_string(at), Rank::value()));
      }
    }
    group.barrier();
    if (group.rank() == 1) {
      EXPECT_EQ(rank.fill(), 1);
    }
    group.barrier();
    EXPECT_EQ(rank.usage().own_objects, group.rank() == 0 ? 3U : 1U);
    group.barrier();
    if (group.rank() == 1) {
      EXPECT_TRUE(rank.limited.evict("n0").value())
          << "it is the other rank's, which frees it when it is asked";
      const auto put = rank.limited.put("more", Rank::value(), {.when_full = WhenFull::wait, .deadline = 1s});
      EXPECT_TRUE(put) << put.error();  // unasked, the owner looks after two seconds
    }
    group.barrier();
    EXPECT_EQ(rank.fill(), 0);
    group.barrier();
    return outcome();
  }));
}

TEST(StoreBudget, AsksForWhatWasViewedWhenItWasEvicted) {
  expect_done(tests::run_group(2, [](Group& group) {
    const Rank rank(group);
    if (group.rank() == 0) {
      EXPECT_TRUE(rank.limited.put("viewed", Rank::value()));
      EXPECT_EQ(rank.fill(), 3);
    }
    group.barrier();
    std::optional<View<std::byte[]>> view;
    if (group.rank() == 1) {
      view = rank.limited.get<std::byte[]>("viewed").value();
      EXPECT_TRUE(rank.limited.evict("viewed").value());
    }
    group.barrier();
    if (group.rank() == 0) {
      EXPECT_EQ(rank.fill(), 0) << "the owner knows that it is viewed";
    }
    group.barrier();
    if (group.rank() == 1) {
      view.reset();
      const auto put = rank.limited.put(Rank::value(), {.when_full = WhenFull::wait, .deadline = 1s});
      EXPECT_TRUE(put) << put.error();
    }
    group.barrier();
    return outcome();
  }));
}

// What it had sealed counts on, and what it had not counts no more.
TEST(StoreBudget, IsRightAfterADeath) {
  const auto exits = tests::run_group(2, [](Group& group) {
    const Rank rank(group);
    std::optional<Writer<std::byte>> writer;
    if (group.rank() == 0) {
      EXPECT_TRUE(rank.limited.put("sealed", Rank::value()));
      writer = rank.limited.create<std::byte>({quarter}).value();
      EXPECT_TRUE(rank.limited.put("gone", Rank::value()));
      EXPECT_TRUE(rank.limited.evict("gone").value());
    }
    group.barrier();
    if (group.rank() == 0) {
      ::raise(SIGKILL);
    }
    EXPECT_TRUE(rank.sees_death());
    const auto put = [&] {
      return rank.limited.put(Rank::value(), {.when_full = WhenFull::wait, .deadline = 20s});
    };
    for (int at = 0; at < 3; ++at) {
      EXPECT_TRUE(put()) << at;
    }
    EXPECT_EQ(rank.fill(), 0);
    EXPECT_EQ(rank.usage().own_objects, 4U);
    EXPECT_TRUE(rank.limited.evict("sealed").value());
    EXPECT_TRUE(put());
    EXPECT_EQ(rank.usage().node_used, rank.usage().own_used);
    return outcome();
  });
  EXPECT_EQ(exits[0].signal, SIGKILL);
  EXPECT_EQ(exits[1].said, "done");
}

}  // namespace
}  // namespace locum::shm::store_budget_test
