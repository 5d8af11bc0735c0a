#pragma once

#include <chrono>
#include <memory>

#include "core/node/displacement.hpp"
#include "core/node/promised.hpp"
#include "core/ports/arena.hpp"
#include "core/ports/connector.hpp"
#include "core/ports/directory.hpp"
#include "core/ports/memory_monitor.hpp"
#include "core/ports/node_table.hpp"
#include "core/ports/object_spill.hpp"

namespace locum {

/// The parts of a cluster: the memory, the table and the directory of this node.
struct ClusterParts {
  std::shared_ptr<Arena> arena;
  std::shared_ptr<NodeTable> table;
  std::shared_ptr<Directory> directory;
  std::chrono::milliseconds timeout{30'000};  ///< for calls without a deadline
  LostNodePeers lost_node_peers{};
  std::shared_ptr<MemoryMonitor> monitor = nullptr;  ///< null: no call can wait for memory
  std::shared_ptr<ObjectSpill> spill = nullptr;      ///< null: objects do not leave memory
  DropCopies drop_copies = {};                       ///< empty: the node has no copies of others' objects
  /// Whether a put takes the name of an object that has expired; otherwise the caller does that.
  bool replaces_expired = true;
};

/// The connector over the memory of one node: behind every store if there are no other nodes, and behind
/// `distributed` for this node's own objects. It has the protocols, its parts the state; it lives until the
/// last view of its objects is gone.
[[nodiscard]] std::shared_ptr<Connector> open_cluster(ClusterParts parts);

}  // namespace locum
