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
#include "tests/loopback/network.hpp"

namespace locum::tests {

/// A rank of linked nodes.
struct LinkedRank {
  std::shared_ptr<PlainNode> node;
  NodeProcess process;  ///< of that node
  std::shared_ptr<Metrics> metrics = std::make_shared<Metrics>();
  std::shared_ptr<Links> links;
  std::shared_ptr<Connector> connector;
};

/// Options of linked PlainNodes (plain_node.hpp).
struct LinkedNodesOptions {
  int nodes = 2;
  int ranks_per_node = 1;
  std::uint64_t memory_bytes = std::uint64_t{64} << 20U;  ///< of each node
  std::uint64_t inline_bytes = 4096;
  std::uint64_t window_bytes = std::uint64_t{256} << 20U;
  std::chrono::milliseconds timeout{30'000};
  std::chrono::milliseconds patience{5'000};  ///< with a rank from which a reply is due
  bool helper = false;                        ///< whether each rank has its helper thread
  /// How a thread of a rank waits while another thread drives; none: see Progress::Options.
  std::function<void(int rank, Transport::Clock::time_point moment)> park{};
  /// Whether at most one thread runs at a time: then a step must not make a call that might wait.
  bool one_at_a_time = false;
  /// Replaces a rank's arena; none: no replacement.
  std::function<std::shared_ptr<Arena>(int rank, std::shared_ptr<Arena> arena)> wrap_arena{};
  /// The same for its directory.
  std::function<std::shared_ptr<Directory>(int rank, const NodeProcess& process)> wrap_directory{};
};

/// All ranks of such nodes, connected by these transports. Rank r is on node r / ranks_per_node.
/// \param remotes for one-sided reads; none: no one-sided reads
[[nodiscard]] std::vector<LinkedRank> link_plain_nodes(
    const LinkedNodesOptions& options, std::vector<std::shared_ptr<Transport>> transports,
    std::vector<std::shared_ptr<RemoteMemory>> remotes = {});

struct SimulatedNodesOptions {
  LinkedNodesOptions nodes{};
  loopback::NetworkOptions network{};  ///< without the number of ranks
  /// Replaces a rank's transport; none: no replacement.
  std::function<std::shared_ptr<Transport>(int rank, std::shared_ptr<Transport> transport)> wrap{};
  /// The same for its RemoteMemory.
  std::function<std::shared_ptr<RemoteMemory>(int rank, std::shared_ptr<RemoteMemory> remote)> wrap_remote{};
};

/// PlainNodes that reach each other over a simulated network: tests core's protocols between nodes without
/// processes or sockets. The test's own code and programs of the network may use the connectors; several
/// programs of one rank act as its threads.
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
  /// Where a session of that rank waits for completions: meanwhile it does the work of its worker thread.
  [[nodiscard]] std::shared_ptr<CompletionCounter> completions(int number);
  [[nodiscard]] int size() const noexcept { return static_cast<int>(ranks_.size()); }
  [[nodiscard]] int node_of(int rank) const noexcept { return rank / ranks_per_node_; }
  /// The node that is the home of a name.
  [[nodiscard]] int home(std::uint32_t store, std::string_view name);
  /// "stem" with a number appended, so that its home is that node.
  [[nodiscard]] std::string name_at(int node, std::uint32_t store, const std::string& stem);
  /// Messages sent by all ranks while `action` runs, and until none is in transfer.
  [[nodiscard]] std::uint64_t messages_of(const std::function<void()>& action);

 private:
  const int ranks_per_node_;
  loopback::Network network_;
  std::vector<Rank> ranks_;
};

}  // namespace locum::tests
