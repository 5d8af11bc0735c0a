#include "tests/shm/fork_group.hpp"

#include <gtest/gtest.h>

#include <csignal>

#include "tests/core/group_contract.hpp"

namespace locum::tests {
namespace {

TEST(ForkGroup, IsAGroupAsAnyOther) {
  for (const int size : {1, 2, 5}) {
    for (const Ending& ending : run_group(size, [](Group& group) {
           contract::expect_group_contract(group);
           return std::string("done");
         })) {
      EXPECT_EQ(ending.exit_code, 0);
      EXPECT_EQ(ending.said, "done");
    }
  }
}

TEST(ForkGroup, AProcessThatDiesIsAnErrorForTheOthers) {
  const auto exits = run_group(3, [](Group& group) -> std::string {
    if (group.rank() == 1) {
      ::raise(SIGKILL);
    }
    group.barrier();
    return "passed a barrier without rank 1";
  });
  EXPECT_EQ(exits[1].signal, SIGKILL);
  for (const int rank : {0, 2}) {
    EXPECT_EQ(exits[static_cast<std::size_t>(rank)].exit_code, 1);
    EXPECT_NE(exits[static_cast<std::size_t>(rank)].said.find("peer_lost"), std::string::npos);
  }
}

}  // namespace
}  // namespace locum::tests
