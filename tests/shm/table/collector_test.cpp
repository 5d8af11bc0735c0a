#include "shm/table/collector.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/node/cluster.hpp"
#include "core/value/options.hpp"
#include "shm/arena/arena.hpp"
#include "shm/names/name_table.hpp"
#include "shm/node.hpp"
#include "shm/segment/robust_lock.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/shm/fork_group.hpp"

namespace locum::shm {
namespace {

using locum::tests::pattern;
using locum::tests::plain_meta;
using locum::tests::put;
using tests::Ending;
using Moment = Collector::Moment;

constexpr Deadline::Clock::duration never = Deadline::Clock::duration::max();
constexpr Deadline::Clock::duration window = Collector::window;

/// One process of a node whose background work is called by the test, at times that only the test advances.
class Process {
 public:
  Process(std::shared_ptr<Segment> segment, std::uint32_t own)
      : table(ObjectTable::make(segment, own, {100, 101})),
        collector(segment, own, table),
        arena(std::make_shared<SharedArena>(segment, own, 64_KiB, 0, SharedArena::Background::caller)),
        connector(
            open_cluster({.arena = arena,
                          .table = table,
                          .directory = std::make_shared<NameTable>(segment, table, std::chrono::seconds(20)),
                          .timeout = std::chrono::seconds(20)})) {}

  /// Does all present work; returns how long until there may be more.
  Deadline::Clock::duration settle(bool called = false) {
    Moment next = Moment::min();
    for (pieces = 0; next == Moment::min(); ++pieces) {
      next = collector.work(*arena, now, called);
    }
    return next == Moment::max() ? never : next - now;
  }
  Deadline::Clock::duration later(Deadline::Clock::duration by) {
    now += by;
    return settle();
  }
  Key make(std::size_t size_bytes) { return put(*connector, 1, {}, pattern(1, size_bytes)).value().key; }

  std::shared_ptr<ObjectTable> table;
  Collector collector;
  std::shared_ptr<SharedArena> arena;
  std::shared_ptr<Connector> connector;
  Moment now{std::chrono::hours(1)};
  int pieces = 0;
};

class CollectorTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::uint32_t rings() const { return segment_->share(0).bell.load(); }

