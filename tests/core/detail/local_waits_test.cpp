#include "core/detail/local_waits.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "tests/core/awaited_connector.hpp"

namespace locum::detail {
namespace {

using namespace std::chrono_literals;
using tests::AwaitedConnector;
using Clock = Deadline::Clock;

std::shared_ptr<Fetch> begun(LocalWaits& waits, std::uint32_t store, Clock::time_point until) {
  return waits.begin(store, "promised", CountsUntil::it_is_used_once_set, until, until).coming;
}

// However many notifications there are, and however many names are awaited: each name is looked up at most
// once in as many microseconds as there are names.
TEST(LocalWaits, AreLookedForNoMoreThanOnceAMicrosecond) {
  constexpr std::uint32_t count = 1000;
  const auto connector = std::make_shared<AwaitedConnector>(count);
  LocalWaits waits(connector);
  const auto began = Clock::now();
  std::vector<std::shared_ptr<Fetch>> fetches;
  for (std::uint32_t store = 0; store < count; ++store) {
    fetches.push_back(begun(waits, store, began + 1h));
  }
  while (Clock::now() < began + 30ms) {
    connector->tell();
    std::this_thread::yield();
  }
  for (std::uint32_t store = 0; store < count; ++store) {
    connector->set(store);
    connector->tell();
  }
  for (const auto& fetch : fetches) {
    EXPECT_TRUE(fetch->get(20s));
  }
  const auto took = std::chrono::ceil<std::chrono::microseconds>(Clock::now() - began);
  const std::size_t by_who_begins = count;
  EXPECT_LE(connector->looks(), by_who_begins + static_cast<std::size_t>(took.count()) + 2 * count);
}

// That limit delays no wait.
TEST(LocalWaits, AreToldOnceTheyAreSet) {
  const auto connector = std::make_shared<AwaitedConnector>(2);
  LocalWaits waits(connector);
  const auto first = begun(waits, 0, Clock::now() + 1h);
  const auto late = begun(waits, 1, Clock::now() + 1ms);
  EXPECT_EQ(late->get(20s).error().code(), Errc::timeout);
  EXPECT_FALSE(first->ended());
  ASSERT_TRUE(connector->is_watched_within(20s));
  connector->set(0);
  connector->tell();
  EXPECT_TRUE(first->get(20s));
  const auto last = begun(waits, 1, Clock::now() + 1h);
  waits.close(Error(Errc::closed, "by the test"));
  EXPECT_EQ(last->get(20s).error().code(), Errc::closed);
}

}  // namespace
}  // namespace locum::detail
