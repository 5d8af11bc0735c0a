#include "shm/table/freed_memory.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

#include "tests/core/memory_monitor_contract.hpp"
#include "tests/shm/cluster_on_node.hpp"

namespace locum::tests {

INSTANTIATE_TEST_SUITE_P(
    OnNode, MemoryMonitorContract,
    testing::Values(MonitorMaker{"two_processes",
                                 [] {
                                   const auto segment = make_segment(2, 8_MiB);
                                   return MonitorMaker::Connectors{connect(segment, 1), connect(segment, 0)};
                                 }},
                    MonitorMaker{"one_process",
                                 [] {
                                   const auto one = connect(make_segment(1, 8_MiB), 0);
                                   return MonitorMaker::Connectors{one, one};
                                 }}),
    monitor_name);

}  // namespace locum::tests

namespace locum::shm {
namespace {

using std::chrono::seconds;
using tests::make_segment;
using Clock = Deadline::Clock;

TEST(FreedMemoryTest, ReturnedToTheSystemWakesWhoWaits) {
  const auto segment = make_segment(2);
  FreedMemory freed(segment, std::make_shared<ObjectTable>(segment, 0, std::vector<std::uint32_t>{10, 11}));
  const std::uint64_t begin = segment->geometry().arena_offset(1);
  segment->commit(begin, 1_MiB).value();
  const auto armed = freed.arm();
  segment->give_back(begin, 1_MiB);
  const auto until = Clock::now() + seconds(60);
  freed.sleep(armed, until);
  EXPECT_LT(Clock::now(), until);
  EXPECT_EQ(segment->header().memory_awaited.load(), 0U);
  segment->give_back(begin, 1_MiB);
  EXPECT_EQ(segment->header().memory_freed.load(), armed + 1) << "one notice for each look";
}

// The views are counted while other threads of the process begin and end them.
TEST(FreedMemoryTest, IsCountedWhileViewsComeAndGo) {
  const auto node = tests::connect(make_segment(1), 0);
  std::vector<Key> keys;
  for (std::uint64_t each = 0; each < 8; ++each) {
    keys.push_back(tests::put(*node, 1, {}, tests::pattern(each, 5000)).value().key);
  }
  const ObjectView kept = node->get(keys[0], {}).value();
  std::atomic<bool> stop{false};
  std::vector<std::jthread> readers;
  for (int reader = 0; reader < 2; ++reader) {
    readers.emplace_back([&] {
      while (!stop.load()) {
        for (std::uint64_t each = 0; each < keys.size(); ++each) {
          const ObjectView view = node->get(keys[each], {}).value();
          EXPECT_TRUE(tests::holds(view, tests::pattern(each, 5000)));
        }
      }
    });
  }
  for (int look = 0; look < 300; ++look) {
    const ViewedMemory viewed = node->capability<MemoryMonitor>()->viewed(2);
    EXPECT_GE(viewed.objects, 1U);
    EXPECT_LE(viewed.objects, keys.size());
    EXPECT_GE(viewed.bytes, 5000U);
  }
  stop.store(true);
  readers.clear();
  EXPECT_EQ(node->capability<MemoryMonitor>()->viewed(2).objects, 1U);
}

}  // namespace
}  // namespace locum::shm
