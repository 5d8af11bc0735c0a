#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "shm/arena/page_map.hpp"

namespace locum::shm {

/// Consecutive pages of an arena, counted from its start.
struct PageRun {
  std::uint64_t first = 0;
  std::uint64_t count = 0;

  [[nodiscard]] std::uint64_t end() const noexcept { return first + count; }
  friend bool operator==(const PageRun&, const PageRun&) = default;
};

/// The free pages of an arena, as runs that never touch each other. Runs are in bins by length: one bin for
/// each length up to 64 pages, then 32 per doubling; a bitmap marks non-empty bins. Requests shorter than a
/// unit are taken at low addresses, so that small blocks stay together and do not keep many units from being
/// free as a whole. For longer ones the best fit is taken, the last freed first (it is warm), from its low
/// end. The bookkeeping is in private memory; no operation but reach() allocates, and none depends on the
/// number of runs except for the bounded search of a bin. Its owner locks.
class PageRuns {
 public:
  /// A unit is that many pages, a power of two; units begin at multiples of it.
  explicit PageRuns(std::uint64_t unit_pages = 1)
      : unit_shift_(static_cast<std::uint32_t>(std::countr_zero(unit_pages))) {}

  /// Extends the bookkeeping to pages below `pages`.
  void reach(std::uint64_t pages) {
    hints_.resize(std::max<std::size_t>(hints_.size(), pages / hint_pages + 1));
    hint_groups_.resize(hints_.size() / group_hints + 1);
    map_.reach(pages);
  }
  /// Allocates `count` pages; returns the first, or none if no run is that long.
  [[nodiscard]] std::optional<std::uint64_t> take(std::uint64_t count) noexcept;
  /// Frees pages. REQUIRES: none of them is free; reach() covered their end.
  void give(std::uint64_t first, std::uint64_t count) noexcept;
  /// Takes a part of a run. REQUIRES: `run` is one, `part` lies in it.
  void take_part(const PageRun& run, const PageRun& part) noexcept;

  /// Length of the run that ends just before `end`; 0 if none does.
  [[nodiscard]] std::uint64_t ending_at(std::uint64_t end) const noexcept;
  /// Length of the run that begins there; 0 if none does.
  [[nodiscard]] std::uint64_t beginning_at(std::uint64_t first) const noexcept;
  /// The run that take(count) would use.
  [[nodiscard]] std::optional<PageRun> fitting(std::uint64_t count) noexcept;
  /// Calls visit(PageRun) for each run, longer ones first (within a 32nd), until it returns true; whether it
  /// did.
  template <class Visit>
  [[nodiscard]] bool any(Visit visit) const {
    for (std::uint32_t bin = bin_count; bin-- > 0;) {
      for (std::uint32_t run = heads_[bin]; run != none; run = map_[run].next) {
        if (visit(PageRun{run, map_[run].length})) {
          return true;
        }
      }
    }
    return false;
  }
  [[nodiscard]] std::uint64_t longest() const noexcept;
  [[nodiscard]] std::uint64_t free_pages() const noexcept { return free_pages_; }
  /// Units of which all pages are free.
  [[nodiscard]] std::uint64_t whole_units() const noexcept { return whole_units_; }
  [[nodiscard]] std::uint64_t whole_units(const PageRun& run) const noexcept {
    const std::uint64_t first = (run.first + (std::uint64_t{1} << unit_shift_) - 1) >> unit_shift_;
    const std::uint64_t end = run.end() >> unit_shift_;
    return end > first ? end - first : 0;
  }

 private:
  // Of a run's first page: length and neighbours in the bin. Of its last page, if that is another: length,
  // and `last` as its next. Of all others: 0.
  struct Node {
    std::uint32_t length = 0;
    std::uint32_t next = none;
    std::uint32_t previous = none;
  };
  static constexpr std::uint32_t none = 0xFFFF'FFFFU;
  static constexpr std::uint32_t last = 0xFFFF'FFFEU;
  static constexpr std::uint32_t bin_count = 64 + 26 * 32;

  [[nodiscard]] static std::uint32_t bin_of(std::uint64_t count) noexcept;
  [[nodiscard]] std::uint32_t next_bin(std::uint32_t from) const noexcept;
  [[nodiscard]] std::uint32_t search(std::uint32_t bin, std::uint64_t count, int steps) const noexcept;
  [[nodiscard]] std::uint32_t lowest(std::uint64_t count) noexcept;
  void link(std::uint64_t first, std::uint64_t count) noexcept;
  void unlink(std::uint64_t first) noexcept;
  void hint_again(std::uint64_t page) noexcept;

  // A run that begins within these pages, usually the longest; length 0 if none is known. Only a hint: the
  // bins know all runs. How many begin there is exact: where none does, there is nothing to look for.
  struct Hint {
    std::uint32_t first = 0;
    std::uint32_t length = 0;
    std::uint32_t runs = 0;
  };
  static constexpr std::uint64_t hint_pages = 512;
  static constexpr std::uint64_t group_hints = 256;

  PageMap<Node> map_;
  std::vector<Hint> hints_;                 // for every 512 pages
  std::vector<std::uint32_t> hint_groups_;  // for every 256 hints: none is longer
  std::array<std::uint32_t, bin_count> heads_ = [] {
    std::array<std::uint32_t, bin_count> empty{};
    empty.fill(none);
    return empty;
  }();
  std::array<std::uint64_t, bin_count / 64> filled_{};
  std::uint64_t free_pages_ = 0;
  std::uint64_t whole_units_ = 0;
  std::uint32_t unit_shift_;

  static_assert(bin_count % 64 == 0);
};

}  // namespace locum::shm
