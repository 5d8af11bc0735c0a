#include "core/value/hyperslab.hpp"

#include <algorithm>
#include <string>

namespace locum {

namespace {

constexpr std::uint64_t most_described_bytes = std::uint64_t{1} << 62U;

}  // namespace

Result<std::uint64_t> packed_bytes(const Hyperslab& slab, std::uint64_t element_bytes) {
  const std::size_t rank = slab.count.size();
  if (rank == 0 || rank > max_rank || slab.start.size() != rank ||
      (slab.stride.size() != 0 && slab.stride.size() != rank)) {
    return Error(
        Errc::invalid_argument,
        "a hyperslab has 1 to 8 dimensions; give a start and a count, and optionally a stride, for each");
  }
  std::uint64_t bytes = element_bytes;
  bool is_empty = false;
  for (std::size_t dimension = 0; dimension < rank; ++dimension) {
    const std::uint64_t count = slab.count[dimension];
    if (stride_of(slab, dimension) == 0) {
      return Error(Errc::invalid_argument, "a hyperslab needs a stride of at least 1 in each dimension");
    }
    is_empty = is_empty || count == 0;
    if (bytes == 0 || std::max<std::uint64_t>(count, 1) > most_described_bytes / bytes) {
      return Error(Errc::invalid_argument,
                   "no object has as many elements as this hyperslab; check start, count and stride");
    }
    bytes *= std::max<std::uint64_t>(count, 1);
  }
  return is_empty ? 0 : bytes;
}

Result<Hyperslab> with_inner(const Hyperslab& slab, std::span<const std::uint64_t> inner) {
  const std::size_t most = max_rank - inner.size();
  if (slab.start.size() > most || slab.count.size() > most || slab.stride.size() > most) {
    return Error(Errc::invalid_argument,
                 "an array has 1 to " + std::to_string(max_rank) + " dimensions, with those of its elements");
  }
  Extents start;
  for (std::size_t dimension = 0; dimension < slab.start.size(); ++dimension) {
    start.values[start.rank++] = slab.start[dimension];
  }
  Hyperslab flat{.start = start, .count = slab.count, .stride = slab.stride};
  for (const std::uint64_t extent : inner) {
    start.values[start.rank++] = 0;
    flat.count.values[flat.count.rank++] = extent;
    if (slab.stride.size() > 0) {
      flat.stride.values[flat.stride.rank++] = 1;
    }
  }
  flat.start = start;
  return flat;
}

}  // namespace locum
