#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/node/losses.hpp"
#include "core/options.hpp"
#include "core/ports/arena.hpp"
#include "core/ports/directory.hpp"
#include "core/ports/group.hpp"
#include "core/ports/node_table.hpp"
#include "shm/death/closed_alone.hpp"
#include "shm/segment/process_identity.hpp"

namespace locum::shm {

/// The three ports of core that one node's shared memory implements. Each of them keeps the whole alive: the
/// mapping, and the watch by which this process takes part in the node, notices the death of others, and
/// adopts what they had.
struct Node {
  std::shared_ptr<Arena> arena;
  std::shared_ptr<NodeTable> table;
  std::shared_ptr<Directory> directory;
  std::shared_ptr<Losses> losses;                   ///< by the group's ranks; keeps nothing else alive
  std::vector<ProcessIdentity> processes;           ///< by the group's ranks
  std::shared_ptr<const ClosedAlone> closed_alone;  ///< by the group's ranks; keeps nothing else alive
  std::string memory_kind;                          ///< for reports: "unnamed file in /dev/shm" or "memfd"
  std::uint64_t memory_bytes = 0;                   ///< the limit in force
  /// Keeps what is mapped in place of parts of it, as long as anybody, a view included, uses the memory.
  std::function<void(std::shared_ptr<const void>)> keep;
  std::byte* own_memory = nullptr;  ///< where the blocks of this process begin
};

/// Collective over `group`, the processes of one node: its first process makes the segment, the others get
/// the descriptor over a socket and map it. `ranks[i]` is the runtime's rank of the group's rank i (what keys
/// call creator). Throws the same Error on all if it fails on one; gives up at options.timeout, or when the
/// group does.
[[nodiscard]] Node open_node(Group& group, const std::vector<std::uint32_t>& ranks,
                             const RuntimeOptions& options, std::uint64_t incarnation);

/// Half of what `/dev/shm` and the cgroup leave: memory_bytes where none was asked for. Local.
[[nodiscard]] std::uint64_t default_memory_bytes();

}  // namespace locum::shm
