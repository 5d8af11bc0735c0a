#pragma once

#include <span>
#include <string>
#include <vector>

#include "mpi/communicator.hpp"

namespace locum::mpi {

/// Nodes numbered from 0 in the order of their lowest rank. `machine_of_rank` may use any numbers;
/// `ranks_per_node` > 0 splits each machine into nodes of that many ranks, its ranks taken in order.
[[nodiscard]] std::vector<int> number_nodes(std::span<const int> machine_of_rank, int ranks_per_node);

/// Which ranks share a node, and how many nodes and ranks share this rank's machine.
struct Topology {
  std::vector<int> node_of_rank;
  int nodes_here = 1;
  int ranks_here = 1;
};

/// Ranks with the same kernel, host name and network namespace share a machine; `ranks_per_node` splits it.
/// Whether they can share memory is known when they open it. MPI_COMM_TYPE_SHARED is not used: that call
/// blocks until all ranks have joined, and for ever if one dies in it. Collective.
[[nodiscard]] Topology find_topology(Communicator& communicator, int ranks_per_node, Moment moment);

/// "node 0: ranks 0-3 on host a; node 1: …", for messages. Collective; the same text on all ranks.
[[nodiscard]] std::string describe_nodes(Communicator& communicator, std::span<const int> node_of_rank,
                                         Moment moment);

}  // namespace locum::mpi
