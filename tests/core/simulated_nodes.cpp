#include "tests/core/simulated_nodes.hpp"

#include <algorithm>
#include <utility>

#include "core/async/completion_counter.hpp"
#include "core/client/distributed.hpp"
#include "tests/core/step_guard.hpp"

namespace locum::tests {

namespace {

loopback::NetworkOptions network_of(const SimulatedNodesOptions& options) {
  loopback::NetworkOptions network = options.network;
  network.ranks = options.nodes.nodes * options.nodes.ranks_per_node;
  return network;
}

std::function<void(Transport::Clock::time_point)> parking(const LinkedNodesOptions& options, int rank) {
  if (!options.park) {
    return {};
  }
  return [park = options.park, rank](Transport::Clock::time_point moment) { park(rank, moment); };
}

// In a simulation a parked thread gets no notification: it polls.
constexpr std::chrono::microseconds parked_looks{100};

class PolledArrivals final : public CompletionCounter {
 public:
  explicit PolledArrivals(std::shared_ptr<Links> links)
      : CompletionCounter(links->timeout(), links->client()->times()), links_(std::move(links)) {}
  [[nodiscard]] Clock::time_point now() const noexcept override { return links_->progress().now(); }

 private:
  void wake() noexcept override {}
  void sleep(std::uint64_t seen, Clock::time_point until) override {
    constexpr std::chrono::microseconds look{100};
    (void)links_->poll();
    if (count() == seen) {
      links_->client()->pause(std::min<Clock::duration>(until - now(), look));
    }
  }

  const std::shared_ptr<Links> links_;
};

}  // namespace

std::vector<LinkedRank> link_plain_nodes(const LinkedNodesOptions& options,
                                         std::vector<std::shared_ptr<Transport>> transports,
                                         std::vector<std::shared_ptr<RemoteMemory>> remotes) {
  remotes.resize(transports.size());
  std::vector<int> node_of_rank;
  for (std::size_t rank = 0; rank < transports.size(); ++rank) {
    node_of_rank.push_back(static_cast<int>(rank) / options.ranks_per_node);
  }
  std::vector<LinkedRank> ranks;
  for (int node = 0; node < options.nodes; ++node) {
    const auto per_node = static_cast<std::uint32_t>(options.ranks_per_node);
    const auto plain = std::make_shared<PlainNode>(per_node, options.memory_bytes,
                                                   static_cast<std::uint32_t>(node) * per_node);
    for (const NodeProcess& process : plain->processes()) {
      const std::size_t number = ranks.size();
      LinkedRank& rank = ranks.emplace_back();
      rank.node = plain;
      rank.process = process;
      const auto guard = std::make_shared<StepGuard>();
      rank.process.arena = std::make_shared<GuardedArena>(process.arena, guard);
      rank.process.directory = std::make_shared<GuardedDirectory>(process.directory, guard);
      if (options.wrap_arena) {
        rank.process.arena = options.wrap_arena(static_cast<int>(number), rank.process.arena);
      }
      if (options.wrap_directory) {
        rank.process.directory = options.wrap_directory(static_cast<int>(number), rank.process);
      }
      rank.links = std::make_shared<Links>(LinkParts{
          .transport = std::move(transports[number]),
          .remote = std::move(remotes[number]),
          .memory = {rank.process.arena, rank.process.table, rank.process.directory},
          .node_of_rank = node_of_rank,
          .rank = static_cast<int>(number),
          .incarnation = 42,
          .metrics = rank.metrics,
          .timeout = options.timeout,
          .patience = options.patience,
          .inline_bytes = options.inline_bytes,
          .window_bytes = options.window_bytes,
          .lost_node_peers = [plain] { return plain->lost(); },
          .progress = {.helper = options.helper, .park = parking(options, static_cast<int>(number))}});
      if (options.one_at_a_time) {
        guard->watch(rank.links);
      }
      rank.connector =
          open_distributed({rank.process.arena, rank.process.table, rank.process.directory}, rank.links);
    }
  }
  return ranks;
}

SimulatedNodes::SimulatedNodes(const SimulatedNodesOptions& options)
    : ranks_per_node_(options.nodes.ranks_per_node), network_(network_of(options)) {
  std::vector<std::shared_ptr<Transport>> transports;
  std::vector<std::shared_ptr<RemoteMemory>> remotes;
  for (int rank = 0; rank < network_.size(); ++rank) {
    std::shared_ptr<RemoteMemory> remote = network_.remote_memory(rank);
    remotes.push_back(options.wrap_remote ? options.wrap_remote(rank, std::move(remote)) : std::move(remote));
    std::shared_ptr<Transport> transport = network_.transport(rank);
    transports.push_back(options.wrap ? options.wrap(rank, std::move(transport)) : std::move(transport));
  }
  LinkedNodesOptions nodes = options.nodes;
  nodes.one_at_a_time = true;
  nodes.park = [this](int rank, Transport::Clock::time_point moment) {
    network_.linger(rank, std::min(moment, network_.now() + parked_looks));
  };
  ranks_ = link_plain_nodes(nodes, std::move(transports), std::move(remotes));
  for (int number = 0; number < size(); ++number) {
    network_.on_ready(number, [links = rank(number).links.get()] { return links->poll(); });
  }
}

SimulatedNodes::~SimulatedNodes() {
  for (int number = 0; number < size(); ++number) {
    network_.on_ready(number, nullptr);
  }
  ranks_.clear();
}

std::shared_ptr<CompletionCounter> SimulatedNodes::completions(int number) {
  return std::make_shared<PolledArrivals>(rank(number).links);
}

int SimulatedNodes::home(std::uint32_t store, std::string_view name) {
  return ranks_[0].links->client()->nodes().home(store, name_hash(store, name));
}

std::string SimulatedNodes::name_at(int node, std::uint32_t store, const std::string& stem) {
  for (int number = 0;; ++number) {
    std::string name = stem + std::to_string(number);
    if (home(store, name) == node) {
      return name;
    }
  }
}

std::uint64_t SimulatedNodes::messages_of(const std::function<void()>& action) {
  const std::uint64_t before = network_.counters().sent.messages;
  action();
  network_.run_until_idle();
  return network_.counters().sent.messages - before;
}

}  // namespace locum::tests
