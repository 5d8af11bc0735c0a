#include "core/steps/box_pieces.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace locum::detail {
namespace {

using Shape = std::vector<std::uint64_t>;

Extents extents_from(const Shape& values) {
  Extents extents;
  extents.rank = static_cast<std::uint8_t>(values.size());
  std::ranges::copy(values, extents.values.begin());
  return extents;
}

BlockRecord block(const Shape& start, const Shape& count, std::uint32_t writer = 0) {
  BlockRecord record;
  record.rank = static_cast<std::uint32_t>(count.size());
  std::ranges::copy(start, record.start.begin());
  std::ranges::copy(count, record.count.begin());
  record.writer = writer;
  return record;
}

/// Cuts the box in two, along any dimension, until it has that many parts.
void cut(std::mt19937& random, const Shape& start, const Shape& count, int parts,
         std::vector<BlockRecord>& blocks) {
  const std::size_t dimension = random() % count.size();
  if (parts == 1 || count[dimension] < 2) {
    blocks.push_back(block(start, count, static_cast<std::uint32_t>(blocks.size())));
    return;
  }
  const std::uint64_t at = 1 + random() % (count[dimension] - 1);
  Shape lower = count;
  lower[dimension] = at;
  Shape upper = count;
  upper[dimension] -= at;
  Shape middle = start;
  middle[dimension] += at;
  cut(random, start, lower, parts / 2, blocks);
  cut(random, middle, upper, parts - parts / 2, blocks);
}

void sort(std::vector<BlockRecord>& blocks) {
  std::ranges::sort(blocks, {}, [](const BlockRecord& one) { return one.start[0]; });
}

struct Sample {
  Shape shape;
  std::vector<BlockRecord> blocks;
  Hyperslab box;
};

Sample sample(std::mt19937& random) {
  Sample made;
  Hyperslab& box = made.box;
  const std::size_t rank = 1 + random() % 4;
  Shape start(rank);
  Shape count(rank);
  Shape stride(rank);
  for (std::size_t at = 0; at < rank; ++at) {
    made.shape.push_back(1 + random() % 9);
    start[at] = random() % made.shape[at];
    stride[at] = 1 + random() % 3;
    count[at] = 1 + random() % (1 + (made.shape[at] - 1 - start[at]) / stride[at]);
  }
  cut(random, Shape(rank), made.shape, 1 + static_cast<int>(random() % 12), made.blocks);
  sort(made.blocks);
  box = {extents_from(start), extents_from(count), extents_from(stride)};
  return made;
}

std::uint64_t elements_of(const Extents& extents) {
  std::uint64_t product = 1;
  for (const std::uint64_t extent : extents.span()) {
    product *= extent;
  }
  return product;
}

/// Calls `visit` with the indices of each element.
template <class Visit>
void for_each_index(const Extents& count, Visit visit) {
  std::array<std::uint64_t, max_rank> index{};
  for (std::uint64_t left = elements_of(count); left > 0; --left) {
    visit(index);
    for (std::size_t at = count.size(); at-- > 0 && ++index[at] == count[at];) {
      index[at] = 0;
    }
  }
}

TEST(BoxPieces, HaveEachElementOfTheBoxOnce) {
  std::mt19937 random(1);
  for (int turn = 0; turn < 10000; ++turn) {
    const auto [shape, blocks, box] = sample(random);
    const auto pieces = pieces_of(box, shape, blocks);
    ASSERT_TRUE(pieces) << pieces.error().what();
    const std::size_t rank = shape.size();
    std::vector<int> seen(elements_of(box.count));
    for (const BoxPiece& piece : *pieces) {
      for_each_index(piece.slab.count, [&, &box = box](const auto& index) {
        std::uint64_t place = 0;
        for (std::size_t at = 0; at < rank; ++at) {
          const std::uint64_t in_block = piece.slab.start[at] + index[at] * piece.slab.stride[at];
          const std::uint64_t in_box = piece.place[at] + index[at];
          ASSERT_LT(in_block, piece.block->count[at]);
          ASSERT_EQ(piece.block->start[at] + in_block, box.start[at] + in_box * box.stride[at]);
          place = place * box.count[at] + in_box;
        }
        ++seen[place];
      });
    }
    ASSERT_TRUE(std::ranges::all_of(seen, [](int times) { return times == 1; })) << turn;
  }
}

TEST(BoxPieces, NameAnElementThatNobodyWrote) {
  std::mt19937 random(2);
  for (int turn = 0; turn < 2000; ++turn) {
    auto [shape, blocks, box] = sample(random);
    const BlockRecord lost = blocks[random() % blocks.size()];
    std::erase_if(blocks, [&](const BlockRecord& one) { return one.writer == lost.writer; });
    const bool meets = pieces_of(box, shape, std::span(&lost, 1)).has_value() || [&] {
      bool any = false;
      for_each_index(box.count, [&](const auto& index) {
        bool inside = true;
        for (std::size_t at = 0; at < shape.size(); ++at) {
          const std::uint64_t place = box.start[at] + index[at] * box.stride[at];
          inside = inside && place >= lost.start[at] && place < lost.start[at] + lost.count[at];
        }
        any = any || inside;
      });
      return any;
    }();
    const auto pieces = pieces_of(box, shape, blocks);
    ASSERT_EQ(pieces.has_value(), !meets) << turn;
    if (!pieces) {
      ASSERT_EQ(pieces.error().code(), Errc::not_found);
    }
  }
}

TEST(BoxPieces, SayWhichElementIsMissingOrThereTwice) {
  const std::vector<BlockRecord> holes{block({0, 0}, {2, 4}), block({2, 0}, {2, 3}, 1)};
  EXPECT_STREQ(pieces_of({}, Shape{4, 4}, holes).error().what(),
               "not_found: no block of this step has the element [2, 3] (counted from 0); let the "
               "writers' blocks cover the box");
  const std::vector<BlockRecord> twice{block({0, 0}, {3, 4}), block({2, 1}, {2, 3}, 5)};
  EXPECT_STREQ(pieces_of({}, Shape{4, 4}, twice).error().what(),
               "invalid_argument: blocks of writers 0 and 5 both have the element [2, 1] (counted from 0); "
               "let each element be "
               "written by one block");
  EXPECT_TRUE(pieces_of({.start = {0, 0}, .count = {2, 4}}, Shape{4, 4}, holes));
}

TEST(BoxPieces, SayWhichBoxTheArrayDoesNotHave) {
  const std::vector<BlockRecord> blocks{block({0, 0}, {2, 4})};
  const auto text = [&](const Hyperslab& box) { return pieces_of(box, Shape{2, 4}, blocks).error().text(); };
  const std::string begin = "the array does not have this box: it is ";
  const std::string end =
      ", and the array has 2 x 4; give a start and a count within the shape of the variable";
  EXPECT_EQ(text({.start = {1, 2}, .count = {2, 2}}),
            begin + "2 x 2 elements from [1, 2] (counted from 0) on" + end);
  EXPECT_EQ(text({.start = {0, 2}, .count = {1, 2}, .stride = {1, 2}}),
            begin + "1 x 2 elements from [0, 2] (counted from 0) on, 1 x 2 apart" + end);
}

TEST(BoxPieces, OfNoElementsAreNone) {
  const std::vector<BlockRecord> blocks{block({0, 0}, {2, 4})};
  for (const Hyperslab& box : {Hyperslab{{0, 0}, {0, 4}}, Hyperslab{{4, 0}, {0, 1}},
                               Hyperslab{{2, 4}, {2, 0}}, Hyperslab{{4, 4}, {0, 0}, {3, 3}}}) {
    const auto pieces = pieces_of(box, Shape{4, 4}, blocks);
    ASSERT_TRUE(pieces) << pieces.error().what();
    EXPECT_TRUE(pieces->empty());
  }
  EXPECT_TRUE(pieces_of({}, Shape{4, 0}, {}).value().empty());
  EXPECT_TRUE(pieces_of({{3, 0}, {1, 0}}, Shape{4, 0}, {}).value().empty());
}

TEST(BoxPieces, RefuseABoxOutsideTheArray) {
  const std::vector<BlockRecord> blocks{block({0, 0}, {4, 4})};
  const Shape shape{4, 4};
  const std::uint64_t huge = ~std::uint64_t{0};
  for (const Hyperslab& box :
       {Hyperslab{{0, 0}, {5, 1}}, Hyperslab{{4, 0}, {1, 1}}, Hyperslab{{5, 0}, {0, 1}},
        Hyperslab{{4, 0}, {1, 0}}, Hyperslab{{0}, {4}}, Hyperslab{{0, 0}, {2, 2}, {4, 1}},
        Hyperslab{{0, 0}, {2, 2}, {0, 1}}, Hyperslab{{huge, 0}, {2, 1}}, Hyperslab{{1, 1}, {huge, huge}},
        Hyperslab{{0, 0}, {2, 2}, {huge, huge}}}) {
    EXPECT_EQ(pieces_of(box, shape, blocks).error().code(), Errc::invalid_argument);
  }
  EXPECT_EQ(pieces_of({}, Shape{huge, huge}, blocks).error().code(), Errc::invalid_argument);
}

}  // namespace
}  // namespace locum::detail
