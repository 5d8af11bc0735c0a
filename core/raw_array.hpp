#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include <locum/element_type.hpp>
#include <locum/extents.hpp>
#include <locum/strided_array.hpp>

namespace locum {

/// An array whose element type is known only at run time, in memory that this value does not own: the form of
/// a StridedArray, which converts to it implicitly, for other languages and file formats. Without extents it
/// is one element, which is stored as a flat value: `put(2.5)` is such an array of `f64`. Strides count
/// bytes; they may be negative, and zero where one element stands for many. Cheap to copy; does not keep the
/// memory alive.
///
/// \tparam Byte std::byte of memory that may be written, const std::byte of memory that is only read
template <class Byte>
class BasicRawArray {
  static_assert(std::is_same_v<std::remove_const_t<Byte>, std::byte>);
  using Pointer = std::conditional_t<std::is_const_v<Byte>, const void*, void*>;

 public:
  /// Describes a row-major array without gaps.
  BasicRawArray(Pointer first, ElementType element, const Extents& extents) noexcept
      : BasicRawArray(std::move(element),
                      detail::row_major(static_cast<const std::byte*>(first), extents, element.bytes()),
                      extents.size() <= max_rank) {}
  /// Describes a row-major array that these bytes are; calls of the store reject it if their number is not
  /// that of its extents.
  BasicRawArray(std::span<Byte> bytes, ElementType element, const Extents& extents) noexcept
      : BasicRawArray(bytes.data(), std::move(element), extents) {
    const std::uint64_t element_bytes = element_.bytes();
    is_complete_ = is_complete_ && element_bytes != 0 &&
                   (extents.size() == 0
                        ? bytes.size() == element_bytes
                        : bytes.size() % element_bytes == 0 && extents.has(bytes.size() / element_bytes));
  }
  /// Describes an array by the distances, in bytes, from an element to its neighbour in each dimension. If
  /// their number differs from that of the extents, all calls of the store reject the array.
  BasicRawArray(Pointer first, ElementType element, const Extents& extents,
                std::span<const std::int64_t> strides) noexcept
      : BasicRawArray(std::move(element), strided(first, extents, strides, element.bytes()),
                      strides.size() == extents.size() && extents.size() <= max_rank) {}
  template <class T>
    requires std::is_const_v<Byte> || (!std::is_const_v<T>)
  BasicRawArray(const StridedArray<T>& array)
      : BasicRawArray(ElementType::of<std::remove_const_t<T>>(), detail::bytes_of(array),
                      array.extents().size() > 0) {}
  template <class Other>
    requires std::is_const_v<Byte> && (!std::is_const_v<Other>)
  BasicRawArray(const BasicRawArray<Other>& other)
      : BasicRawArray(other.element(), other.memory(), other.is_complete()) {}

  /// Returns whether the array has a type, at most `max_rank` extents, and as many strides and bytes as these
  /// ask for; calls of the store reject other ones.
  [[nodiscard]] bool is_valid() const noexcept { return static_cast<bool>(element_) && is_complete_; }
  [[nodiscard]] const ElementType& element() const noexcept { return element_; }
  /// Returns the extents, slowest dimension first.
  [[nodiscard]] const Extents& extents() const noexcept { return memory_.extents; }
  /// Returns the address of the element with the indices 0.
  [[nodiscard]] Byte* data() const noexcept { return const_cast<Byte*>(memory_.first); }
  /// Returns a stride in bytes. REQUIRES: dimension < extents().size().
  [[nodiscard]] std::int64_t stride(std::size_t dimension) const noexcept {
    return memory_.strides[dimension];
  }

  /// \cond library
  [[nodiscard]] const detail::StridedBytes& memory() const noexcept { return memory_; }
  [[nodiscard]] bool is_complete() const noexcept { return is_complete_; }
  /// \endcond

 private:
  BasicRawArray(ElementType element, const detail::StridedBytes& memory, bool is_complete) noexcept
      : element_(std::move(element)), memory_(memory), is_complete_(is_complete) {}
  [[nodiscard]] static detail::StridedBytes strided(Pointer first, const Extents& extents,
                                                    std::span<const std::int64_t> strides,
                                                    std::uint32_t element_bytes) noexcept {
    detail::StridedBytes memory{static_cast<const std::byte*>(first), {}, {}, element_bytes};
    if (strides.size() == extents.size() && extents.size() <= max_rank) {
      memory.extents = extents;
      for (std::size_t at = 0; at < strides.size(); ++at) {
        memory.strides[at] = strides[at];
      }
    }
    return memory;
  }

  ElementType element_;
  detail::StridedBytes memory_;
  bool is_complete_;  ///< whether there are at most `max_rank` extents, and strides and bytes for them
};

using RawArray = BasicRawArray<std::byte>;
using ConstRawArray = BasicRawArray<const std::byte>;

/// \cond library
/// Returns the error of a call with an array that is not valid.
[[nodiscard]] Error invalid(const ConstRawArray& array);
/// \endcond

}  // namespace locum
