#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/client/links.hpp"
#include "core/ports/connector.hpp"
#include "tests/core/node_process.hpp"
#include "tests/core/plain_node.hpp"
#include "transport/loopback/network.hpp"

namespace locum::tests {

/// A rank of nodes that are linked to each other.
struct LinkedRank {
  std::shared_ptr<PlainNode> node;
  NodeProcess process;  ///< of that node
  std::shared_ptr<Metrics> metrics = std::make_shared<Metrics>();
  std::shared_ptr<Links> links;
  std::shared_ptr<Connector> connector;
};

/// What nodes of plain maps (see plain_node.hpp) are like.
struct LinkedNodesOptions {
  int nodes = 2;
  int ranks_per_node = 1;
  std::uint64_t memory_bytes = std::uint64_t{64} << 20U;  ///< of each node
  std::uint64_t inline_bytes = 4096;
  std::uint64_t window_bytes = std::uint64_t{256} << 20U;
  std::chrono::milliseconds timeout{30'000};
  std::chrono::milliseconds patience{5'000};  ///< with a rank that owes a reply
  bool helper = false;                        ///< whether each rank has its helper thread
  /// How a thread of a rank waits beside another one; none: see Progress::Options.
  std::function<void(int rank, Transport::Clock::time_point moment)> park{};
  /// Whether no more than one thread runs at a time: then no step may call for what it might wait for.
  bool one_at_a_time = false;
  /// What a rank gets instead of its arena; none: that itself.
  std::function<std::shared_ptr<Arena>(int rank, std::shared_ptr<Arena> arena)> wrap_arena{};
  /// The same of its directory.
  std::function<std::shared_ptr<Directory>(int rank, const NodeProcess& process)> wrap_directory{};
};

/// All ranks of such nodes, with these transports to each other. Rank r is of node r / ranks_per_node.
/// \param remotes by which they read each other's memory; none: they do not
[[nodiscard]] std::vector<LinkedRank> link_plain_nodes(
    const LinkedNodesOptions& options, std::vector<std::shared_ptr<Transport>> transports,
    std::vector<std::shared_ptr<RemoteMemory>> remotes = {});

struct SimulatedNodesOptions {
  LinkedNodesOptions nodes{};
  loopback::NetworkOptions network{};  ///< but for the number of ranks
  /// What a rank gets instead of its transport; none: that itself.
  std::function<std::shared_ptr<Transport>(int rank, std::shared_ptr<Transport> transport)> wrap{};
  /// The same of the memory by which it reads that of others.
  std::function<std::shared_ptr<RemoteMemory>(int rank, std::shared_ptr<RemoteMemory> remote)> wrap_remote{};
};

/// Nodes of plain maps that reach each other over a simulated network: what core's protocols between nodes
/// are tried on, with no process and no socket. The test's own code or programs of the network may use the
/// connectors; several of one rank as its threads would.
class SimulatedNodes {
 public:
  using Rank = LinkedRank;

  explicit SimulatedNodes(const SimulatedNodesOptions& options = {});
  SimulatedNodes(int nodes, int ranks_per_node)
      : SimulatedNodes({.nodes = {.nodes = nodes, .ranks_per_node = ranks_per_node}}) {}
  SimulatedNodes(const SimulatedNodes&) = delete;
  SimulatedNodes& operator=(const SimulatedNodes&) = delete;
  ~SimulatedNodes();

  [[nodiscard]] loopback::Network& network() noexcept { return network_; }
  [[nodiscard]] Rank& rank(int number) { return ranks_.at(static_cast<std::size_t>(number)); }
  [[nodiscard]] Connector& connector(int number) { return *rank(number).connector; }
  /// Where a session of that rank waits for what ends: it does meanwhile what its worker thread would.
  [[nodiscard]] std::shared_ptr<CompletionCounter> completions(int number);
  [[nodiscard]] int size() const noexcept { return static_cast<int>(ranks_.size()); }
  [[nodiscard]] int node_of(int rank) const noexcept { return rank / ranks_per_node_; }
  /// The home of a name in these nodes.
  [[nodiscard]] int home(std::uint32_t store, std::string_view name);
  /// "stem", with a number behind it that makes it at home on that node.
  [[nodiscard]] std::string name_at(int node, std::uint32_t store, const std::string& stem);
  /// Messages sent by anybody while `action` runs, and until nothing is under way.
  [[nodiscard]] std::uint64_t messages_of(const std::function<void()>& action);

 private:
  const int ranks_per_node_;
  loopback::Network network_;
  std::vector<Rank> ranks_;
};

}  // namespace locum::tests
