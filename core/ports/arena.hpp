#pragma once

#include <cstddef>
#include <cstdint>

#include "core/ports/wait_budget.hpp"
#include "core/value/result.hpp"

namespace locum {

/// A piece of an arena. Offsets are the same in all processes of the node; pointers are not.
struct Block {
  std::uint64_t offset = 0;
  std::uint64_t size_bytes = 0;  ///< as requested; the arena knows the rounded size
};

/// Memory of one arena, and of the node's memory that all arenas share.
struct ArenaUsage {
  std::uint64_t limit = 0;           ///< the node's memory_bytes
  std::uint64_t node_committed = 0;  ///< by all processes of the node, including tables
  std::uint64_t node_highest = 0;    ///< the most that node_committed was
  std::uint64_t committed = 0;       ///< by this arena, and the rest of those that it took over
  std::uint64_t highest = 0;         ///< the most that it was
  std::uint64_t used = 0;            ///< in blocks, after rounding; in taken-over arenas, to pages
  std::uint64_t free = 0;            ///< committed - used
  std::uint64_t largest_free = 0;    ///< the largest block that fits without committing more
};

/// Memory for objects that the other processes of the node can see. Only the process that owns an arena
/// allocates in it, on any of its threads. Another process takes over the arena of a dead one, and only frees
/// its blocks. The bookkeeping is private to the process: memory without a table entry is free, so that a
/// survivor can rebuild the bookkeeping from the table alone.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  virtual ~Arena() = default;

  /// Allocates a block of at least `size_bytes` (0 is allowed, and gets an address of its own), committed,
  /// its content undefined. Aligned as requested (a power of two up to 4096), from 128 bytes on to at least
  /// 64. `out_of_memory` with the requested, used and free bytes; transient if others were asked to return
  /// memory, which a limited budget does not wait for; `invalid_argument` for another alignment. The arena
  /// itself bounds its total wait: only the limits of the budget count.
  [[nodiscard]] virtual Result<Block> allocate(std::uint64_t size_bytes, std::uint64_t alignment = 16,
                                               WaitBudget budget = {}) = 0;
  /// Frees a block. REQUIRES: `block` came from allocate() of this arena, or lies in one that it took over,
  /// and was not freed since.
  virtual void free(const Block& block) noexcept = 0;
  /// Returns the address, in this process, of an offset of any arena of the node. REQUIRES: committed.
  [[nodiscard]] virtual std::byte* data(std::uint64_t offset) const noexcept = 0;
  /// Returns whether [offset, offset + size) lies within an arena of the node; checks offsets from other
  /// processes.
  [[nodiscard]] virtual bool contains(std::uint64_t offset, std::uint64_t size_bytes) const noexcept = 0;
  [[nodiscard]] virtual ArenaUsage usage() const = 0;
};

}  // namespace locum
