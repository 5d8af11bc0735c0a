#pragma once

#include <cstddef>
#include <cstdint>

#include "core/result.hpp"
#include "core/wait_budget.hpp"

namespace locum {

/// A piece of an arena. Offsets are the same in all processes of the node; pointers are not.
struct Block {
  std::uint64_t offset = 0;
  std::uint64_t size_bytes = 0;  ///< as asked for; the arena knows what it rounds to
};

/// Bytes of one arena, and of the node's memory that all arenas share.
struct ArenaUsage {
  std::uint64_t limit = 0;           ///< the node's memory_bytes
  std::uint64_t node_committed = 0;  ///< by all processes of the node, tables included
  std::uint64_t committed = 0;       ///< by this arena, and what is left of those that it took over
  std::uint64_t used = 0;            ///< in blocks, rounded as the arena rounds; in taken-over ones, to pages
  std::uint64_t free = 0;            ///< committed - used
  std::uint64_t largest_free = 0;    ///< the largest block that fits without committing more
};

/// Memory for objects that the other processes of the node can see. Each process allocates in its own arena
/// and is the only one to do so; any of its threads may call. The arena of a process that died is taken over
/// by another, and only emptied then. The books are private to the process: what no
/// table entry names is free, so that a survivor can rebuild them from the table alone.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  virtual ~Arena() = default;

  /// A block of at least `size_bytes` (0 is allowed, and gets an address of its own), committed, its content
  /// undefined. Aligned as asked (a power of two up to 4096), from 128 bytes on to 64 at least.
  /// `out_of_memory` with asked, used and free, transient where others were asked to give memory back, which
  /// is not waited for under a limited budget; `invalid_argument` for another alignment. The arena bounds by
  /// itself what it waits in all: of the budget, its limits count.
  [[nodiscard]] virtual Result<Block> allocate(std::uint64_t size_bytes, std::uint64_t alignment = 16,
                                               WaitBudget budget = {}) = 0;
  /// REQUIRES: `block` came from this arena's allocate, or lay in one that it took over, and was not freed
  /// since.
  virtual void free(const Block& block) noexcept = 0;
  /// Where an offset of any arena of the node is in this process. REQUIRES: committed.
  [[nodiscard]] virtual std::byte* data(std::uint64_t offset) const noexcept = 0;
  /// Whether [offset, offset + size) lies within an arena of the node; the check for offsets from other
  /// processes.
  [[nodiscard]] virtual bool contains(std::uint64_t offset, std::uint64_t size_bytes) const noexcept = 0;
  [[nodiscard]] virtual ArenaUsage usage() const = 0;
};

}  // namespace locum
