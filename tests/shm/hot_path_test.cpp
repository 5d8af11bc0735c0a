// Cost of a node's store operations: the figures of docs/performance.md, "Exact costs". A separate program
// because it replaces the allocator of the whole program.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/node/cluster.hpp"
#include "core/ports/group.hpp"
#include "core/store.hpp"
#include "shm/node.hpp"
#include "tests/core/allocations.hpp"
#include "tests/core/instructions.hpp"

namespace locum::tests {
namespace {

struct Particle {
  static constexpr std::string_view locum_type_name = "particle";
  double coordinates[8] = {};
};

/// A node of one process with an open store: all parts of a runtime, without MPI.
class HotNode {
 public:
  HotNode() {
    SoloGroup group;
    const RuntimeOptions options{.memory_bytes = 64_MiB, .prepare_bytes = 4096};
    shm::Node node = shm::open_node(group, {0}, options, 1);
    session_ = std::make_shared<Session>(open_cluster({std::move(node.arena), std::move(node.table),
                                                       std::move(node.directory), std::chrono::seconds(20)}),
                                         std::make_shared<Metrics>(), SessionOptions{.options = options});
    store_ = std::make_unique<Store>(session_->open("hot").value());
  }
  HotNode(const HotNode&) = delete;
  HotNode& operator=(const HotNode&) = delete;
  ~HotNode() { session_->close(); }

  [[nodiscard]] Store& store() const noexcept { return *store_; }

 private:
  std::shared_ptr<Session> session_;
  std::unique_ptr<Store> store_;
};

class NodeHotPath : public ::testing::Test {
 protected:
  /// Allocations; the minimum of several tries: tables grow at times, and the node's own threads allocate
  /// meanwhile.
  template <class Call>
  [[nodiscard]] static std::uint64_t cost_of(Call&& call) {
    constexpr int tries = 20;
    std::uint64_t least = ~std::uint64_t{0};
    for (int i = 0; i < tries; ++i) {
      least = std::min(least, tests::allocations_of(call));
    }
    return least;
  }

  HotNode node_;
  Store& store_ = node_.store();
};

TEST_F(NodeHotPath, TheCounterCounts) {
  EXPECT_EQ(cost_of([] { EXPECT_EQ(std::string(100, 'x').size(), 100U); }), 1U);
}

TEST_F(NodeHotPath, UnnamedObjectsComeAndGoWithoutAllocations) {
  EXPECT_EQ(cost_of([&] {
              const Key key = store_.put(Particle{{1}}).value();
              EXPECT_EQ(store_.get<Particle>(key).value()->coordinates[0], 1);
              EXPECT_TRUE(store_.exists(key).value());
              EXPECT_TRUE(store_.evict(key).value());
              EXPECT_FALSE(store_.exists(key).value());
            }),
            0U);
}

TEST_F(NodeHotPath, NamedObjectsComeAndGoWithoutAllocations) {
  const std::string name(100, 'n');
  EXPECT_EQ(cost_of([&] {
              EXPECT_TRUE(store_.put(name, Particle{{1}}));
              EXPECT_TRUE(store_.replace(name, Particle{{2}}));
              EXPECT_EQ(store_.get<Particle>(name).value()->coordinates[0], 2);
              EXPECT_TRUE(store_.evict(name).value());
              EXPECT_FALSE(store_.exists(name).value());
            }),
            0U);
}

// Only the error's place and key: its text is made once per process.
TEST_F(NodeHotPath, AMissAllocatesAnErrorAndItsKey) {
  const Key gone = store_.put(Particle{}).value();
  ASSERT_TRUE(store_.evict(gone).value());
  const std::string name(100, 'n');
  EXPECT_EQ(cost_of([&] { EXPECT_EQ(store_.get<Particle>(gone).error().code(), Errc::not_found); }), 1U)
      << "a short key is stored in the error itself";
  EXPECT_EQ(cost_of([&] { EXPECT_EQ(store_.get<Particle>(name).error().code(), Errc::not_found); }), 2U);
  EXPECT_EQ(store_.get<Particle>(gone).error().key(), to_string(gone));
  EXPECT_EQ(store_.get<Particle>(name).error().key(), name);
}

/// Instructions of one operation that lock a cache line, on average over some calls after a warm-up. They are
/// the library's own and those of mutexes, the same on every processor; the total number of instructions is
/// not (bench/counts.cpp). A failure says that the operation has become more expensive for all users.
class NodeLocks : public ::testing::Test {
 protected:
  using Act = std::function<void(Store& store, Key& key)>;
  static constexpr std::size_t calls = 16;

