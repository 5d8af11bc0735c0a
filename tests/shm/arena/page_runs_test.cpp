#include "shm/arena/page_runs.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

namespace locum::shm::page_runs_test {
namespace {

/// Free pages, each with its own flag.
struct Model {
  std::vector<bool> free;

  explicit Model(std::size_t pages) : free(pages, false) {}
  void set(std::uint64_t first, std::uint64_t count, bool value) {
    std::fill_n(free.begin() + static_cast<std::ptrdiff_t>(first), count, value);
  }
  [[nodiscard]] bool all(std::uint64_t first, std::uint64_t count, bool value) const {
    const auto begin = free.begin() + static_cast<std::ptrdiff_t>(first);
    return std::all_of(begin, begin + static_cast<std::ptrdiff_t>(count),
                       [&](bool page) { return page == value; });
  }
  [[nodiscard]] std::uint64_t ending_at(std::uint64_t end) const {
    std::uint64_t length = 0;
    while (length < end && free[end - length - 1]) {
      ++length;
    }
    return length;
  }
  [[nodiscard]] std::uint64_t whole_units(std::uint64_t unit_pages) const {
    std::uint64_t units = 0;
    for (std::uint64_t first = 0; first + unit_pages <= free.size(); first += unit_pages) {
      units += all(first, unit_pages, true) ? 1 : 0;
    }
    return units;
  }
  [[nodiscard]] std::uint64_t longest() const {
    std::uint64_t best = 0;
    std::uint64_t length = 0;
    for (const bool page : free) {
      length = page ? length + 1 : 0;
      best = std::max(best, length);
    }
    return best;
  }
};

RC_GTEST_PROP(PageRuns, AgreesWithABitForEachPage, ()) {
  constexpr std::uint64_t pages = 3000;
  constexpr std::uint64_t unit_pages = 16;
  PageRuns runs(unit_pages);
  Model model(pages);
  runs.reach(pages);
  runs.give(0, pages);
  model.set(0, pages, true);
  std::map<std::uint64_t, std::uint64_t> taken;
  const auto steps =
      *rc::gen::container<std::vector<std::tuple<int, std::uint64_t, std::uint32_t>>>(rc::gen::tuple(
          rc::gen::inRange(0, 8),
          rc::gen::oneOf(rc::gen::inRange<std::uint64_t>(1, 20), rc::gen::inRange<std::uint64_t>(1, 700)),
          rc::gen::arbitrary<std::uint32_t>()));
  for (const auto& [what, count, which] : steps) {
    if (what < 3 && !taken.empty()) {
      const auto chosen = std::next(taken.begin(), static_cast<std::ptrdiff_t>(which % taken.size()));
      runs.give(chosen->first, chosen->second);
      model.set(chosen->first, chosen->second, true);
      taken.erase(chosen);
    } else if (what == 3 && model.ending_at(pages) > 0) {
      const std::uint64_t tail = model.ending_at(pages);
      const std::uint64_t kept = which % tail;
      const std::uint64_t part = 1 + count % (tail - kept);
      runs.take_part({pages - tail, tail}, {pages - tail + kept, part});
      model.set(pages - tail + kept, part, false);
      taken[pages - tail + kept] = part;
    } else if (const auto first = runs.take(count)) {
      RC_ASSERT(model.all(*first, count, true));
      model.set(*first, count, false);
      taken[*first] = count;
    } else {
      RC_ASSERT(model.longest() < count);
    }
    RC_ASSERT(runs.longest() == model.longest());
    RC_ASSERT(runs.ending_at(pages) == model.ending_at(pages));
    RC_ASSERT(runs.whole_units() == model.whole_units(unit_pages));
    RC_ASSERT(runs.free_pages() ==
              static_cast<std::uint64_t>(std::count(model.free.begin(), model.free.end(), true)));
  }
  for (const auto& [first, count] : taken) {
    runs.give(first, count);
  }
  RC_ASSERT(runs.longest() == pages);
}

TEST(PageRuns, TakesTheShortestRunThatIsLongEnough) {
  PageRuns runs;
  runs.reach(1000);
  runs.give(0, 100);
  runs.give(200, 70);
  runs.give(400, 300);
  EXPECT_EQ(runs.take(68), 200U);
  EXPECT_EQ(runs.take(2), 268U) << "the rest of it";
  EXPECT_EQ(runs.take(101), 400U);
  EXPECT_EQ(runs.take(100), 0U);
  EXPECT_EQ(runs.take(200), std::nullopt);
  EXPECT_EQ(runs.take(0), std::nullopt);
}

TEST(PageRuns, TakesWhatWasFreedLastAmongEqualRuns) {
  PageRuns runs;
  runs.reach(100);
  runs.give(10, 4);
  runs.give(30, 4);
  runs.give(20, 4);
  EXPECT_EQ(runs.take(4), 20U);
  EXPECT_EQ(runs.take(4), 30U);
  EXPECT_EQ(runs.take(4), 10U);
}

TEST(PageRuns, FindsTheOneThatFitsBehindManyThatDoNot) {
  PageRuns runs;
  runs.reach(200'000);
  // 2048 … 2111 share a bin: more runs than the first search compares, and only the first freed one is long
  // enough.
  runs.give(0, 2100);
  for (std::uint64_t n = 1; n <= 40; ++n) {
    runs.give(n * 3000, 2050);
  }
  EXPECT_EQ(runs.take(2099), 0U);
  EXPECT_EQ(runs.take(2051), std::nullopt);
}

// Small blocks stay together at the low end: elsewhere each would keep a unit from being free as a whole.
TEST(PageRuns, TakesWhatIsShorterThanAUnitWhereAddressesAreLow) {
  PageRuns runs(16);
  runs.reach(200'000);
  runs.give(150'000, 5);
  runs.give(600, 100);
  runs.give(7000, 40);
  EXPECT_EQ(runs.take(5), 600U) << "150,000 would fit better";
  EXPECT_EQ(runs.take(15), 605U);
  EXPECT_EQ(runs.take(20), 7000U) << "the best fit for requests longer than a unit";
  EXPECT_EQ(runs.take(70), 620U);
  for (int left = 2; left > 0; --left) {
    EXPECT_EQ(runs.take(5), 620U + 70 + 10 - 5U * static_cast<unsigned>(left));
  }
  EXPECT_EQ(runs.take(10), 7020U);
  EXPECT_EQ(runs.take(10), 7030U);
  EXPECT_EQ(runs.take(5), 150'000U);
  EXPECT_EQ(runs.take(1), std::nullopt);
}

// It searches near a run that is gone only if there are other runs, and finds them all.
TEST(PageRuns, KnowsTheNextRunWhereTheOneItKnewIsTaken) {
  PageRuns runs(16);
  runs.reach(2048);
  runs.give(10, 3);
  runs.give(20, 5);
  runs.give(30, 4);
  runs.give(1500, 4);
  runs.give(1510, 3);
  EXPECT_EQ(runs.take(5), 20U);
  EXPECT_EQ(runs.take(4), 30U);
  EXPECT_EQ(runs.take(3), 10U);
  EXPECT_EQ(runs.take(3), 1500U) << "the longest nearby";
  runs.give(40, 2);
  runs.give(50, 1);
  EXPECT_EQ(runs.take(2), 40U);
  EXPECT_EQ(runs.take(1), 50U);
}

}  // namespace
}  // namespace locum::shm::page_runs_test
