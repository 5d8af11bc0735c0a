#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "shm/page_map.hpp"

namespace locum::shm {

/// The free pages of an arena, as runs that never touch each other. Runs stand in bins by length: one bin for
/// each length up to 64 pages, then 32 to a doubling; a bitmap tells which bins are not empty. What was freed
/// last is taken first (it is warm), from its low end. The books are in private memory; no operation but
/// reach() allocates, and none depends on the number of runs but for the bounded search of a bin. Its owner
/// locks.
class PageRuns {
 public:
  /// Makes room in the books for pages below `pages`. May throw bad_alloc; nothing has changed then.
  void reach(std::uint64_t pages) { map_.reach(pages); }
  /// The first of `count` pages that are free no longer; nothing if no run is that long.
  [[nodiscard]] std::optional<std::uint64_t> take(std::uint64_t count) noexcept;
  /// Makes pages free. REQUIRES: none of them is; reach() went as far as their end.
  void give(std::uint64_t first, std::uint64_t count) noexcept;
  /// Length of the free run that ends just before `end`; 0 if that page is not free.
  [[nodiscard]] std::uint64_t ending_at(std::uint64_t end) const noexcept;
  /// Takes that run whole. REQUIRES: count == ending_at(end) > 0.
  void take_ending_at(std::uint64_t end, std::uint64_t count) noexcept;
  [[nodiscard]] std::uint64_t longest() const noexcept;
  [[nodiscard]] std::uint64_t free_pages() const noexcept { return free_pages_; }

 private:
  // Of a run's first page: length and neighbours in the bin. Of its last page: length. Of all others: 0.
  struct Node {
    std::uint32_t length = 0;
    std::uint32_t next = none;
    std::uint32_t previous = none;
  };
  static constexpr std::uint32_t none = 0xFFFF'FFFFU;
  static constexpr std::uint32_t bin_count = 64 + 26 * 32;

  [[nodiscard]] static std::uint32_t bin_of(std::uint64_t count) noexcept;
  [[nodiscard]] std::uint32_t next_bin(std::uint32_t from) const noexcept;
  [[nodiscard]] std::uint32_t search(std::uint32_t bin, std::uint64_t count, int steps) const noexcept;
  void link(std::uint64_t first, std::uint64_t count) noexcept;
  void unlink(std::uint64_t first) noexcept;

  PageMap<Node> map_;
  std::array<std::uint32_t, bin_count> heads_ = [] {
    std::array<std::uint32_t, bin_count> empty{};
    empty.fill(none);
    return empty;
  }();
  std::array<std::uint64_t, bin_count / 64> filled_{};
  std::uint64_t free_pages_ = 0;

  static_assert(bin_count % 64 == 0);
};

}  // namespace locum::shm
