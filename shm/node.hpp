#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/node/dead_ranks.hpp"
#include "core/ports/arena.hpp"
#include "core/ports/directory.hpp"
#include "core/ports/group.hpp"
#include "core/ports/memory_monitor.hpp"
#include "core/ports/node_table.hpp"
#include "core/ports/object_spill.hpp"
#include "core/ports/spill_file.hpp"
#include "core/value/options.hpp"
#include "shm/death/closed_alone.hpp"
#include "shm/segment/process_identity.hpp"

namespace locum::shm {

/// The ports of core, implemented by one node's shared memory. Each of them keeps the whole alive: the
/// mapping, and the watch by which this process takes part in the node, notices the death of others, and
/// adopts their shares.
struct Node {
  std::shared_ptr<Arena> arena;
  std::shared_ptr<NodeTable> table;
  std::shared_ptr<Directory> directory;
  std::shared_ptr<MemoryMonitor> monitor;
  std::shared_ptr<ObjectSpill> spill;               ///< null if objects do not leave memory
  std::shared_ptr<DeadRanks> losses;                ///< by the group's ranks; keeps nothing else alive
  std::vector<ProcessIdentity> processes;           ///< by the group's ranks
  std::shared_ptr<const ClosedAlone> closed_alone;  ///< by the group's ranks; keeps nothing else alive
  std::string memory_kind;                          ///< for reports: "unnamed file in /dev/shm" or "memfd"
  std::uint64_t memory_bytes = 0;                   ///< the limit in force
  /// Keeps the mappings that replace parts of the memory, as long as anything, including a view, uses it.
  std::function<void(std::shared_ptr<const void>)> keep;
  std::function<void(bool)> prepare;  ///< as SharedArena::prepare() of this process; keeps nothing else alive
  std::span<std::byte> own_memory;    ///< the addresses of the blocks of this process, not all of them in use
};

/// Collective over `group`, the processes of one node: its first process makes the segment, the others
/// receive the descriptor over a socket and map it. `ranks[i]` is the runtime's rank of the group's rank i (a
/// key's creator). Throws the same Error on all if it fails on one; gives up at options.timeout, or when the
/// group does. `files` makes the node's spill file, if it is to have one.
[[nodiscard]] Node open_node(Group& group, const std::vector<std::uint32_t>& ranks,
                             const RuntimeOptions& options, std::uint64_t incarnation,
                             const SpillFiles& files = {});

/// Half of the available memory of `/dev/shm` and the cgroup: the default of memory_bytes. Local.
[[nodiscard]] std::uint64_t default_memory_bytes();

}  // namespace locum::shm
