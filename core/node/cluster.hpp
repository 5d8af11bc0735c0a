#pragma once

#include <chrono>
#include <memory>

#include "core/node/promised.hpp"
#include "core/ports/arena.hpp"
#include "core/ports/connector.hpp"
#include "core/ports/directory.hpp"
#include "core/ports/node_table.hpp"

namespace locum {

/// What a cluster is put together from: the memory, the table and the directory of this node.
struct ClusterParts {
  std::shared_ptr<Arena> arena;
  std::shared_ptr<NodeTable> table;
  std::shared_ptr<Directory> directory;
  std::chrono::milliseconds timeout{30'000};  ///< for calls without a deadline of their own
  LostMates lost_mates{};
};

/// The connector over the memory of one node: what is behind every store where there are no others, and
/// behind that of several for this node's own objects. The protocols are here, the state is in the parts; it
/// lives until the last view of its objects is gone.
[[nodiscard]] std::shared_ptr<Connector> open_cluster(ClusterParts parts);

}  // namespace locum
