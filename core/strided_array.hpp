#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>

#include <locum/extents.hpp>

namespace locum {

/// A pointer, extents and strides of an array in memory that this value does not own. View::array() returns
/// one, and locum::array() makes one of a program's own array; `put` stores its elements as a `T[]`, `read`
/// fills it. Cheap to copy; does not keep the memory alive.
template <class T>
class StridedArray {
 public:
  using element_type = T;

  /// Describes a row-major array without gaps. REQUIRES: 1 to `max_rank` extents.
  StridedArray(T* data, const Extents& extents) noexcept : data_(data), extents_(extents) {
    std::uint64_t stride =
        1;  // wraps where the extents are too many elements, which calls of the store refuse
    for (std::size_t at = extents.size(); at-- > 0;) {
      strides_[at] = static_cast<std::int64_t>(stride);
      stride *= extents[at];
    }
  }
  /// Describes an array with gaps: `strides` are the distances from an element to its neighbour in each
  /// dimension, in elements. If their number differs from that of the extents, the array has no extents, and
  /// all calls of the store reject it.
  StridedArray(T* data, const Extents& extents, const Extents& strides) noexcept
      : data_(data), extents_(strides.size() == extents.size() ? extents : Extents()) {
    for (std::size_t at = 0; at < extents_.size(); ++at) {
      strides_[at] = static_cast<std::int64_t>(strides[at]);
    }
  }

  /// Returns the element at these indices, slowest dimension first. REQUIRES: one index for each dimension,
  /// each less than its extent.
  template <std::integral... I>
    requires(sizeof...(I) >= 1 && sizeof...(I) <= max_rank)
  [[nodiscard]] T& operator()(I... indices) const noexcept {
    std::size_t dimension = 0;
    std::int64_t at = 0;
    ((at += strides_[dimension++] * static_cast<std::int64_t>(indices)), ...);
    return data_[at];
  }

  [[nodiscard]] T* data() const noexcept { return data_; }
  /// Returns the extents, slowest dimension first.
  [[nodiscard]] const Extents& extents() const noexcept { return extents_; }
  /// Returns a stride in elements. REQUIRES: dimension < extents().size().
  [[nodiscard]] std::int64_t stride(std::size_t dimension) const noexcept { return strides_[dimension]; }

 private:
  T* data_;
  Extents extents_;
  std::array<std::int64_t, max_rank> strides_{};
};

/// Returns a row-major array without gaps; `first` is its first element. 1 to `max_rank` extents, slowest
/// dimension first.
template <class T>
[[nodiscard]] StridedArray<T> array(T* first, const Extents& extents) noexcept {
  return {first, extents};
}
/// Returns an array with gaps, such as the interior of one with ghost cells: `locum::array(&field[nx + 3],
/// {ny, nx}, {nx + 2, 1})`. `first` is the element with the indices 0. A stride is the distance from an
/// element to its neighbour, in elements, and may be negative.
template <class T>
[[nodiscard]] StridedArray<T> array(T* first, const Extents& extents, const Extents& strides) noexcept {
  return {first, extents, strides};
}

namespace detail {

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

/// Returns the array without its type.
template <class T>
[[nodiscard]] StridedBytes bytes_of(const StridedArray<T>& array) noexcept {
  StridedBytes bytes{reinterpret_cast<const std::byte*>(array.data()), array.extents(), {}, sizeof(T)};
  for (std::size_t dimension = 0; dimension < array.extents().size(); ++dimension) {
    bytes.strides[dimension] =
        static_cast<std::int64_t>(static_cast<std::uint64_t>(array.stride(dimension)) * sizeof(T));
  }
  return bytes;
}

}  // namespace detail

}  // namespace locum
