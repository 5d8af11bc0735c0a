#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/client/distributed.hpp"
#include "core/object/internal_stores.hpp"
#include "core/ports/directory.hpp"
#include "core/ports/group.hpp"
#include "core/rpc/nodes.hpp"
#include "core/store.hpp"
#include "shm/node.hpp"
#include "tests/core/lockstep_transport.hpp"

namespace locum::tests {

/// Two nodes of shared memory, one rank each, in one thread, without helper threads: rank 0 sends requests,
/// and rank 1 runs whenever rank 0 waits. Both have opened a store.
class LockstepNodes {
 public:
  struct Rank {
    std::shared_ptr<LockstepTransport> transport;
    std::shared_ptr<Links> links;
    std::shared_ptr<Session> session;
    std::unique_ptr<Store> store;
  };

  /// \param memory_bytes of each node
  /// \param shared       the answerer's part of a node with other processes, as its rank 1; none: a node of
  /// its own
  explicit LockstepNodes(std::uint64_t memory_bytes, const std::optional<shm::Node>& shared = {}) {
    for (int number = 0; number < 2; ++number) {
      ranks_.at(static_cast<std::size_t>(number)).transport = std::make_shared<LockstepTransport>(number);
    }
    requester().transport->connect(*answerer().transport);
    answerer().transport->connect(*requester().transport);
    for (std::size_t number = 0; number < 2; ++number) {
      const RuntimeOptions options{.memory_bytes = memory_bytes, .prepare_bytes = 4096};
      open(ranks_.at(number), number, options, number == 1 && shared ? *shared : own_node(number, options));
    }
    requester().transport->others_turn = [this] { (void)answerer().links->poll(); };
    answerer().transport->others_turn = [this] { (void)requester().links->poll(); };
    for (Rank& rank : ranks_) {
      rank.store = std::make_unique<Store>(rank.session->open(store_name()).value());
    }
  }
  LockstepNodes(const LockstepNodes&) = delete;
  LockstepNodes& operator=(const LockstepNodes&) = delete;
  ~LockstepNodes() {
    for (Rank& rank : ranks_) {
      rank.store.reset();
      rank.session->close();
      rank.links->close();
    }
  }

  Rank& requester() noexcept { return ranks_[0]; }
  Rank& answerer() noexcept { return ranks_[1]; }
  /// A new name of twelve bytes whose home is the answerer's node.
  [[nodiscard]] std::string name_at_answerer() {
    constexpr std::uint64_t a_billion = 1'000'000'000;
    for (;;) {
      std::string made = "n " + std::to_string(a_billion + ++names_);
      if (nodes_.home(store_number, name_hash(store_number, made)) == 1) {
        return made;
      }
    }
  }

 private:
  /// Number of the first store whose name has its home at the requester; see Connector::store_number().
  static constexpr std::uint32_t store_number = 1;

  /// A name for the store with its home at the requester: so it takes no memory of the answerer.
  [[nodiscard]] std::string store_name() const {
    std::string made = "lockstep";
    while (nodes_.home(registry, name_hash(registry, made)) != 0) {
      made += '.';
    }
    return made;
  }

  static shm::Node own_node(std::size_t number, const RuntimeOptions& options) {
    SoloGroup group;
    return shm::open_node(group, {static_cast<std::uint32_t>(number)}, options, 1);
  }

  static void open(Rank& rank, std::size_t number, const RuntimeOptions& options, const shm::Node& node) {
    const NodeMemory memory{node.arena, node.table, node.directory};
    const auto metrics = std::make_shared<Metrics>();
    rank.links = std::make_shared<Links>(LinkParts{.transport = rank.transport,
                                                   .memory = memory,
                                                   .node_of_rank = {0, 1},
                                                   .rank = static_cast<int>(number),
                                                   .incarnation = 1,
                                                   .metrics = metrics,
                                                   .lost_node_peers = {},
                                                   .progress = {.helper = false}});
    rank.session = std::make_shared<Session>(open_distributed(memory, rank.links), metrics,
                                             SessionOptions{.incarnation = 1, .options = options});
  }

  std::array<Rank, 2> ranks_;
  const Nodes nodes_{{0, 1}, 0, nullptr};
  std::uint64_t names_ = 0;
};

}  // namespace locum::tests
