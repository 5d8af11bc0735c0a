#include "core/node/local.hpp"

#include <gtest/gtest.h>

#include "tests/core/connector_samples.hpp"
#include "tests/core/memory_monitor_contract.hpp"

namespace locum::tests {

INSTANTIATE_TEST_SUITE_P(Local, MemoryMonitorContract,
                         testing::Values(MonitorMaker{"local",
                                                      [] {
                                                        const auto local =
                                                            open_local({.memory_bytes = 1 << 20});
                                                        return MonitorMaker::Connectors{local, local};
                                                      }}),
                         monitor_name);

TEST(Local, HasNoLimitUnlessOneIsGiven) {
  EXPECT_EQ(open_local()->usage().limit, 0U);
  EXPECT_EQ(open_local({.memory_bytes = 100})->usage().limit, 100U);
}

TEST(Local, RefusesADraftThatWasSealedBefore) {
  const auto connector = open_local();
  const auto draft = connector->create(8, plain_meta(1), {}).value();
  EXPECT_TRUE(connector->seal(draft, {}, {}));
  EXPECT_EQ(code_of(connector->seal(draft, {}, {})), Errc::invalid_argument);
}

TEST(Local, PutsItsCreatorIntoKeys) {
  const auto connector = open_local({.creator = 9});
  EXPECT_EQ(put(*connector, 4, {}, pattern(1, 8)).value().key.creator, 9U);
}

TEST(Local, GivesUpAWaitAtItsOwnTimeout) {
  const auto connector = open_local({.timeout = std::chrono::milliseconds(1)});
  EXPECT_EQ(code_of(connector->wait({1, "never"}, {})), Errc::timeout);
}

}  // namespace locum::tests
