#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>

#include <locum/object/object.hpp>

namespace locum {

/// An array in somebody else's memory, as a pointer, extents and strides: what `View<T[]>::array()` returns,
/// and `locum::array()` makes of a program's own, which may have ghost cells around. A cheap value; refers to
/// the memory, and keeps nothing alive.
template <class T>
class StridedArray {
 public:
  using element_type = T;

  /// Row-major, without gaps. REQUIRES: 1 to `max_rank` extents.
  StridedArray(T* data, const Extents& extents) noexcept : data_(data), extents_(extents) {
    std::int64_t stride = 1;
    for (std::size_t at = extents.size(); at-- > 0;) {
      strides_[at] = stride;
      stride *= static_cast<std::int64_t>(extents[at]);
    }
  }
  /// The same with gaps: `strides` is the way from an element to its neighbour in each dimension, in
  /// elements. REQUIRES: as many as there are extents.
  StridedArray(T* data, const Extents& extents, const Extents& strides) noexcept
      : data_(data), extents_(extents) {
    for (std::size_t at = 0; at < extents.size(); ++at) {
      strides_[at] = static_cast<std::int64_t>(strides[at]);
    }
  }

  /// The element at these indices, slowest dimension first. REQUIRES: one index for each dimension, each less
  /// than its extent.
  template <std::integral... I>
    requires(sizeof...(I) >= 1 && sizeof...(I) <= max_rank)
  [[nodiscard]] T& operator()(I... indices) const noexcept {
    std::size_t dimension = 0;
    std::int64_t at = 0;
    ((at += strides_[dimension++] * static_cast<std::int64_t>(indices)), ...);
    return data_[at];
  }

  [[nodiscard]] T* data() const noexcept { return data_; }
  /// Slowest dimension first.
  [[nodiscard]] const Extents& extents() const noexcept { return extents_; }
  /// In elements. REQUIRES: dimension < extents().size().
  [[nodiscard]] std::int64_t stride(std::size_t dimension) const noexcept { return strides_[dimension]; }

 private:
  T* data_;
  Extents extents_;
  std::array<std::int64_t, max_rank> strides_{};
};

}  // namespace locum
