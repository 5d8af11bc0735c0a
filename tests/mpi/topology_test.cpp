#include "mpi/topology.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <numeric>

namespace locum::mpi {
namespace {

using namespace std::chrono_literals;

TEST(Topology, NumbersNodesByTheirLowestRank) {
  EXPECT_EQ(number_nodes(std::vector{0}, 0), (std::vector{0}));
  EXPECT_EQ(number_nodes(std::vector{7, 7, 7}, 0), (std::vector{0, 0, 0}));
  EXPECT_EQ(number_nodes(std::vector{5, 2, 5, 9, 2}, 0), (std::vector{0, 1, 0, 2, 1}));
  EXPECT_TRUE(number_nodes(std::vector<int>{}, 0).empty());
}

TEST(Topology, SplitsMachinesIntoNodesOfSoManyRanks) {
  EXPECT_EQ(number_nodes(std::vector{0, 0, 0, 0, 0}, 2), (std::vector{0, 0, 1, 1, 2}));
  EXPECT_EQ(number_nodes(std::vector{0, 0, 0}, 1), (std::vector{0, 1, 2}));
  EXPECT_EQ(number_nodes(std::vector{0, 0, 0}, 3), (std::vector{0, 0, 0}));
  EXPECT_EQ(number_nodes(std::vector{0, 0, 0}, 99), (std::vector{0, 0, 0}));
  // Ranks distributed over two machines in turn: no node spans machines.
  EXPECT_EQ(number_nodes(std::vector{0, 1, 0, 1, 0, 1}, 2), (std::vector{0, 1, 0, 1, 2, 3}));
}

class TopologyOfTheJob : public testing::Test {
 protected:
  Moment soon() const { return Deadline::Clock::now() + 20s; }
  Communicator world_ = Communicator::duplicate(MPI_COMM_WORLD, Deadline::Clock::now() + 20s);
};

TEST_F(TopologyOfTheJob, IsOneNodeWhereTheTestsRun) {
  const Topology topology = find_topology(world_, 0, soon());
  EXPECT_EQ(topology.node_of_rank, std::vector<int>(static_cast<std::size_t>(world_.size())));
  EXPECT_EQ(topology.nodes_here, 1);
  EXPECT_EQ(topology.ranks_here, world_.size());
}

TEST_F(TopologyOfTheJob, MakesVirtualNodes) {
  std::vector<int> each_alone(static_cast<std::size_t>(world_.size()));
  std::iota(each_alone.begin(), each_alone.end(), 0);
  const Topology topology = find_topology(world_, 1, soon());
  EXPECT_EQ(topology.node_of_rank, each_alone);
  EXPECT_EQ(topology.nodes_here, world_.size());
  EXPECT_EQ(topology.ranks_here, world_.size());
}

TEST_F(TopologyOfTheJob, IsDescribedWithRanksAndHosts) {
  std::vector<int> nodes(static_cast<std::size_t>(world_.size()));
  char host[MPI_MAX_PROCESSOR_NAME + 1] = {};
  int length = 0;
  MPI_Get_processor_name(host, &length);
  const std::string ranks = world_.size() == 1 ? "rank 0" : "ranks 0-" + std::to_string(world_.size() - 1);
  EXPECT_EQ(describe_nodes(world_, nodes, soon()), "node 0: " + ranks + " on host " + host);

  if (world_.size() == 5) {
    nodes = {0, 1, 0, 0, 1};
    EXPECT_EQ(describe_nodes(world_, nodes, soon()),
              std::string("node 0: ranks 0, 2-3 on host ") + host + "; node 1: ranks 1, 4 on host " + host);
  }
}

}  // namespace
}  // namespace locum::mpi