  std::shared_ptr<Segment> segment_ = Segment::create(Geometry::fit(2, 64_MiB, 4_GiB), 0x10C0);
  Process owner_{segment_, 0};
  Process other_{segment_, 1};
};

TEST_F(CollectorTest, FreesWhatOthersEvictedWithinAWindow) {
  EXPECT_EQ(owner_.settle(), never) << "nothing to check later";
  std::vector<Key> keys;
  for (int count = 0; count < 100; ++count) {
    keys.push_back(owner_.make(1000));
  }
  EXPECT_EQ(owner_.settle(), never);
  const std::uint32_t before = rings();
  for (const Key& key : keys) {
    ASSERT_TRUE(other_.connector->evict(key, {}).value());
  }
  EXPECT_EQ(rings(), before + 1) << "once, however much is evicted";
  EXPECT_EQ(owner_.settle(), window) << "usually the owner's own calls do it earlier";
  EXPECT_GT(owner_.arena->usage().used, 100'000U);
  EXPECT_EQ(owner_.later(window), never);
  EXPECT_EQ(owner_.arena->usage().used, 0U);
  ASSERT_TRUE(other_.connector->evict(owner_.make(1000), {}).value());
  EXPECT_EQ(rings(), before + 2) << "it listens again";
}

TEST_F(CollectorTest, FreesAtOnceWhenSomebodyCallsForMemory) {
  ASSERT_TRUE(other_.connector->evict(owner_.make(1000), {}).value());
  EXPECT_EQ(owner_.settle(true), never);
  EXPECT_EQ(owner_.arena->usage().used, 0U);
}

TEST_F(CollectorTest, LooksAtWhatIsStillViewedEverMoreSeldom) {
  const Key key = owner_.make(1000);
  std::optional<ObjectView> view = other_.connector->get(key, {}).value();
  const std::uint32_t before = rings();
  ASSERT_TRUE(owner_.connector->evict(key, {}).value());
  EXPECT_EQ(rings(), before + 1) << "its own evict could not free it";
  Deadline::Clock::duration wait = owner_.settle();
  EXPECT_EQ(wait, window);
  int looks = 0;
  for (const Moment end = owner_.now + std::chrono::hours(1); owner_.now < end; ++looks) {
    const auto longer = owner_.later(wait);
    ASSERT_GE(longer, std::min<Deadline::Clock::duration>(wait, Collector::longest_window));
    ASSERT_LE(longer, Collector::longest_window);
    wait = longer;
  }
  EXPECT_LE(looks, 65) << "about one a minute";
  EXPECT_EQ(rings(), before + 1) << "a check rings no bell";
  view.reset();
  EXPECT_EQ(owner_.later(wait), never);
  EXPECT_EQ(owner_.arena->usage().used, 0U);
}

TEST_F(CollectorTest, LooksSoonAtWhatIsEvictedWhileItWaitsForALongView) {
  const Key kept = owner_.make(1000);
  const std::optional<ObjectView> view = other_.connector->get(kept, {}).value();
  ASSERT_TRUE(other_.connector->evict(kept, {}).value());
  Deadline::Clock::duration wait = owner_.settle();
  for (int looks = 0; looks < 10; ++looks) {
    wait = owner_.later(wait);
  }
  EXPECT_EQ(wait, Collector::longest_window);
  const Key key = owner_.make(100'000);
  owner_.settle();
  ASSERT_TRUE(other_.connector->evict(key, {}).value());
  EXPECT_LE(owner_.settle(), window);
  EXPECT_EQ(owner_.later(window), window) << "the last check freed something";
  EXPECT_LT(owner_.arena->usage().used, 100'000U);
}

// Publishing calls wait for the table's lock: it is not held for all entries at once.
TEST_F(CollectorTest, LooksAtMuchThatIsViewedPieceByPiece) {
  std::vector<ObjectView> views;
  for (int count = 0; count < 5000; ++count) {
    const Key key = owner_.make(100);
    views.push_back(other_.connector->get(key, {}).value());
    ASSERT_TRUE(other_.connector->evict(key, {}).value());
  }
  owner_.settle();
  owner_.later(window);
  EXPECT_GE(owner_.pieces, 5000 / 256);
  views.clear();
  owner_.later(2 * window);
  EXPECT_GE(owner_.pieces, 5000 / 256);
  EXPECT_EQ(owner_.arena->usage().used, 0U);
}

TEST_F(CollectorTest, HearsWhatIsEvictedOfADeadProcessThatItAdopted) {
  const Key key = other_.make(1000);
  // As the watch of rank 0 does it.
  const RobustLock own_life(segment_->share(0).life, Deadline::Clock::now());
  const RobustLock life(segment_->share(1).life, Deadline::Clock::now());
  segment_->share(1).adopter.store(1);
  ASSERT_TRUE(
      owner_.table->adopt(1, [&](const std::vector<Block>& used) { return owner_.arena->adopt(1, used); }));
  EXPECT_EQ(owner_.settle(), never);
  const std::uint32_t before = rings();
  ASSERT_TRUE(owner_.connector->evict(key, {}).value());  // as a third process would
  EXPECT_EQ(rings(), before + 1);
}

// From here on with the processes and threads of a real node.

struct NodeProcess {
  explicit NodeProcess(Group& group)
      : node(open_node(group, {0, 1}, {.memory_bytes = 64_MiB, .reserve_bytes = 4_GiB}, 7)),
        connector(open_cluster({.arena = node.arena,
                                .table = node.table,
                                .directory = node.directory,
                                .timeout = std::chrono::seconds(20)})) {}
  /// The published words of a rank.
  [[nodiscard]] const Share& share(std::uint32_t rank) const {
    const Geometry geometry = Geometry::fit(2, 64_MiB, 4_GiB);
    return *reinterpret_cast<const Share*>(node.arena->data(geometry.shares_offset() + rank * sizeof(Share)));
  }

  Node node;
  std::shared_ptr<Connector> connector;
};

// Rank 0 puts, and then waits for the others as in a long computation; rank 1 evicts rank 0's objects.
std::string evict_of_another(Group& group, const std::function<std::string(NodeProcess&)>& then) {
  NodeProcess process(group);
  if (group.rank() == 0) {
    (void)put(*process.connector, 1, "large", pattern(1, 45_MiB)).value();
  }
  group.barrier();
  std::string said;
  if (group.rank() == 1) {
    said = process.connector->evict({1, "large"}, {}).value() ? then(process) : "not evicted";
  }
  group.barrier();
  return said.empty() ? "well" : said;
}

TEST(CollectorOfANode, ServesWhoLacksMemoryThoughTheOwnerOnlyWaits) {
  for (const Ending& ending : tests::run_group(2, [](Group& group) {
         return evict_of_another(group, [](NodeProcess& process) -> std::string {
           // On a busy machine the owner may be scheduled only after a request was given up.
           const auto latest = Deadline::Clock::now() + std::chrono::seconds(20);
           auto block = process.node.arena->allocate(40_MiB);
           while (!block && Deadline::Clock::now() < latest) {
             block = process.node.arena->allocate(40_MiB);
           }
           return block ? "" : block.error().what();
         });
       })) {
    EXPECT_EQ(ending.said, "well") << ending.signal;
  }
}

TEST(CollectorOfANode, CollectsInTimeThoughTheOwnerOnlyWaits) {
  for (const Ending& ending : tests::run_group(2, [](Group& group) {
         return evict_of_another(group, [](NodeProcess& process) -> std::string {
           if (process.share(0).retired.load() == 0) {
             return "nothing was handed back";
           }
           const auto latest = Deadline::Clock::now() + std::chrono::seconds(20);
           while (process.share(0).surplus_bytes.load() < 45_MiB) {
             if (Deadline::Clock::now() > latest) {
               return "nothing came back";
             }
             std::this_thread::yield();
           }
           return "";
         });
       })) {
    EXPECT_EQ(ending.said, "well") << ending.signal;
  }
}

/// How often the threads with that name have slept so far; nothing if there are none.
std::optional<long> sleeps_of(const std::string& name) {
  std::optional<long> sleeps;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string its_name;
    std::getline(std::ifstream(task.path() / "comm"), its_name);
    if (its_name != name) {
      continue;
    }
    std::ifstream status(task.path() / "status");
    for (std::string line; std::getline(status, line);) {
      constexpr std::string_view field = "voluntary_ctxt_switches:";
      if (line.starts_with(field)) {
        sleeps = sleeps.value_or(0) + std::stol(line.substr(field.size()));
      }
    }
  }
  return sleeps;
}

// One second is the measured time, not a deadline. Preparing memory takes some time at first.
TEST(CollectorOfANode, WakesNobodyWhereThereIsNothingToDo) {
  for (const Ending& ending : tests::run_group(2, [](Group& group) -> std::string {
         NodeProcess process(group);
         const auto key = put(*process.connector, 1, {}, pattern(1, 1000)).value().key;
         (void)process.connector->evict(key, {}).value();
         std::optional<long> before = sleeps_of("locum prepare");
         // The thread gets its name when it first runs.
         for (const Moment until = Deadline::Clock::now() + std::chrono::seconds(10);
              !before && Deadline::Clock::now() < until;) {
           std::this_thread::yield();
           before = sleeps_of("locum prepare");
         }
         long sleeps = -1;
         for (int second = 0; before && sleeps != 0 && second < 20; ++second) {
           std::this_thread::sleep_for(std::chrono::seconds(1));
           const long now = sleeps_of("locum prepare").value();
           sleeps = now - *std::exchange(before, now);
         }
         group.barrier();
         return sleeps == 0 ? "well" : "it woke " + std::to_string(sleeps) + " times in the last second";
       })) {
    EXPECT_EQ(ending.said, "well") << ending.signal;
  }
}

}  // namespace
}  // namespace locum::shm
