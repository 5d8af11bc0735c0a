#include "transport/storage/zarr/box_cuts.hpp"

#include <algorithm>

namespace locum::storage {

BoxCuts::BoxCuts(const Hyperslab& box, const Extents& chunk) : rank_(box.count.size()) {
  for (std::size_t dimension = 0; dimension < rank_; ++dimension) {
    const std::uint64_t stride = stride_of(box, dimension);
    const std::uint64_t extent = chunk[dimension];
    for (std::uint64_t taken = 0; taken < box.count[dimension];) {
      const std::uint64_t first = box.start[dimension] + taken * stride;
      const std::uint64_t start = first % extent;
      const std::uint64_t here = std::min(box.count[dimension] - taken, (extent - 1 - start) / stride + 1);
      ranges_[dimension].push_back({first / extent, start, here, taken});
      taken += here;
    }
    size_ *= ranges_[dimension].size();
  }
}

BoxCut BoxCuts::operator[](std::size_t at) const noexcept {
  BoxCut cut;
  cut.chunk.rank = cut.start.rank = cut.count.rank = cut.target.rank = static_cast<std::uint8_t>(rank_);
  for (std::size_t dimension = rank_; dimension-- > 0;) {
    const auto& ranges = ranges_[dimension];
    const Range& range = ranges[at % ranges.size()];
    at /= ranges.size();
    cut.chunk.values[dimension] = range.chunk;
    cut.start.values[dimension] = range.start;
    cut.count.values[dimension] = range.count;
    cut.target.values[dimension] = range.target;
  }
  return cut;
}

}  // namespace locum::storage
