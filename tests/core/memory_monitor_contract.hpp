#pragma once

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "core/ports/memory_monitor.hpp"
#include "tests/core/connector_samples.hpp"

/// Contract tests of the MemoryMonitor port, for every implementation: INSTANTIATE_TEST_SUITE_P(…,
/// MemoryMonitorContract, …) with a maker of two connectors over one fresh memory, or of one twice.
namespace locum::tests {

struct MonitorMaker {
  using Connectors = std::array<std::shared_ptr<Connector>, 2>;
  std::string name;
  /// Connectors over at least 1 MiB of memory.
  std::function<Connectors()> make;

  friend std::ostream& operator<<(std::ostream& out, const MonitorMaker& maker) { return out << maker.name; }
};

class MemoryMonitorContract : public testing::TestWithParam<MonitorMaker> {
 protected:
  using Clock = Deadline::Clock;
  static constexpr std::chrono::milliseconds brief{5};
  static constexpr std::chrono::seconds ages{60};

  /// Whether sleep() ends before its time.
  [[nodiscard]] bool is_woken(std::uint32_t armed) const {
    const auto until = Clock::now() + ages;
    monitor_.sleep(armed, until);
    return Clock::now() < until;
  }
  /// Whether sleep() lasts for its time.
  [[nodiscard]] bool sleeps_on(std::uint32_t armed) const {
    const auto until = Clock::now() + brief;
    monitor_.sleep(armed, until);
    return Clock::now() >= until;
  }
  [[nodiscard]] Key put(std::string_view name, std::size_t size_bytes) const {
    return tests::put(*connectors_[0], 1, name, pattern(1, size_bytes)).value().key;
  }

  const MonitorMaker::Connectors connectors_ = GetParam().make();
  Connector& other_ = *connectors_[1];
  MemoryMonitor& monitor_ = *connectors_[0]->capability<MemoryMonitor>();
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(MemoryMonitorContract);

TEST_P(MemoryMonitorContract, SleepsUntilItsMomentIfNothingIsFreed) {
  const Key key = put("x", 1000);
  const auto armed = monitor_.arm();
  EXPECT_TRUE(sleeps_on(armed));
  EXPECT_TRUE(sleeps_on(armed));
  {
    const ObjectView view = other_.get(key, {}).value();
    (void)put({}, 1000);
  }
  EXPECT_TRUE(sleeps_on(armed)) << "the end of a view of a live object frees nothing";
}

TEST_P(MemoryMonitorContract, IsWokenByAnEviction) {
  for (const std::string_view name : {"x", ""}) {
    const Key key = put(name, 1000);
    const auto armed = monitor_.arm();
    EXPECT_TRUE(other_.evict(key, {}).value());
    EXPECT_TRUE(is_woken(armed));
    EXPECT_TRUE(is_woken(armed)) << "also if it sleeps later";
    EXPECT_TRUE(sleeps_on(monitor_.arm())) << "what was freed before wakes nobody";
  }
}

TEST_P(MemoryMonitorContract, IsWokenByAReplacement) {
  (void)put("x", 1000);
  const auto armed = monitor_.arm();
  ASSERT_TRUE(tests::put(other_, 1, "x", pattern(2, 1000), {.mode = SealMode::replace}));
  EXPECT_TRUE(is_woken(armed));
}

TEST_P(MemoryMonitorContract, CountsWhatThisProcessViews) {
  EXPECT_EQ(monitor_.viewed(3).objects, 0U);
  EXPECT_EQ(monitor_.viewed(3).bytes, 0U);
  std::vector<ObjectView> views;
  std::vector<Key> keys;
  for (std::size_t size : {3000U, 1000U, 4000U, 2000U}) {
    keys.push_back(put(size == 1000 ? "" : "of " + std::to_string(size), size));
    views.push_back(connectors_[0]->get(keys.back(), {}).value());
  }
  views.push_back(views.front());
  const ViewedMemory viewed = monitor_.viewed(3);
  EXPECT_EQ(viewed.objects, 4U);
  EXPECT_GE(viewed.bytes, 10'000U);
  EXPECT_LT(viewed.bytes, 10'400U) << "some bytes of metadata for each";
  ASSERT_EQ(viewed.largest.size(), 3U);
  EXPECT_EQ(viewed.largest[0].name, "of 4000");
  EXPECT_EQ(viewed.largest[1].name, "of 3000");
  EXPECT_EQ(viewed.largest[1].key, keys[0]);
  EXPECT_EQ(viewed.largest[1].views, 2U);
  EXPECT_EQ(viewed.largest[2].name, "of 2000");
  EXPECT_TRUE(monitor_.viewed(0).largest.empty());
  EXPECT_TRUE(viewed.leaves(viewed.most_bytes - viewed.bytes));
  EXPECT_FALSE(viewed.leaves(viewed.most_bytes - viewed.bytes + 1));
  EXPECT_TRUE(other_.evict(keys[1], {}).value());
  EXPECT_EQ(monitor_.viewed(3).bytes, viewed.bytes) << "evicted or not";
  views.clear();
  EXPECT_EQ(monitor_.viewed(3).bytes, 0U);
}

[[nodiscard]] inline std::string monitor_name(const testing::TestParamInfo<MonitorMaker>& info) {
  return info.param.name;
}

}  // namespace locum::tests
