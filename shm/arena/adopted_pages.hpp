#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/ports/arena.hpp"
#include "shm/segment/layout.hpp"

namespace locum::shm {

/// The used pages of a dead process's arena: for each stretch of pages, the number of its remaining blocks
/// there. A large block costs as much as a small one. Freed pages are kept until they are taken, piece by
/// piece, and returned. The blocks come from a table that any process may have overwritten: blocks outside
/// the arena are skipped, and pages of overlapping blocks stay until the last is freed. Its owner locks.
class AdoptedPages {
 public:
  /// A stretch of pages, counted from the arena's start.
  struct Pages {
    std::uint64_t first = 0;
    std::uint64_t end = 0;
  };

  /// The arena lies at [begin, begin + size_bytes) of the segment.
  AdoptedPages(std::uint64_t begin, std::uint64_t size_bytes, std::span<const Block> used);

  /// Calls visit(Pages) for all pages without a block, up to the arena's end.
  template <class Visit>
  void for_each_gap(Visit visit) const {
    std::uint64_t unused_from = 0;
    for (std::size_t index = 0; index + 1 < stretches_.size(); ++index) {
      if (stretches_[index].users != 0) {
        if (unused_from < stretches_[index].first) {
          visit(Pages{unused_from, stretches_[index].first});
        }
        unused_from = stretches_[index + 1].first;
      }
    }
    if (unused_from < pages_) {
      visit(Pages{unused_from, pages_});
    }
  }

  /// Whether free() accepts this block: it begins and ends at stretch boundaries, and all of it is used.
  [[nodiscard]] bool holds(const Block& block) const noexcept;
  /// Frees the block; pages without users may be taken from now on. REQUIRES: holds(block).
  void free(const Block& block) noexcept;
  /// Pages left by free(), at most that many, to be returned; none if all are taken. FIFO.
  [[nodiscard]] std::optional<Pages> take_unused(std::uint64_t most_pages) noexcept;

  [[nodiscard]] std::uint64_t used_bytes() const noexcept { return used_pages_ * page_bytes; }
  /// Freed and not taken yet.
  [[nodiscard]] std::uint64_t unused_bytes() const noexcept { return unused_pages_ * page_bytes; }

 private:
  /// From `first` to the next one's first, all pages have that many users. The last one has none, and no end.
  struct Stretch {
    std::uint64_t first = 0;
    std::uint32_t users = 0;
    std::uint32_t next_unused = 0;  ///< in the queue of those to be taken: index + 1, 0 ends
  };

  [[nodiscard]] bool inside(const Block& block) const noexcept;
  [[nodiscard]] Pages pages_of(const Block& block) const noexcept;
  [[nodiscard]] std::size_t stretch_at(std::uint64_t first) const noexcept;
  void queue(std::size_t index) noexcept;

  std::uint64_t begin_;
  std::uint64_t pages_;
  std::uint64_t used_pages_ = 0;
  std::uint64_t unused_pages_ = 0;
  std::uint32_t first_unused_ = 0;  // index + 1, as in next_unused; 0 if there is none
  std::uint32_t last_unused_ = 0;
  std::uint64_t taken_pages_ = 0;   // of the first one
  std::vector<Stretch> stretches_;  // ascending
};

}  // namespace locum::shm
