#include "shm/arena/page_space.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

namespace locum::shm::page_space_test {
namespace {

constexpr std::uint64_t limit = 640;
constexpr std::uint64_t unit = 16;

enum class Page {
  absent,
  used,
  free,
  between
};  // absent: not committed; between: being committed or returned

/// The state of each page.
class Model {
 public:
  void set(const PageRun& run, Page state) {
    std::fill_n(pages_.begin() + static_cast<std::ptrdiff_t>(run.first), run.count, state);
  }
  [[nodiscard]] bool all(const PageRun& run, Page state) const {
    const auto first = pages_.begin() + static_cast<std::ptrdiff_t>(run.first);
    return std::all_of(first, first + static_cast<std::ptrdiff_t>(run.count),
                       [&](Page page) { return page == state; });
  }
  [[nodiscard]] std::uint64_t count(Page state) const {
    return static_cast<std::uint64_t>(std::count(pages_.begin(), pages_.end(), state));
  }
  [[nodiscard]] std::uint64_t free_units() const {
    std::uint64_t units = 0;
    for (std::uint64_t first = 0; first < limit; first += unit) {
      units += all({first, unit}, Page::free) ? 1 : 0;
    }
    return units;
  }
  /// The longest stretch of unused pages.
  [[nodiscard]] std::uint64_t longest_unused() const {
    std::uint64_t longest = 0;
    std::uint64_t length = 0;
    for (const Page page : pages_) {
      length = page == Page::used || page == Page::between ? 0 : length + 1;
      longest = std::max(longest, length);
    }
    return longest;
  }
  /// The end of the last page that is committed, or being committed.
  [[nodiscard]] std::uint64_t end() const {
    std::uint64_t end = limit;
    while (end > 0 && pages_[end - 1] == Page::absent) {
      --end;
    }
    return end;
  }

 private:
  std::vector<Page> pages_ = std::vector<Page>(limit, Page::absent);
};

enum class Fate { granted, refused, later };

class Game {
 public:
  PageSpace space{limit, unit};
  Model model;
  std::map<std::uint64_t, std::uint64_t> blocks;
  std::vector<PageSpace::Plan> plans;  // open plans
  std::vector<PageRun> leaving;

  void use(const PageRun& block) {
    model.set(block, Page::used);
    blocks[block.first] = block.count;
  }

  void allocate(std::uint64_t count, Fate fate) {
    if (const auto first = space.take(count)) {
      RC_ASSERT(model.all({*first, count}, Page::free));
      use({*first, count});
      return;
    }
    const auto plan = space.plan(count);
    if (!plan) {
      // Only for holes of which few are tried: with so few pages all are.
      RC_ASSERT(model.longest_unused() < count);
      return;
    }
    RC_ASSERT(plan->block.count == count && plan->extra < unit);
    RC_ASSERT(plan->block.end() + plan->extra <= limit);
    std::uint64_t missing = 0;
    for (const PageRun& part : plan->missing) {
      RC_ASSERT(model.all(part, Page::absent));
      missing += part.count;
    }
    std::uint64_t absent = 0;
    for (std::uint64_t page = plan->block.first; page < plan->block.end() + plan->extra; ++page) {
      RC_ASSERT(model.all({page, 1}, Page::free) || model.all({page, 1}, Page::absent));
      absent += model.all({page, 1}, Page::absent) ? 1 : 0;
    }
    RC_ASSERT(missing == absent && missing > 0U);
    begin(*plan, fate);
  }

  void prepare(std::uint64_t count, Fate fate) {
    const auto plan = space.plan_ahead(count);
    if (!plan) {
      RC_ASSERT(model.count(Page::absent) == 0U);
      return;
    }
    const PageRun run{plan->block.first, plan->extra};
    RC_ASSERT(plan->block.count == 0U && plan->missing == std::vector<PageRun>{run});
    RC_ASSERT(run.count > 0U && run.count <= count && model.all(run, Page::absent));
    begin(*plan, fate);
  }

