#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>

#include "core/base/intrusive_list.hpp"
#include "shm/arena/page_map.hpp"
#include "shm/arena/page_runs.hpp"
#include "shm/arena/size_class.hpp"

namespace locum::shm {

/// Runs of pages cut into small blocks of one size each. A bitmap in private memory marks the free blocks, so
/// that an object of 64 bytes costs 64 bytes and a bit. Of the slabs of one size with free blocks, the one
/// freed into last is used first. An empty slab is returned unless it is the only one with room. Its owner
/// locks.
class Slabs {
 public:
  /// The offset of a block of that class from page 0; none if no slab has one.
  [[nodiscard]] std::optional<std::uint64_t> allocate(std::uint32_t index) noexcept;
  /// Size of the block at that offset.
  [[nodiscard]] std::uint64_t block_bytes(std::uint64_t begin) const noexcept {
    return size_class::block_bytes(slab_of_page_[begin / page_bytes]->index);
  }
  /// Frees the block at that offset; returns the pages of its slab, if they are not needed any more.
  [[nodiscard]] std::optional<PageRun> free(std::uint64_t begin) noexcept;
  /// Makes a slab of that class from size_class::slab_pages pages.
  void add(std::uint32_t index, std::uint64_t first_page);
  /// The pages of one empty slab that was kept; none if there is none.
  [[nodiscard]] std::optional<PageRun> give_back() noexcept;
  /// Size of the largest free block.
  [[nodiscard]] std::uint64_t largest() const noexcept;

 private:
  struct Slab : ListLink<Slab> {  // in the list of its class, or of unused slabs
    std::uint64_t first_page = 0;
    std::uint32_t index = 0;
    std::uint32_t capacity = 0;
    std::uint32_t free = 0;
    std::uint32_t first_word = 0;  // no bit is set in the words before
    std::array<std::uint64_t, size_class::most_blocks / 64> free_blocks{};
  };

  [[nodiscard]] PageRun retire(Slab& slab) noexcept;

  std::deque<Slab> slabs_;  // never move
  IntrusiveList<Slab> unused_;
  std::array<IntrusiveList<Slab>, size_class::count> with_room_{};
  PageMap<Slab*> slab_of_page_;
};

}  // namespace locum::shm
