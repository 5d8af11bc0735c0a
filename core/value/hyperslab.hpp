#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>

#include <locum/extents.hpp>
#include <locum/result.hpp>

namespace locum {

/// A number of elements, constructible from any integer type.
struct ElementCount {
  std::uint64_t value;

  template <std::integral I>
  constexpr ElementCount(I number) noexcept : value(static_cast<std::uint64_t>(number)) {}
};

/// Consecutive elements of an array, row-major: `get<double[]>(key, {.part = {.offset = 100, .count = 10}})`.
struct Part {
  static constexpr std::uint64_t none = ~std::uint64_t{0};

  ElementCount offset = 0;
  ElementCount count = none;  ///< may be 0, also at the end

  /// Returns whether a part is given; if not, the whole array is meant.
  [[nodiscard]] constexpr bool is_given() const noexcept { return offset.value != 0 || count.value != none; }
};

/// \cond library
/// Some bytes of an object's payload.
struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

/// Returns the bytes of these elements. `invalid_argument` for more than any object can hold.
[[nodiscard]] Result<ByteRange> range_of(const Part& part, std::uint64_t element_bytes);
/// Returns `invalid_argument` unless the range, which may be empty, lies within `size_bytes`.
[[nodiscard]] Result<void> check_range(const ByteRange& range, std::uint64_t size_bytes);
/// \endcond

/// A position in an array: one index per dimension, slowest first. Written in braces even for one index, so
/// that it is not confused with a number of elements.
class Coordinates {
 public:
  /// Makes an empty position.
  constexpr Coordinates() noexcept = default;
  template <std::integral I>
  constexpr Coordinates(std::initializer_list<I> indices) noexcept {
    for (const I index : indices) {
      if (indices_.rank < max_rank) {
        indices_.values[indices_.rank] = static_cast<std::uint64_t>(index);
      }
      ++indices_.rank;
    }
  }
  /// Overload for indices of several types.
  template <std::integral... I>
    requires(sizeof...(I) >= 2 && sizeof...(I) <= max_rank)
  constexpr Coordinates(I... indices) noexcept : indices_(indices...) {}
  constexpr Coordinates(const Extents& indices) noexcept : indices_(indices) {}

  /// Returns the number of indices; more than `max_rank` are valid for no object.
  [[nodiscard]] constexpr std::size_t size() const noexcept { return indices_.size(); }
  /// REQUIRES: dimension < size() and < max_rank.
  [[nodiscard]] constexpr std::uint64_t operator[](std::size_t dimension) const noexcept {
    return indices_[dimension];
  }

 private:
  Extents indices_;
};

/// A box of an array, or every n-th element of one: in each dimension, slowest first, `count` elements from
/// `start` on, `stride` apart. An HDF5 hyperslab with blocks of one element: `get<double[]>(key, {.slab =
/// {.start = {0, 8}, .count = {4, 2}}})`
struct Hyperslab {
  Coordinates start = {};
  Extents count = {};   ///< extents of the selection; may be 0, also behind the last element
  Extents stride = {};  ///< at least 1 in each dimension; of rank 0: 1 in all of them

  /// Returns whether a hyperslab is given; if not, the whole array is meant.
  [[nodiscard]] constexpr bool is_given() const noexcept {
    return start.size() != 0 || count.size() != 0 || stride.size() != 0;
  }
};

/// \cond library
/// Returns whether a dimension of this extent has `count` elements from `start` on, `stride` apart; it has 0
/// elements from each `start` up to `extent`. REQUIRES: stride > 0.
[[nodiscard]] constexpr bool has_elements(std::uint64_t start, std::uint64_t count, std::uint64_t stride,
                                          std::uint64_t extent) noexcept {
  return count == 0 ? start <= extent : start < extent && count - 1 <= (extent - 1 - start) / stride;
}
/// Returns the stride in a dimension. REQUIRES: dimension < slab.count.size().
[[nodiscard]] constexpr std::uint64_t stride_of(const Hyperslab& slab, std::size_t dimension) noexcept {
  return slab.stride.size() == 0 ? 1 : slab.stride[dimension];
}
/// Returns the bytes of a packed hyperslab; may be 0. `invalid_argument` unless `start` and `count`, and
/// `stride` if given, have the same 1 to `max_rank` dimensions, no stride is 0, and an object can have as
/// many elements.
[[nodiscard]] Result<std::uint64_t> packed_bytes(const Hyperslab& slab, std::uint64_t element_bytes);
/// Returns the hyperslab in flattened elements, of an array whose elements are arrays with the extents
/// `inner`. `invalid_argument` if that makes too many dimensions.
[[nodiscard]] Result<Hyperslab> with_inner(const Hyperslab& slab, std::span<const std::uint64_t> inner);
/// \endcond

}  // namespace locum
