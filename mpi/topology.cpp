#include "mpi/topology.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "mpi/error.hpp"

namespace locum::mpi {

namespace {

int lowest_rank_here(Communicator& communicator, Moment moment) {
  Communicator machine = communicator.split_shared(moment);
  std::vector<std::byte> bytes(sizeof(int));
  const int rank = communicator.rank();
  std::memcpy(bytes.data(), &rank, sizeof rank);
  // The split kept the order of ranks, so that its first one is the machine's lowest.
  bytes = machine.broadcast(std::move(bytes), 0, moment, "numbering the nodes");
  int lowest = 0;
  std::memcpy(&lowest, bytes.data(), sizeof lowest);
  return lowest;
}

// "0-3, 7"
std::string rank_ranges(std::span<const int> node_of_rank, int node) {
  std::string text;
  const int ranks = static_cast<int>(node_of_rank.size());
  for (int first = 0; first < ranks; ++first) {
    if (node_of_rank[static_cast<std::size_t>(first)] != node) {
      continue;
    }
    int last = first;
    while (last + 1 < ranks && node_of_rank[static_cast<std::size_t>(last) + 1] == node) {
      ++last;
    }
    text += (text.empty() ? "" : ", ") + std::to_string(first);
    text += last > first ? "-" + std::to_string(last) : "";
    first = last;
  }
  return text;
}

}  // namespace

std::vector<int> number_nodes(std::span<const int> machine_of_rank, int ranks_per_node) {
  std::map<int, int> ranks_seen;  // of each machine
  std::map<std::pair<int, int>, int> numbers;
  std::vector<int> nodes;
  nodes.reserve(machine_of_rank.size());
  for (const int machine : machine_of_rank) {
    const int seen = ranks_seen[machine]++;
    const std::pair part(machine, ranks_per_node > 0 ? seen / ranks_per_node : 0);
    nodes.push_back(numbers.try_emplace(part, static_cast<int>(numbers.size())).first->second);
  }
  return nodes;
}

Topology find_topology(Communicator& communicator, int ranks_per_node, Moment moment) {
  const int lowest = lowest_rank_here(communicator, moment);
  const std::vector<std::byte> bytes =
      communicator.all_gather(std::as_bytes(std::span(&lowest, 1)), moment, "numbering the nodes");
  std::vector<int> machine_of_rank(static_cast<std::size_t>(communicator.size()));
  std::memcpy(machine_of_rank.data(), bytes.data(), bytes.size());
  Topology topology{number_nodes(machine_of_rank, ranks_per_node), 0, 0};
  std::set<int> here;
  for (std::size_t rank = 0; rank < machine_of_rank.size(); ++rank) {
    if (machine_of_rank[rank] == lowest) {
      here.insert(topology.node_of_rank[rank]);
      ++topology.ranks_here;
    }
  }
  topology.nodes_here = static_cast<int>(here.size());
  return topology;
}

std::string describe_nodes(Communicator& communicator, std::span<const int> node_of_rank, Moment moment) {
  using Name = std::array<char, MPI_MAX_PROCESSOR_NAME + 1>;
  Name name{};
  int length = 0;
  check(MPI_Get_processor_name(name.data(), &length), "MPI_Get_processor_name");
  const std::vector<std::byte> bytes =
      communicator.all_gather(std::as_bytes(std::span(name)), moment, "exchanging the names of the hosts");

  std::string text;
  const int nodes = 1 + *std::max_element(node_of_rank.begin(), node_of_rank.end());
  constexpr int most_named = 8;
  for (int node = 0; node < std::min(nodes, most_named); ++node) {
    const auto first = std::find(node_of_rank.begin(), node_of_rank.end(), node) - node_of_rank.begin();
    std::memcpy(name.data(), bytes.data() + static_cast<std::size_t>(first) * name.size(), name.size() - 1);
    text += (text.empty() ? "node " : "; node ") + std::to_string(node) + ": rank" +
            (std::count(node_of_rank.begin(), node_of_rank.end(), node) > 1 ? "s " : " ") +
            rank_ranges(node_of_rank, node) + " on host " + name.data();
  }
  if (nodes > most_named) {
    text += "; … " + std::to_string(nodes - most_named) + " more";
  }
  return text;
}

}  // namespace locum::mpi
