#include "core/steps/box_pieces.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "core/value/extents_text.hpp"

namespace locum::detail {

namespace {

using Indices = std::array<std::uint64_t, max_rank>;

/// The box, with strides, checked.
struct Asked {
  std::size_t rank = 0;
  Indices start{};
  Indices count{};
  Indices stride{};
  std::uint64_t elements = 1;
};

Error no_such_box(const std::string& why) {
  return Error(Errc::invalid_argument, "the array does not have this box: " + why +
                                           "; give a start and a count within the shape of the variable");
}

Result<Asked> checked(const Hyperslab& box, std::span<const std::uint64_t> shape) {
  Asked asked;
  asked.rank = shape.size();
  const bool whole = !box.is_given();
  if (!whole && (box.start.size() != shape.size() || box.count.size() != shape.size() ||
                 (box.stride.size() != 0 && box.stride.size() != shape.size()))) {
    return no_such_box("it has another number of dimensions (" +
                       std::to_string(std::max(box.start.size(), box.count.size())) + ") than the array (" +
                       std::to_string(shape.size()) + ")");
  }
  for (std::size_t at = 0; at < shape.size(); ++at) {
    asked.start[at] = whole ? 0 : box.start[at];
    asked.count[at] = whole ? shape[at] : box.count[at];
    asked.stride[at] = whole || box.stride.size() == 0 ? 1 : box.stride[at];
    const std::uint64_t extent = shape[at];
    const bool fits =
        asked.stride[at] > 0 && has_elements(asked.start[at], asked.count[at], asked.stride[at], extent);
    if (!fits) {
      return no_such_box("it is " + box_text(box) + ", and the array has " + extents_text(shape));
    }
    if (__builtin_mul_overflow(asked.elements, asked.count[at], &asked.elements)) {
      return no_such_box("it has too many elements");
    }
  }
  return asked;
}

/// The part of the box in a block: in each dimension, the elements of the box from `first` on.
struct Overlap {
  Indices first{};
  Indices count{};
};

std::optional<Overlap> overlap_of(const Asked& box, const BlockRecord& block) {
  Overlap overlap;
  for (std::size_t at = 0; at < box.rank; ++at) {
    const std::uint64_t begin = block.start[at];
    if (block.count[at] == 0) {
      return std::nullopt;
    }
    const std::uint64_t last = begin + (block.count[at] - 1);
    if (last < begin || last < box.start[at]) {
      return std::nullopt;
    }
    const std::uint64_t ahead = begin > box.start[at] ? begin - box.start[at] : 0;
    const std::uint64_t first = ahead / box.stride[at] + (ahead % box.stride[at] != 0 ? 1 : 0);
    const std::uint64_t end = std::min(box.count[at], (last - box.start[at]) / box.stride[at] + 1);
    if (first >= end) {
      return std::nullopt;
    }
    overlap.first[at] = first;
    overlap.count[at] = end - first;
  }
  return overlap;
}

bool meet(const Overlap& a, const Overlap& b, std::size_t rank) {
  for (std::size_t at = 0; at < rank; ++at) {
    if (a.first[at] >= b.first[at] + b.count[at] || b.first[at] >= a.first[at] + a.count[at]) {
      return false;
    }
  }
  return true;
}

Extents extents_of(const Indices& values, std::size_t rank) {
  Extents extents;
  extents.rank = static_cast<std::uint8_t>(rank);
  std::copy_n(values.begin(), rank, extents.values.begin());
  return extents;
}

/// An element of the box that no piece has. REQUIRES: there is one, and the pieces are disjoint.
Indices missing_element(const Asked& box, const std::vector<Overlap>& overlaps) {
  Overlap rest{{}, box.count};
  for (std::size_t at = 0; at < box.rank; ++at) {
    // The pieces that meet `rest` cut this dimension into ranges within each of which all elements are alike.
    std::vector<std::uint64_t> cuts{rest.first[at]};
    for (const Overlap& one : overlaps) {
      cuts.insert(cuts.end(), {one.first[at], one.first[at] + one.count[at]});
    }
    std::ranges::sort(cuts);
    for (const std::uint64_t cut : cuts) {
      Overlap layer = rest;
      layer.first[at] = cut;
      layer.count[at] = 1;
      if (cut >= box.count[at]) {
        continue;
      }
      std::uint64_t layer_elements = 1;
      std::uint64_t covered = 0;
      for (std::size_t other = 0; other < box.rank; ++other) {
        layer_elements *= layer.count[other];
      }
      for (const Overlap& one : overlaps) {
        if (!meet(layer, one, box.rank)) {
          continue;
        }
        std::uint64_t common = 1;
        for (std::size_t other = 0; other < box.rank; ++other) {
          const std::uint64_t begin = std::max(layer.first[other], one.first[other]);
          common *=
              std::min(layer.first[other] + layer.count[other], one.first[other] + one.count[other]) - begin;
        }
        covered += common;
      }
      if (covered < layer_elements) {
        rest = layer;
        break;
      }
    }
  }
  return rest.first;
}

}  // namespace

Result<std::vector<BoxPiece>> pieces_of(const Hyperslab& box, std::span<const std::uint64_t> shape,
                                        std::span<const BlockRecord> blocks) {
  const auto asked = checked(box, shape);
  if (!asked) {
    return asked.error();
  }
  if (asked->elements == 0) {
    return std::vector<BoxPiece>();
  }
  const std::size_t rank = asked->rank;
  const auto element_of = [&](const Indices& place) {
    Indices element{};
    for (std::size_t at = 0; at < rank; ++at) {
      element[at] = asked->start[at] + place[at] * asked->stride[at];
    }
    return indices_text(std::span(element).first(rank));
  };
  std::vector<BoxPiece> pieces;
  std::vector<Overlap> overlaps;
  std::vector<std::size_t> near;  // those that may have elements of the next ones, too
  std::uint64_t elements = 0;
  for (const BlockRecord& block : blocks) {
    if (rank > 0 && block.start[0] > asked->start[0] + (asked->count[0] - 1) * asked->stride[0]) {
      break;
    }
    const auto overlap = overlap_of(*asked, block);
    if (!overlap) {
      continue;
    }
    BoxPiece piece{&block, {}, extents_of(overlap->first, rank)};
    Indices start{};
    std::uint64_t of_piece = 1;
    for (std::size_t at = 0; at < rank; ++at) {
      start[at] = asked->start[at] + overlap->first[at] * asked->stride[at] - block.start[at];
      of_piece *= overlap->count[at];
    }
    piece.slab.start = extents_of(start, rank);
    piece.slab.count = extents_of(overlap->count, rank);
    piece.slab.stride = extents_of(asked->stride, rank);
    elements += of_piece;
    std::erase_if(near, [&](std::size_t at) {
      return overlaps[at].first[0] + overlaps[at].count[0] <= overlap->first[0];
    });
    for (const std::size_t at : near) {
      if (meet(overlaps[at], *overlap, rank)) {
        Indices both{};
        for (std::size_t dimension = 0; dimension < rank; ++dimension) {
          both[dimension] = std::max(overlaps[at].first[dimension], overlap->first[dimension]);
        }
        return Error(Errc::invalid_argument, "blocks of writers " + std::to_string(pieces[at].block->writer) +
                                                 " and " + std::to_string(block.writer) +
                                                 " both have the element " + element_of(both) +
                                                 "; let each element be written by one block");
      }
    }
    near.push_back(pieces.size());
    pieces.push_back(std::move(piece));
    overlaps.push_back(*overlap);
  }
  if (elements < asked->elements) {
    return Error(Errc::not_found, "no block of this step has the element " +
                                      element_of(missing_element(*asked, overlaps)) +
                                      "; let the writers' blocks cover the box");
  }
  return pieces;
}

}  // namespace locum::detail
