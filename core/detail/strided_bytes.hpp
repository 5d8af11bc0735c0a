#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <locum/extents.hpp>

namespace locum::detail {

/// The memory of an array whose elements need not lie side by side: a StridedArray without its type.
struct StridedBytes {
  const std::byte* first = nullptr;  ///< the element with the indices 0
  Extents extents;
  std::array<std::int64_t, max_rank>
      strides;  ///< in bytes, from an element to its neighbour in each dimension
  std::uint32_t element_bytes = 1;
};

/// Describes an array without gaps. More than `max_rank` extents become none, which calls of a store refuse.
[[nodiscard]] StridedBytes row_major(const std::byte* first, const Extents& extents,
                                     std::uint32_t element_bytes) noexcept;
/// Copies the array's elements to memory for all of them, row-major and without gaps.
/// REQUIRES: 1 to `max_rank` extents, whose bytes do not overflow.
void pack(const StridedBytes& array, std::byte* into) noexcept;
/// Copies elements that lie row-major and without gaps to the array. REQUIRES: those of pack(), and the array
/// may be written.
void unpack(const std::byte* from, const StridedBytes& array) noexcept;
/// Copies the elements of one array to another of the same extents and size of elements. REQUIRES: those of
/// unpack().
void copy_strided(const StridedBytes& from, const StridedBytes& to) noexcept;

}  // namespace locum::detail
