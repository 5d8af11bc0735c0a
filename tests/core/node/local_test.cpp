#include "core/node/local.hpp"

#include <gtest/gtest.h>

#include "core/ports/store_accounts.hpp"
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

TEST(Local, CountsTheObjectsOfAStoreThatHasABudget) {
  const auto connector = open_local();
  ASSERT_TRUE(connector->capability<StoreAccounts>()->set_budget(4, "fields", 20));
  EXPECT_TRUE(put(*connector, 3, {}, pattern(1, 100))) << "it has none";
  const Key key = put(*connector, 4, {}, pattern(1, 12)).value().key;
  const auto refused = put(*connector, 4, {}, pattern(1, 12));
  EXPECT_EQ(code_of(refused), Errc::out_of_memory);
  EXPECT_NE(refused.error().text().find("\"fields\""), std::string::npos) << refused.error();
  {
    const auto view = connector->get(Address(key), {}).value();
    EXPECT_TRUE(connector->evict(Address(key), {}).value());
    EXPECT_FALSE(connector->capability<StoreAccounts>()->has_room(4, 12)) << "it is still viewed";
  }
  EXPECT_TRUE(put(*connector, 4, {}, pattern(1, 20)));
  ASSERT_EQ(connector->capability<StoreAccounts>()->usage().size(), 1U);
  EXPECT_EQ(connector->capability<StoreAccounts>()->usage()[0].node_highest, 20U);
}

TEST(Local, GivesUpAWaitAtItsOwnTimeout) {
  const auto connector = open_local({.timeout = std::chrono::milliseconds(1)});
  EXPECT_EQ(code_of(connector->wait({1, "never"}, {})), Errc::timeout);
}

}  // namespace locum::tests
