#include "shm/arena/adopted_pages.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <tuple>
#include <vector>

namespace locum::shm {
namespace {

constexpr std::uint64_t begin = 1 << 20U;
constexpr std::uint64_t pages = 300;

/// The number of blocks in each page.
struct Model {
  std::vector<int> users = std::vector<int>(pages, 0);

  void count(const Block& block, int change) {
    const std::uint64_t within = block.offset - begin;
    const std::uint64_t last = within + std::max<std::uint64_t>(block.size_bytes, 1) - 1;
    for (std::uint64_t page = within / page_bytes; page <= last / page_bytes; ++page) {
      users[page] += change;
    }
  }
  [[nodiscard]] std::vector<bool> unused() const {
    std::vector<bool> result(pages);
    std::transform(users.begin(), users.end(), result.begin(), [](int count) { return count == 0; });
    return result;
  }
};

void mark(std::vector<bool>& marks, const AdoptedPages::Pages& stretch) {
  RC_ASSERT(stretch.first < stretch.end && stretch.end <= pages);
  for (std::uint64_t page = stretch.first; page < stretch.end; ++page) {
    RC_ASSERT(!marks[page]);
    marks[page] = true;
  }
}

// Takes a piece of the unused pages; each page is taken once.
void take(AdoptedPages& adopted, std::vector<bool>& marks) {
  const auto most = *rc::gen::inRange<std::uint64_t>(1, 50);
  const std::uint64_t before = adopted.unused_bytes();
  const auto piece = adopted.take_unused(most);
  RC_ASSERT(piece.has_value() == (before > 0));
  if (piece) {
    RC_ASSERT(piece->end - piece->first <= most);
    RC_ASSERT(before - adopted.unused_bytes() == (piece->end - piece->first) * page_bytes);
    mark(marks, *piece);
  }
}

// Blocks may overlap here: no content of a table may make the count wrong.
RC_GTEST_PROP(AdoptedPages, AgreesWithACountForEachPage, ()) {
  const auto wanted = *rc::gen::container<std::vector<std::tuple<std::uint64_t, std::uint64_t>>>(
      rc::gen::tuple(rc::gen::inRange<std::uint64_t>(0, pages * page_bytes),
                     rc::gen::oneOf(rc::gen::inRange<std::uint64_t>(0, 3000),
                                    rc::gen::inRange<std::uint64_t>(0, 100'000))));
  Model model;
  std::vector<Block> used;
  for (const auto& [within, size_bytes] : wanted) {
    const Block block{begin + within, size_bytes};
    if (size_bytes <= pages * page_bytes - within) {
      model.count(block, 1);
    }
    used.push_back(block);
  }
  AdoptedPages adopted(begin, pages * page_bytes, used);
  std::vector<bool> unused(pages, false);
  adopted.for_each_gap([&](const AdoptedPages::Pages& gap) { mark(unused, gap); });
  RC_ASSERT(unused == model.unused());
  for (const Block& block : used) {
    const bool inside = block.size_bytes <= pages * page_bytes - (block.offset - begin);
    RC_ASSERT(adopted.holds(block) == inside);
    if (!inside) {
      continue;
    }
    model.count(block, -1);
    adopted.free(block);
    const auto expected = model.unused();
    const auto used_pages = static_cast<std::uint64_t>(std::count(expected.begin(), expected.end(), false));
    RC_ASSERT(adopted.used_bytes() == used_pages * page_bytes);
    for (std::uint64_t wanted_pieces = *rc::gen::inRange(0, 5); wanted_pieces > 0; --wanted_pieces) {
      take(adopted, unused);
    }
    const auto taken_pages = static_cast<std::uint64_t>(std::count(unused.begin(), unused.end(), true));
    RC_ASSERT(adopted.unused_bytes() == (pages - used_pages - taken_pages) * page_bytes);
  }
  while (adopted.unused_bytes() > 0) {
    take(adopted, unused);
  }
  RC_ASSERT(unused == model.unused());
  RC_ASSERT(!adopted.take_unused(1));
  RC_ASSERT(adopted.used_bytes() == 0U);
}

TEST(AdoptedPages, OfNothingAreOneGap) {
  const AdoptedPages adopted(begin, pages * page_bytes, {});
  int gaps = 0;
  adopted.for_each_gap([&](const AdoptedPages::Pages& gap) {
    ++gaps;
    EXPECT_EQ(gap.first, 0U);
    EXPECT_EQ(gap.end, pages);
  });
  EXPECT_EQ(gaps, 1);
  EXPECT_FALSE(adopted.holds({begin, 1}));
}

TEST(AdoptedPages, KnowTheirBlocksOnly) {
  AdoptedPages adopted(begin, pages * page_bytes, std::vector<Block>{{begin + 8192, 3 * page_bytes}});
  EXPECT_TRUE(adopted.holds({begin + 8192, 3 * page_bytes}));
  EXPECT_FALSE(adopted.holds({begin + 8192, page_bytes})) << "ends where no block does";
  EXPECT_FALSE(adopted.holds({begin + 4096, 4 * page_bytes})) << "begins where no block does";
  EXPECT_FALSE(adopted.holds({begin - 1, 1}));
  EXPECT_FALSE(adopted.holds({begin + pages * page_bytes, 0}));
  adopted.free({begin + 8192, 3 * page_bytes});
  EXPECT_FALSE(adopted.holds({begin + 8192, 3 * page_bytes})) << "already freed";
}

}  // namespace
}  // namespace locum::shm
