// What becomes of those who wait for promises when memory runs out after they have begun.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <semaphore>

#include "core/detail/standing_waits.hpp"
#include "tests/core/awaited_connector.hpp"
#include "tests/core/scarce_memory.hpp"

namespace locum::detail {
namespace {

using namespace std::chrono_literals;
using Clock = Deadline::Clock;

// All that they need is made when they begin: the first look watches, and whoever is watched for tells.
TEST(StandingWaitsWithoutMemory, AreToldIfThereWasSomeWhenTheyBegan) {
  const auto connector = std::make_shared<tests::AwaitedConnector>(1);
  std::binary_semaphore may_look{0};
  StandingWaits waits(connector, [&](const char* /*name*/) { may_look.acquire(); });
  const auto fetch = waits.begin(0, "promised", Clock::now() + 1h);
  tests::make_memory_scarce(0, 1'000'000);
  may_look.release();
  const bool is_watched = connector->is_watched_within(5s);
  connector->set(0);
  connector->tell();
  const auto found = fetch->get(20s);
  EXPECT_FALSE(tests::end_scarcity()) << "it needed memory";
  EXPECT_TRUE(is_watched);
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace locum::detail
