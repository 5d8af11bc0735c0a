#include "mpi/topology.hpp"

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "core/base/hash.hpp"
#include "mpi/error.hpp"

namespace locum::mpi {

namespace {

/// Identifies the machine of a process, as far as sharing memory is concerned.
struct Machine {
  std::uint64_t hash = 0;
  std::uint64_t other_hash = 0;  ///< of the same data, so that no two machines share both

  friend auto operator<=>(const Machine&, const Machine&) = default;
};

std::string first_line_of(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// The running kernel, MPI's host name, and the network namespace, over whose sockets the processes of a node
// pass the memory on: containers may share the kernel. Data that the system does not provide is empty on all
// processes of that machine.
Machine own_machine() {
  std::array<char, MPI_MAX_PROCESSOR_NAME + 1> name{};
  int length = 0;
  check(MPI_Get_processor_name(name.data(), &length), "MPI_Get_processor_name");
  std::string text = first_line_of("/proc/sys/kernel/random/boot_id") + '\n' + name.data();
  std::error_code unknown;
  text += '\n' + std::filesystem::read_symlink("/proc/self/ns/net", unknown).string();
  return {hash64(text), hash64(text, 1)};
}

// For each rank the lowest one of the same machine.
std::vector<int> machines_of(Communicator& communicator, Moment moment) {
  const Machine own = own_machine();
  const auto machines = values_of<Machine>(communicator.all_gather(
      std::as_bytes(std::span(&own, 1)), moment, "finding out which ranks share a machine"));
  std::map<Machine, int> lowest;
  std::vector<int> machine_of_rank;
  machine_of_rank.reserve(machines.size());
  for (int rank = 0; rank < communicator.size(); ++rank) {
    const Machine& machine = machines[static_cast<std::size_t>(rank)];
    machine_of_rank.push_back(lowest.try_emplace(machine, rank).first->second);
  }
  return machine_of_rank;
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
  std::map<int, int> ranks_seen;  // by machine
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
  const std::vector<int> machine_of_rank = machines_of(communicator, moment);
  const int own = machine_of_rank[static_cast<std::size_t>(communicator.rank())];
  Topology topology{number_nodes(machine_of_rank, ranks_per_node), 0, 0};
  std::set<int> here;
  for (std::size_t rank = 0; rank < machine_of_rank.size(); ++rank) {
    if (machine_of_rank[rank] == own) {
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
