#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/strided_array.hpp"
#include "core/value/error.hpp"
#include "core/value/extents.hpp"
#include "transport/storage/files/area.hpp"
#include "transport/storage/zarr/shard_indices.hpp"

namespace locum::storage {

/// Returns a part of an array. \param stride in elements; of rank 0: 1
[[nodiscard]] inline detail::StridedBytes strided_part(const detail::StridedBytes& array,
                                                       const Extents& start, const Extents& count,
                                                       const Extents& stride = {}) noexcept {
  detail::StridedBytes part = array;
  part.extents = count;
  for (std::size_t dimension = 0; dimension < count.size(); ++dimension) {
    part.first += static_cast<std::int64_t>(start[dimension]) * array.strides[dimension];
    part.strides[dimension] *=
        static_cast<std::int64_t>(stride.size() == 0 ? std::uint64_t{1} : stride[dimension]);
  }
  return part;
}

/// Returns the number of a chunk in the grid of a shard, row-major.
[[nodiscard]] inline std::size_t number_of_chunk(const Extents& grid, const Extents& chunk) noexcept {
  std::uint64_t number = 0;
  for (std::size_t dimension = 0; dimension < grid.size(); ++dimension) {
    number = number * grid[dimension] + chunk[dimension];
  }
  return static_cast<std::size_t>(number);
}

/// Returns whether an array has all elements of a chunk, row-major without gaps.
[[nodiscard]] inline bool is_whole_chunk(const detail::StridedBytes& array, const Extents& chunk) noexcept {
  std::uint64_t bytes = array.element_bytes;
  for (std::size_t dimension = chunk.size(); dimension-- > 0; bytes *= chunk[dimension]) {
    if (array.extents[dimension] != chunk[dimension] ||
        (chunk[dimension] > 1 && array.strides[dimension] != static_cast<std::int64_t>(bytes))) {
      return false;
    }
  }
  return true;
}

/// Returns whether a chunk lies in its file.
[[nodiscard]] inline bool is_in(const ChunkPlace& place, const AreaFile& file) noexcept {
  return place.offset <= file.size_bytes() && place.bytes <= file.size_bytes() - place.offset;
}
[[nodiscard]] inline Error chunk_behind_end(const ChunkPlace& place) {
  return Error(Errc::corrupt, "the index of the shard puts a chunk of " + std::to_string(place.bytes) +
                                  " bytes at byte " + std::to_string(place.offset) +
                                  ", which ends behind the end of the file");
}

}  // namespace locum::storage
