#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/object/object_record.hpp"
#include "core/ports/wait_budget.hpp"
#include "core/value/result.hpp"

namespace locum {

/// Objects of a process that are on disk.
struct SpillUsage {
  std::uint64_t objects = 0;
  std::uint64_t bytes = 0;  ///< of their payload, in whole pages
  /// Memory that the process's arena does not count, because an object came back into it; and memory that it
  /// counts, although the object of a dead process that it adopted has left it.
  std::uint64_t uncounted_bytes = 0;
  std::uint64_t overcounted_bytes = 0;
};

/// Moves objects of a node between its memory and its disk. A node without a spill folder has none. Only the
/// payload moves: type, extents and name stay in memory, at the object's address, to which the payload
/// returns. A pinned object never leaves. Any thread may call.
class ObjectSpill {
 public:
  ObjectSpill() = default;
  ObjectSpill(const ObjectSpill&) = delete;
  ObjectSpill& operator=(const ObjectSpill&) = delete;
  virtual ~ObjectSpill() = default;

  /// Brings a pinned object back, if it is not in memory; other objects may have to leave for it. It stays as
  /// long as it is pinned. `out_of_memory`: there is no room, use read(). `timeout`: at the deadline, or at
  /// once under a budget that allows little work. `system`: the disk failed; `corrupt`: it returned other
  /// bytes than were stored; `not_found`: the object was evicted meanwhile.
  [[nodiscard]] virtual Result<void> bring_back(const Pin& pin, WaitBudget budget) = 0;
  /// Copies the block of a pinned object that was not in memory when it was pinned. Blocks for the disk.
  /// REQUIRES: `block` has its size. The errors of bring_back(), except `out_of_memory` and `timeout`.
  [[nodiscard]] virtual Result<void> read(const Pin& pin, std::span<std::byte> block) = 0;
  /// Makes room for a new object: moves unpinned objects to disk, until `size_bytes` of the node's memory are
  /// free: own ones, then, if needed, those of other processes, which it asks. Returns the freed bytes; 0:
  /// there are no such objects, or the budget does not allow to wait: then the background work of all
  /// processes has been asked for it. `out_of_memory`, at once: that would not help, because the node has
  /// less memory than `size_bytes`, or this process no addresses. `system`: the disk is full, or failed.
  [[nodiscard]] virtual Result<std::uint64_t> make_room(std::uint64_t size_bytes, WaitBudget budget) = 0;
  /// Returns the usage; takes a pass over all objects of this process.
  [[nodiscard]] virtual SpillUsage usage() = 0;
};

}  // namespace locum