  void begin(const PageSpace::Plan& plan, Fate fate) {
    model.set(plan.block, Page::used);
    for (const PageRun& part : plan.missing) {
      model.set(part, Page::between);
    }
    if (fate == Fate::later) {
      plans.push_back(plan);
    } else {
      reply(plan, fate == Fate::granted);
    }
  }

  void reply(PageSpace::Plan plan, bool granted) {
    if (granted) {
      space.committed(plan);
      model.set({plan.block.end(), plan.extra}, Page::free);
      if (plan.block.count > 0) {
        use(plan.block);
      }
      return;
    }
    model.set(plan.block, Page::free);
    for (const PageRun& part : plan.missing) {
      model.set(part, Page::absent);
    }
    if (plan.block.count > 0) {
      space.without_extra(plan);
    }
    space.refused(plan);
  }

  void answer_one(std::uint32_t which, bool granted) {
    if (which % 2 == 0 && !plans.empty()) {
      const auto chosen = plans.begin() + static_cast<std::ptrdiff_t>(which / 2 % plans.size());
      const PageSpace::Plan plan = *chosen;
      plans.erase(chosen);
      reply(plan, granted);
    } else if (!leaving.empty()) {
      const auto chosen = leaving.begin() + static_cast<std::ptrdiff_t>(which / 2 % leaving.size());
      gone(*chosen);
      leaving.erase(chosen);
    }
  }

  void give_back(std::uint64_t most_units, Fate fate) {
    const std::uint64_t before = model.free_units();
    const auto run = space.surplus(most_units);
    RC_ASSERT(run.has_value() == (before > 0));
    if (!run) {
      return;
    }
    RC_ASSERT(model.all(*run, Page::free));
    RC_ASSERT(run->first % unit == 0U && run->count >= unit && run->count < (most_units + 1) * unit);
    RC_ASSERT(run->end() % unit == 0U || run->end() == model.end());
    model.set(*run, Page::between);
    if (fate == Fate::later) {
      leaving.push_back(*run);
    } else {
      gone(*run);
    }
  }

  void give_back_any(std::uint64_t most_pages, Fate fate) {
    const auto run = space.any_surplus(most_pages);
    RC_ASSERT(run.has_value() == (model.count(Page::free) > 0));
    if (!run) {
      return;
    }
    RC_ASSERT(run->count > 0 && run->count <= most_pages && model.all(*run, Page::free));
    model.set(*run, Page::between);
    if (fate == Fate::later) {
      leaving.push_back(*run);
    } else {
      gone(*run);
    }
  }

  void gone(const PageRun& run) {
    space.given_back(run);
    model.set(run, Page::absent);
  }

  void free(std::uint32_t which) {
    const auto chosen = std::next(blocks.begin(), static_cast<std::ptrdiff_t>(which % blocks.size()));
    space.give(chosen->first, chosen->second);
    model.set({chosen->first, chosen->second}, Page::free);
    blocks.erase(chosen);
  }

