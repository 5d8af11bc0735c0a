#include "shm/arena/page_space.hpp"

#include <algorithm>

namespace locum::shm {
namespace {
// Number of holes tried, longest first, if none suffices without the free pages around it.
constexpr int most_candidates = 64;
}  // namespace

// Start of the free pages, committed or not, that end just before `end`.
std::uint64_t PageSpace::span_begin(std::uint64_t end) const noexcept {
  for (;;) {
    const std::uint64_t before = runs_.ending_at(end) + holes_.ending_at(end);
    if (before == 0) {
      return end;
    }
    end -= before;
  }
}

PageRun PageSpace::span_around(const PageRun& hole) const noexcept {
  const std::uint64_t first = span_begin(hole.first);
  std::uint64_t end = hole.end();
  while (end != end_) {
    const std::uint64_t behind = runs_.beginning_at(end) + holes_.beginning_at(end);
    if (behind == 0) {
      return {first, end - first};
    }
    end += behind;
  }
  return {first, limit_ - first};
}

// Calls visit(run, whether it is committed) for the runs and holes of a span that overlap [from, end).
template <class Visit>
void PageSpace::for_each_part(std::uint64_t from, std::uint64_t end, Visit visit) const {
  while (from < end) {
    const std::uint64_t committed = runs_.beginning_at(from);
    const std::uint64_t count =
        committed != 0 ? committed : (from == end_ ? limit_ - end_ : holes_.beginning_at(from));
    visit(PageRun{from, count}, committed != 0);
    from += count;
  }
}

std::uint64_t PageSpace::missing_in(const PageRun& span, const PageRun& block) const noexcept {
  std::uint64_t missing = 0;
  for_each_part(span.first, block.end(), [&](const PageRun& part, bool committed) {
    if (!committed && part.end() > block.first) {
      missing += std::min(part.end(), block.end()) - std::max(part.first, block.first);
    }
  });
  return missing;
}

// The best span of free pages, committed or not, for that many.
std::optional<PageRun> PageSpace::span_for(std::uint64_t count) {
  if (count > limit_) {
    return std::nullopt;
  }
  std::optional<PageRun> best;
  if (const auto hole = holes_.fitting(count)) {
    best = span_around(*hole);
  } else {
    int candidates = most_candidates;
    (void)holes_.any([&](const PageRun& candidate) {
      const PageRun span = span_around(candidate);
      if (span.count >= count && (!best || span.count < best->count)) {
        best = span;
      }
      return --candidates == 0;
    });
  }
  if (!best) {
    const std::uint64_t first = span_begin(end_);
    best = PageRun{first, limit_ - first};
  }
  return best->count < count ? std::nullopt : best;
}

std::optional<PageSpace::Plan> PageSpace::plan(std::uint64_t count) {
  const auto best = span_for(count);
  if (!best) {
    return std::nullopt;
  }
  const PageRun low{best->first, count};
  const PageRun high{best->end() - count, count};
  const bool at_high_end = best->end() != limit_ && missing_in(*best, high) < missing_in(*best, low);
  return remove(*best, at_high_end ? high : low);
}

// Removes a block from a span that contains it, with the committed pages behind it.
PageSpace::Plan PageSpace::remove(const PageRun& span, const PageRun& block) {
  struct Part {
    PageRun run;
    PageRun taken;
    bool committed;
  };
  std::vector<Part> parts;
  Plan plan{.block = block, .missing = {}};
  for_each_part(span.first, block.end(), [&](const PageRun& run, bool committed) {
    if (run.end() <= block.first) {
      return;
    }
    const std::uint64_t first = std::max(run.first, block.first);
    std::uint64_t end = std::min(run.end(), block.end());
    if (!committed) {
      if (end == block.end()) {
        plan.extra = std::min((unit_ - end % unit_) % unit_, run.end() - end);
        end += plan.extra;
      }
      plan.missing.push_back({first, end - first});
    }
    parts.push_back({run, {first, end - first}, committed});
  });
  begin_plan(block.end() + plan.extra);

  for (const Part& part : parts) {
    if (part.run.first == end_) {
      end_ = part.taken.end();
    } else {
      (part.committed ? runs_ : holes_).take_part(part.run, part.taken);
    }
  }
  return plan;
}

// Extends the bookkeeping to that page, for the call that completes the plan. Another plan's pages at the end
// may no longer be there when this one is refused: it then becomes a hole.
void PageSpace::begin_plan(std::uint64_t end) {
  runs_.reach(end);
  if (open_ > 0) {
    holes_.reach(end_);
  }
  ++open_;
}

std::optional<PageSpace::Plan> PageSpace::plan_ahead(std::uint64_t count) {
  PageRun hole{ahead_, holes_.beginning_at(ahead_)};
  if (hole.count == 0) {
    (void)holes_.any([&](const PageRun& longest) {
      hole = longest;
      return true;
    });
    if (hole.count < unit_ && end_ < limit_) {
      hole = {end_, limit_ - end_};
    }
  }
  if (hole.count == 0) {
    return std::nullopt;
  }
  const PageRun part{hole.first, std::min(count, hole.count)};
  Plan plan{.block = {part.first, 0}, .extra = part.count, .missing = {part}};
  begin_plan(part.end());
  if (part.first == end_) {
    end_ = part.end();
  } else {
    holes_.take_part(hole, part);
  }
  ahead_ = part.end();
  return plan;
}

void PageSpace::committed(const Plan& plan) noexcept {
  --open_;
  for (const PageRun& part : plan.missing) {
    committed_ += part.count;
  }
  if (plan.extra > 0) {
    runs_.give(plan.block.end(), plan.extra);
  }
}

void PageSpace::refused(const Plan& plan) noexcept {
  --open_;
  std::uint64_t from = plan.block.first;
  for (const PageRun& part : plan.missing) {
    if (from < part.first) {
      runs_.give(from, part.first - from);
    }
    make_hole(part);
    from = part.end();
  }
  if (from < plan.block.end()) {
    runs_.give(from, plan.block.end() - from);
  }
}

void PageSpace::without_extra(Plan& plan) noexcept {
  if (plan.extra == 0) {
    return;
  }
  plan.missing.back().count -= plan.extra;
  make_hole({plan.block.end(), plan.extra});
  plan.extra = 0;
}

std::optional<PageRun> PageSpace::surplus(std::uint64_t most_units) {
  PageRun run;
  const bool found = runs_.any([&](const PageRun& longest) {
    run = longest;
    return runs_.whole_units(run) > 0 || run.count < unit_;
  });
  if (!found || runs_.whole_units(run) == 0) {
    return std::nullopt;
  }
  const bool at_end = run.end() == end_;
  const std::uint64_t end_unit = run.end() / unit_;
  const std::uint64_t units = std::min(runs_.whole_units(run), most_units);
  const std::uint64_t first = (end_unit - units) * unit_;
  const PageRun part{first, (at_end ? end_ : end_unit * unit_) - first};
  begin_surplus(run, part);
  return part;
}

std::optional<PageRun> PageSpace::any_surplus(std::uint64_t most_pages) {
  std::optional<PageRun> run;
  (void)runs_.any([&](const PageRun& longest) {
    run = longest;
    return true;
  });
  if (!run) {
    return std::nullopt;
  }
  const std::uint64_t count = std::min(run->count, most_pages);
  const PageRun part{run->end() - count, count};
  begin_surplus(*run, part);
  return part;
}

void PageSpace::begin_surplus(const PageRun& run, const PageRun& part) {
  if (part.end() != end_) {
    holes_.reach(part.end());
  }
  runs_.take_part(run, part);
  committed_ -= part.count;
  ++open_;
}

void PageSpace::given_back(const PageRun& pages) noexcept {
  --open_;
  make_hole(pages);
}

void PageSpace::vacate(const PageRun& pages, std::uint64_t counted) {
  committed_ -= counted;
  if (pages.end() != end_) {
    holes_.reach(pages.end());
  }
  make_hole(pages);
}

void PageSpace::make_hole(const PageRun& pages) noexcept {
  if (pages.end() != end_) {
    holes_.give(pages.first, pages.count);
    return;
  }
  end_ = pages.first;
  if (const std::uint64_t before = holes_.ending_at(end_); before > 0) {
    end_ -= before;
    holes_.take_part({end_, before}, {end_, before});
  }
}

}  // namespace locum::shm
