#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "shm/arena/page_space.hpp"
#include "shm/arena/size_class.hpp"
#include "shm/arena/slabs.hpp"

namespace locum::shm {

[[nodiscard]] constexpr std::uint64_t pages_for(std::uint64_t bytes) noexcept {
  return bytes / page_bytes + (bytes % page_bytes != 0 ? 1 : 0);
}

/// A request of an arena: a block of a size class, or of whole pages.
struct BlockRequest {
  std::uint64_t size_bytes;
  std::uint64_t class_bytes = size_bytes;  ///< more, if an alignment requires it
  bool small = size_bytes <= size_class::largest_bytes;
  std::uint32_t index = small ? size_class::of(class_bytes) : 0;
  std::uint64_t pages = small ? size_class::slab_pages[index] : pages_for(size_bytes);
  std::uint64_t rounded_bytes = small ? size_class::block_bytes(index) : pages * page_bytes;
};

/// The blocks of an arena: small ones from slabs, large ones of whole pages. Bookkeeping only, in private
/// memory (docs/decisions/0002): block positions are byte offsets from page 0. Its owner locks, and uses
/// pages() to commit and return memory.
class BlockSpace {
 public:
  /// As in PageSpace.
  BlockSpace(std::uint64_t limit_pages, std::uint64_t unit_pages) : pages_(limit_pages, unit_pages) {}

  /// The offset of a block that needs no commit; none if there is none. This and free() are on the path of
  /// every object, and are inlined.
  [[nodiscard]] std::optional<std::uint64_t> take(const BlockRequest& request) {
    if (request.small) {
      if (const auto begin = slabs_.allocate(request.index)) {
        used_bytes_ += request.rounded_bytes;
        return begin;
      }
    }
    const auto first_page = pages_.take(request.pages);
    return first_page ? std::optional(cut(request, *first_page)) : std::nullopt;
  }
  /// The offset of a block in `request.pages` committed pages from that one on, which are in use, but by no
  /// block.
  [[nodiscard]] std::uint64_t cut(const BlockRequest& request, std::uint64_t first_page);
  /// Frees the block at that offset. Whether pages became free.
  [[nodiscard]] bool free(std::uint64_t begin, std::uint64_t size_bytes) noexcept {
    const BlockRequest request{.size_bytes = size_bytes};
    used_bytes_ -= request.small ? slabs_.block_bytes(begin) : request.rounded_bytes;
    if (!request.small) {
      pages_.give(begin / page_bytes, request.pages);
      return true;
    }
    const auto slab = slabs_.free(begin);
    if (slab) {
      pages_.give(slab->first, slab->count);
    }
    return slab.has_value();
  }
  /// That much of a block of pages is uncommitted from now on, until it is freed by free_left().
  void left(std::uint64_t bytes) noexcept {
    used_bytes_ -= bytes;
    pages_.left(bytes / page_bytes);
  }
  /// Frees a block of pages that are all uncommitted by now, after `left_bytes` of them were reported by
  /// left().
  void free_left(std::uint64_t begin, std::uint64_t size_bytes, std::uint64_t left_bytes);
  /// Frees the pages of empty slabs that were kept for their size. Whether there were any.
  [[nodiscard]] bool retire_slabs() noexcept;

  [[nodiscard]] std::uint64_t used_bytes() const noexcept { return used_bytes_; }
  /// Size of the largest block that needs no commit.
  [[nodiscard]] std::uint64_t largest_free() const noexcept {
    return std::max(pages_.longest_free() * page_bytes, slabs_.largest());
  }
  [[nodiscard]] PageSpace& pages() noexcept { return pages_; }
  [[nodiscard]] const PageSpace& pages() const noexcept { return pages_; }

 private:
  PageSpace pages_;
  Slabs slabs_;
  std::uint64_t used_bytes_ = 0;
};

}  // namespace locum::shm
