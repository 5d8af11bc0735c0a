#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "shm/arena/page_runs.hpp"

namespace locum::shm {

/// The address range of an arena, page by page: used, free and committed, or free and returned to the system
/// (a *hole*). Bookkeeping only: it says what to commit and what to return, its owner does so and reports the
/// outcome. Its owner locks; any number of plans and surpluses may be open, and complete in any order.
///
/// 1. Pages below end() are used, in runs_, in holes_, or in an open plan or surplus. All others are
/// uncommitted, and no hole touches them.
/// 2. runs_ and holes_ have no page in common.
class PageSpace {
 public:
  /// What a block of pages needs before it can be used.
  struct Plan {
    PageRun block;                 ///< committed or not
    std::uint64_t extra = 0;       ///< pages right behind it that are committed with it
    std::vector<PageRun> missing;  ///< parts of both that have to be committed, ascending
  };

  /// A unit is the smallest amount that is returned, and the granularity of commits: a power of two, in
  /// pages.
  PageSpace(std::uint64_t limit_pages, std::uint64_t unit_pages)
      : limit_(limit_pages), unit_(unit_pages), runs_(unit_pages), holes_(unit_pages) {}

  /// Allocates committed pages; none if there are not enough consecutive ones.
  [[nodiscard]] std::optional<std::uint64_t> take(std::uint64_t count) noexcept { return runs_.take(count); }
  /// Frees committed pages.
  void give(std::uint64_t first, std::uint64_t count) noexcept { runs_.give(first, count); }

  /// These used pages are uncommitted, and in use nevertheless: their owner commits them itself.
  void left(std::uint64_t count) noexcept { committed_ -= count; }
  /// Frees used pages that are all uncommitted by now; `counted` of them have not been reported by left().
  void vacate(const PageRun& pages, std::uint64_t counted);

  /// A block of `count` free pages, committed or not: best fit among the holes with the free pages around
  /// them, else at the end; none if the address range has no room. The caller already owns it, and then calls
  /// one of the next three.
  [[nodiscard]] std::optional<Plan> plan(std::uint64_t count);
  /// The same for `count` pages, or fewer, that are free once they are committed: a plan without a block. It
  /// continues where the last one ended, if possible, so that prepared pages are consecutive.
  [[nodiscard]] std::optional<Plan> plan_ahead(std::uint64_t count);
  /// Whether there are as many consecutive free pages, committed or not: otherwise no commit helps.
  [[nodiscard]] bool has_room(std::uint64_t count) {
    return count <= longest_free() || span_for(count).has_value();
  }
  /// All missing pages are committed: the block is used, the extra pages are free.
  void committed(const Plan& plan) noexcept;
  /// Nothing was committed: everything is as before.
  void refused(const Plan& plan) noexcept;
  /// Removes the extra pages from a plan.
  void without_extra(Plan& plan) noexcept;

  /// Free committed pages to return: whole units, from the upper end of a long run, at most `most_units`;
  /// none if no unit is free as a whole. The caller returns them and calls given_back().
  [[nodiscard]] std::optional<PageRun> surplus(std::uint64_t most_units);
  /// The same for any free committed pages, at most that many; none if there are none. For memory that is
  /// short: the holes that it leaves are committed page by page.
  [[nodiscard]] std::optional<PageRun> any_surplus(std::uint64_t most_pages);
  void given_back(const PageRun& pages) noexcept;

  [[nodiscard]] std::uint64_t committed_pages() const noexcept { return committed_; }
  [[nodiscard]] std::uint64_t free_pages() const noexcept { return runs_.free_pages(); }
  [[nodiscard]] std::uint64_t longest_free() const noexcept { return runs_.longest(); }
  /// Committed units of which all pages are free.
  [[nodiscard]] std::uint64_t free_units() const noexcept { return runs_.whole_units(); }
  [[nodiscard]] std::uint64_t hole_pages() const noexcept { return holes_.free_pages(); }
  [[nodiscard]] std::uint64_t end() const noexcept { return end_; }
  [[nodiscard]] std::uint64_t limit() const noexcept { return limit_; }
  [[nodiscard]] bool can_grow() const noexcept { return end_ < limit_ || holes_.free_pages() > 0; }

 private:
  [[nodiscard]] std::optional<PageRun> span_for(std::uint64_t count);
  [[nodiscard]] PageRun span_around(const PageRun& hole) const noexcept;
  [[nodiscard]] std::uint64_t span_begin(std::uint64_t end) const noexcept;
  template <class Visit>
  void for_each_part(std::uint64_t from, std::uint64_t end, Visit visit) const;
  [[nodiscard]] std::uint64_t missing_in(const PageRun& span, const PageRun& block) const noexcept;
  [[nodiscard]] Plan remove(const PageRun& span, const PageRun& block);
  void begin_plan(std::uint64_t end);
  void make_hole(const PageRun& pages) noexcept;
  void begin_surplus(const PageRun& run, const PageRun& part);

  const std::uint64_t limit_;
  const std::uint64_t unit_;
  PageRuns runs_;   // committed and free
  PageRuns holes_;  // below end_, free and not committed; without bookkeeping until there is one
  std::uint64_t end_ = 0;
  std::uint64_t committed_ = 0;
  std::uint64_t ahead_ = 0;  // where plan_ahead() continues
  std::uint64_t open_ = 0;   // open plans and surpluses
};

}  // namespace locum::shm
