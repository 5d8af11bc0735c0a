#include "mpi/group.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "tests/core/group_contract.hpp"

namespace locum::mpi {
namespace {

using namespace std::chrono_literals;

CommunicatorGroup make_group(std::chrono::milliseconds timeout, int ranks_per_node = 0) {
  return CommunicatorGroup(Communicator::duplicate(MPI_COMM_WORLD, Deadline::Clock::now() + 20s), timeout,
                           ranks_per_node);
}

TEST(CommunicatorGroup, KeepsTheContract) {
  CommunicatorGroup group = make_group(20s);
  contract::expect_group_contract(group, 1);
  contract::expect_group_contract(group, 2);
}

TEST(CommunicatorGroup, KeepsTheContractOnVirtualNodes) {
  CommunicatorGroup group = make_group(20s, 2);
  EXPECT_EQ(group.node_of_rank().back(), (group.size() - 1) / 2);
  contract::expect_group_contract(group, 3);
}

TEST(CommunicatorGroup, KeepsTheContractOnPartOfTheRanks) {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm half = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, rank % 2, -rank, &half);
  {
    CommunicatorGroup group(Communicator::duplicate(half, Deadline::Clock::now() + 20s), 20s, 0);
    contract::expect_group_contract(group, static_cast<std::uint32_t>(rank % 2));
  }
  MPI_Comm_free(&half);
}

TEST(CommunicatorGroup, TellsEndlessErrorsToAll) {
  CommunicatorGroup group = make_group(20s);
  const std::optional<Error> mine =
      group.rank() == group.size() - 1
          ? std::optional(Error(Errc::corrupt, std::string(1'000'000, 'z')).about(std::string(100'000, 'k')))
          : std::nullopt;
  const std::optional<Error> agreed = group.agree(mine);
  ASSERT_TRUE(agreed.has_value());
  EXPECT_EQ(agreed->code(), Errc::corrupt);
  EXPECT_EQ(agreed->rank(), group.size() - 1);
  EXPECT_EQ(agreed->key(), std::string(128, 'k'));
  EXPECT_EQ(agreed->text().substr(0, 3), "zzz");
}

TEST(CommunicatorGroup, BroadcastsWhatOnlyTheRootKnowsTheLengthOf) {
  CommunicatorGroup group = make_group(20s);
  for (const std::size_t size : {0U, 1U, 70'000U}) {
    const int root = group.size() - 1;
    std::vector<std::byte> bytes;
    if (group.rank() == root) {
      bytes.assign(size, std::byte{9});
    }
    EXPECT_EQ(group.broadcast(std::move(bytes), root, "test"), std::vector<std::byte>(size, std::byte{9}));
  }
}

TEST(CommunicatorGroup, NoticesRanksThatAreInDifferentSteps) {
  CommunicatorGroup group = make_group(20s);
  const int last = group.size() - 1;
  const std::string long_step = "drop \"" + std::string(5000, 's') + "\"";
  const std::optional<Error> agreed =
      group.agree(std::nullopt, group.rank() == last && last > 0 ? "close" : long_step, {});
  if (group.size() == 1) {
    EXPECT_FALSE(agreed.has_value());
  } else {
    ASSERT_TRUE(agreed.has_value());
    EXPECT_EQ(agreed->code(), Errc::invalid_argument);
    EXPECT_EQ(agreed->rank(), last);
    EXPECT_NE(agreed->text().find("rank 0 is in \"drop \"sss"), std::string::npos) << agreed->what();
    EXPECT_NE(agreed->text().find("rank " + std::to_string(last) + " is in \"close\""), std::string::npos)
        << agreed->what();
  }
  // Nothing of it is left.
  EXPECT_FALSE(group.agree(std::nullopt, "the same step", {}).has_value());
}

// Of which the others know nothing: were a moment of its own given to a step, it would last for an hour.
TEST(CommunicatorGroup, EndsAllStepsOfACallAtOneMoment) {
  CommunicatorGroup group = make_group(std::chrono::hours(1), 2);
  if (group.rank() == 0 && group.size() > 2) {
    const SharedMoment passed(group, Deadline::Clock::now());
    CommunicatorGroup node_peers = group.of_node();
    EXPECT_THROW((void)node_peers.agree(std::nullopt), Error)
        << "whose failure is no step of the whole group";
    EXPECT_FALSE(group.broken());
    EXPECT_THROW((void)group.agree(std::nullopt, "of the call", {}), Error);
    EXPECT_THROW((void)group.broadcast({}, 1, "of the call"), Error);
  } else {
    group.watch([] { return std::vector<int>{0}; });  // so that nobody frees what rank 0 does not
  }
  MPI_Barrier(MPI_COMM_WORLD);
}

TEST(CommunicatorGroup, GivesEachCallATimeAfterwards) {
  CommunicatorGroup group = make_group(60s);
  {
    const SharedMoment passed(group, Deadline::Clock::now());
    EXPECT_LE(group.moment(), Deadline::Clock::now());
  }
  EXPECT_GT(group.moment(), Deadline::Clock::now());
  EXPECT_FALSE(group.agree(std::nullopt).has_value());
}

TEST(CommunicatorGroup, WaitsNoLongerThanItsTimeout) {
  CommunicatorGroup group = make_group(2s);
  if (group.rank() == 0 && group.size() > 1) {
    const auto start = Deadline::Clock::now();
    EXPECT_THROW((void)group.agree(std::nullopt), Error);
    EXPECT_GE(Deadline::Clock::now() - start, 2s);
    EXPECT_TRUE(group.broken());
    EXPECT_THROW(group.barrier(), Error);
  } else {
    group.watch([] { return std::vector<int>{0}; });  // so that nobody frees what rank 0 does not
  }
  MPI_Barrier(MPI_COMM_WORLD);
}

}  // namespace
}  // namespace locum::mpi
