#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/value/extents.hpp"
#include "core/value/hyperslab.hpp"

namespace locum::storage {

/// The elements of a box that lie in one chunk.
struct BoxCut {
  Extents chunk;   ///< indices of the chunk in the grid
  Extents start;   ///< of the first of them in the chunk; the next ones are the box's strides apart
  Extents count;   ///< how many there are, in each dimension
  Extents target;  ///< of the first of them in the box
};

/// Cuts a box of an array by a grid of chunks. A box without strides has one cut for each chunk that it
/// meets; one with large strides leaves out chunks that have none of its elements.
class BoxCuts {
 public:
  /// REQUIRES: the box lies in an array of 1 to `max_rank` dimensions, and so does the chunk, whose extents
  /// are at least 1.
  BoxCuts(const Hyperslab& box, const Extents& chunk);

  /// Returns the number of cuts.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// REQUIRES: at < size().
  [[nodiscard]] BoxCut operator[](std::size_t at) const noexcept;

 private:
  struct Range {
    std::uint64_t chunk;
    std::uint64_t start;
    std::uint64_t count;
    std::uint64_t target;
  };

  std::array<std::vector<Range>, max_rank> ranges_;
  std::size_t rank_;
  std::size_t size_ = 1;
};

}  // namespace locum::storage