  void SetUp() override {
    if (const std::string why = tests::why_not_counted(); !why.empty()) {
      GTEST_SKIP() << why;
    }
  }

  /// `prepare` is called for each key before counting, `act` then once for each.
  [[nodiscard]] static std::uint64_t cost_of(const Act& prepare, const Act& act) {
    const auto counted = tests::instructions_of([&](const std::function<void()>& mark) {
      const HotNode node;
      std::vector<Key> keys(2 * calls);
      for (Key& key : keys) {
        prepare(node.store(), key);
      }
      for (std::size_t at = 0; at < calls; ++at) {
        act(node.store(), keys[at]);
      }
      mark();
      for (std::size_t at = calls; at < 2 * calls; ++at) {
        act(node.store(), keys[at]);
      }
      mark();
    });
    return counted.locked / calls;
  }

  static void put(Store& store, Key& key) { key = store.put(Particle{{1}}).value(); }
  static void nothing(Store& /*store*/, Key& /*key*/) {}
};

TEST_F(NodeLocks, OfNothingAreNone) {
  EXPECT_EQ(cost_of(nothing, nothing), 0U);
  std::atomic<int> word{0};
  EXPECT_EQ(cost_of(nothing, [&](Store&, Key&) { word.fetch_add(1); }), 1U);
  EXPECT_EQ(cost_of(nothing, [&](Store&, Key&) { word.exchange(1); }), 1U);
}

TEST_F(NodeLocks, OfAGetByKeyAreFour) {
  const auto get = [](Store& store, Key& key) {
    if (store.get<Particle>(key).value()->coordinates[0] != 1) {
      std::abort();
    }
  };
  EXPECT_EQ(cost_of(put, get), 4U) << "the count of views and the pin bit, each set and cleared";
}

TEST_F(NodeLocks, OfAPutAreFive) {
  EXPECT_EQ(cost_of(nothing, put), 5U) << "two mutexes, and the check whether the store was dropped";
}

TEST_F(NodeLocks, OfAnEvictionAreSeven) {
  const auto evict = [](Store& store, Key& key) { (void)store.evict(key); };
  EXPECT_EQ(cost_of(put, evict), 7U) << "the tombstone, handing the entry back, two mutexes";
}

/// System calls of publishing an array with a name, after a first time that commits memory.
class NodeSystemCalls : public ::testing::Test {
 protected:
  static constexpr const char* name = "field";

  void SetUp() override {
    if (const std::string why = tests::why_not_counted(); !why.empty()) {
      GTEST_SKIP() << why;
    }
  }

  template <class Prepare, class Act>
  [[nodiscard]] static std::uint64_t of(const Prepare& prepare, const Act& act) {
    return tests::instructions_of([&](const std::function<void()>& mark) {
             const HotNode node;
             const std::vector<double> field(4_KiB / sizeof(double), 1.0);
             for (int warm_up = 0; warm_up < 2; ++warm_up) {
               (void)node.store().put(name, field).value();
               (void)node.store().replace(name, field).value();
               (void)node.store().evict(name).value();
             }
             prepare(node.store(), field);
             mark();
             act(node.store(), field);
             mark();
           })
        .system_calls;
  }

  static void nothing(Store& /*store*/, const std::vector<double>& /*field*/) {}
  static void put(Store& store, const std::vector<double>& field) { (void)store.put(name, field).value(); }
  static void replace(Store& store, const std::vector<double>& field) {
    (void)store.replace(name, field).value();
  }
  /// Sets the flag of waiting threads for the name: the writer does not ask how many there are.
  static void wait(Store& store, const std::vector<double>& /*field*/) {
    (void)store.wait<double[]>(name, std::chrono::nanoseconds(1));
  }
};

TEST_F(NodeSystemCalls, AreCounted) {
  EXPECT_EQ(of(nothing, [](auto&&...) { (void)::getppid(); }), 1U);
}

TEST_F(NodeSystemCalls, OfAPutByNameAreNoneWhereNobodyWaits) {
  EXPECT_EQ(of(nothing, put), 0U);
}

TEST_F(NodeSystemCalls, OfAPutByNameThatIsWaitedForAreOne) {
  EXPECT_EQ(of(wait, put), 1U) << "all sleepers are woken by one";
}

TEST_F(NodeSystemCalls, OfAReplacementAreNone) {
  EXPECT_EQ(of(put, replace), 0U);
  EXPECT_EQ(of(
                [](Store& store, const std::vector<double>& field) {
                  wait(store, field);
                  put(store, field);
                },
                replace),
            0U)
      << "a waiter accepts any generation";
}

}  // namespace
}  // namespace locum::tests