  void check() const {
    const std::uint64_t between = model.count(Page::between);
    RC_ASSERT(space.committed_pages() == limit - model.count(Page::absent) - between);
    RC_ASSERT(space.free_pages() == model.count(Page::free));
    RC_ASSERT(space.free_units() == model.free_units());
    RC_ASSERT(space.end() == model.end());
    RC_ASSERT(space.hole_pages() == model.end() - space.committed_pages() - between);
    RC_ASSERT(space.can_grow() == (model.count(Page::absent) > 0));
  }
};

RC_GTEST_PROP(PageSpace, AgreesWithAStateForEachPage, ()) {
  const auto steps = *rc::gen::scale(
      3.0,
      rc::gen::container<std::vector<std::tuple<int, std::uint64_t, std::uint32_t>>>(rc::gen::tuple(
          rc::gen::inRange(0, 14),
          rc::gen::oneOf(rc::gen::inRange<std::uint64_t>(1, 20), rc::gen::inRange<std::uint64_t>(1, 200)),
          rc::gen::arbitrary<std::uint32_t>())));
  Game game;
  for (const auto& [what, count, which] : steps) {
    const Fate fate = which % 4 == 0 ? Fate::refused : (which % 4 == 1 ? Fate::later : Fate::granted);
    if (what < 4 && !game.blocks.empty()) {
      game.free(which);
    } else if (what < 6) {
      game.give_back(1 + which % 5, fate);
    } else if (what == 6) {
      game.give_back_any(count, fate);
    } else if (what < 9) {
      game.prepare(count, fate);
    } else if (what < 12) {
      game.allocate(count, fate);
    } else {
      game.answer_one(which / 4, fate != Fate::refused);
    }
    game.check();
  }
  while (!game.plans.empty() || !game.leaving.empty()) {
    game.answer_one(game.plans.empty() ? 1 : 0, game.plans.size() % 2 == 0);
    game.check();
  }
  while (!game.blocks.empty()) {
    game.free(0);
  }
  while (game.space.free_units() > 0) {
    game.give_back(3, Fate::granted);
    game.check();
  }
  game.allocate(limit, Fate::granted);  // the split pieces have been merged
  RC_ASSERT(game.model.count(Page::used) == limit);
  game.check();
}

// Commits the missing pages of a plan.
PageRun have(PageSpace& space, std::uint64_t count) {
  if (const auto first = space.take(count)) {
    return {*first, count};
  }
  const auto plan = space.plan(count);
  space.committed(plan.value());
  return plan->block;
}

TEST(PageSpace, CommitsOnlyWhatIsMissingBetweenWhatIsThere) {
  PageSpace space(1000, 16);
  const PageRun low = have(space, 32);
  const PageRun middle = have(space, 64);
  const PageRun high = have(space, 32);
  ASSERT_EQ(high, (PageRun{96, 32}));
  space.give(low.first, low.count);
  space.give(middle.first, 40);  // [0, 72) is free, of that [32, 64) is returned next
  space.give(middle.first + 40, 24);
  const auto hole = space.surplus(2);
  ASSERT_EQ(hole, (PageRun{64, 32})) << "whole units, from the upper end";
  space.given_back(*hole);
  const auto plan = space.plan(80);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->block, (PageRun{0, 80}));
  EXPECT_EQ(plan->missing, (std::vector<PageRun>{{64, 16}}));
  EXPECT_EQ(plan->extra, 0U);
  space.committed(*plan);
  EXPECT_EQ(space.committed_pages(), 112U);
}

TEST(PageSpace, TakesTheSmallestHoleThatSuffices) {
  PageSpace space(1000, 16);
  const PageRun wide = have(space, 64);
  const PageRun first_wall = have(space, 16);
  const PageRun narrow = have(space, 32);
  const PageRun second_wall = have(space, 16);
  ASSERT_EQ(second_wall.end(), 128U);
  for (const PageRun& block : {wide, narrow}) {
    space.give(block.first, block.count);
  }
  while (const auto run = space.surplus(10)) {
    space.given_back(*run);
  }
  EXPECT_EQ(space.hole_pages(), 96U);
  const auto small = space.plan(20);
  ASSERT_TRUE(small);
  EXPECT_EQ(small->block.first, narrow.first);
  EXPECT_EQ(small->extra, 12U) << "up to the end of the unit";
  space.committed(*small);
  const auto large = space.plan(65);
  ASSERT_TRUE(large);
  EXPECT_EQ(large->block.first, 128U) << "no hole is long enough: at the end";
  space.refused(*large);
  EXPECT_EQ(space.end(), 128U);
  EXPECT_EQ(first_wall.first, 64U);
}

TEST(PageSpace, ShrinksAtItsEnd) {
  PageSpace space(1000, 16);
  const PageRun low = have(space, 16);
  const PageRun high = have(space, 100);
  EXPECT_EQ(space.end(), 128U);  // the rest of a unit, too
  space.give(high.first, high.count);
  while (const auto run = space.surplus(1)) {
    space.given_back(*run);
  }
  EXPECT_EQ(space.end(), 16U);
  EXPECT_EQ(space.hole_pages(), 0U);
  EXPECT_EQ(space.committed_pages(), low.count);
}

}  // namespace
}  // namespace locum::shm::page_space_test
