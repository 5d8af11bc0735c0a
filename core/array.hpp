#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

#include <locum/detail/representation.hpp>
#include <locum/element_type.hpp>
#include <locum/extents.hpp>
#include <locum/raw_array.hpp>
#include <locum/result.hpp>
#include <locum/strided_array.hpp>

namespace locum {

class RawView;

/// An array whose element type and extents are known only at run time, together with the memory that holds
/// its elements: an object of a store, a mapped file, or memory of its own. Cheap to copy: copies share the
/// elements, which never change. Without extents it is one element. One thread at a time may use one value;
/// different threads may use different copies.
class Array {
 public:
  /// Makes an empty value: no array.
  Array() = default;
  Array(const Array&) = default;
  Array(Array&& other) noexcept : Array() { *this = std::move(other); }
  Array& operator=(const Array&) = default;
  /// Leaves no array in the other value.
  Array& operator=(Array&& other) noexcept;
  ~Array() = default;
  /// Describes memory that `owner` keeps alive and unchanged. REQUIRES: `shown.is_valid()`.
  Array(std::shared_ptr<const void> owner, const ConstRawArray& shown)
      : owner_(std::move(owner)), shown_(shown), elements_(count_of(shown.extents())) {}
  /// Copies the elements of a range, as an array of one dimension. Throws std::bad_alloc.
  template <detail::FlatRange T>
  explicit Array(const T& range) : Array(copied(shown(range))) {}
  /// Copies the elements of an array of any extents and strides. Throws std::bad_alloc; Error
  /// (`invalid_argument`) if its extents are invalid.
  template <class T>
    requires Flat<std::remove_const_t<T>>
  explicit Array(const StridedArray<T>& array) : Array(copied(ConstRawArray(array))) {}

  /// Returns a row-major copy of an array. `invalid_argument` if it is not valid or its size overflows;
  /// `out_of_memory`.
  [[nodiscard]] static Result<Array> copy_of(const ConstRawArray& array);
  /// Returns the elements of an object, in place: keeps the object pinned. `type_mismatch` unless it is an
  /// array, a flat value or raw bytes (which become an array of `u8`).
  [[nodiscard]] static Result<Array> of(const RawView& object);

  /// Returns false for no array.
  [[nodiscard]] explicit operator bool() const noexcept { return shown_.is_valid(); }
  [[nodiscard]] const ElementType& element() const noexcept { return shown_.element(); }
  /// Returns the extents, slowest dimension first; none for one element.
  [[nodiscard]] const Extents& extents() const noexcept { return shown_.extents(); }
  /// Returns a stride in bytes. REQUIRES: dimension < extents().size().
  [[nodiscard]] std::int64_t stride(std::size_t dimension) const noexcept { return shown_.stride(dimension); }
  /// Returns the number of elements.
  [[nodiscard]] std::uint64_t size() const noexcept { return elements_; }
  [[nodiscard]] std::uint64_t size_bytes() const noexcept { return elements_ * element().bytes(); }
  /// Returns the address of the element with the indices 0.
  [[nodiscard]] const std::byte* data() const noexcept { return shown_.data(); }
  /// Returns whether the elements are row-major without gaps.
  [[nodiscard]] bool is_contiguous() const noexcept;
  /// Returns the elements as bytes. REQUIRES: is_contiguous().
  [[nodiscard]] std::span<const std::byte> bytes() const& noexcept {
    return {data(), static_cast<std::size_t>(size_bytes())};
  }
  /// The bytes of a temporary may end with it: keep the array.
  [[nodiscard]] std::span<const std::byte> bytes() && = delete;
  /// Returns this array if it is contiguous, else a contiguous copy. `out_of_memory`.
  [[nodiscard]] Result<Array> packed() const;

  /// Returns the elements by their type; valid as long as this array or a copy of it. `type_mismatch` if the
  /// elements have another type; `invalid_argument` if they have no extents (use value()), or are not aligned
  /// for `T` (use packed()).
  template <Flat T>
  [[nodiscard]] Result<StridedArray<const T>> as() const& {
    if (auto fits = readable_as(ElementType::of<T>(), alignof(T)); !fits) {
      return fits.error();
    }
    return typed<T>();
  }
  template <Flat T>
  [[nodiscard]] Result<StridedArray<const T>> as() && = delete;
  /// Returns the element of an array of exactly one element. `type_mismatch`; `invalid_argument` if there are
  /// more, or none.
  template <Flat T>
  [[nodiscard]] Result<T> value() const {
    if (auto fits = is_one(ElementType::of<T>()); !fits) {
      return fits.error();
    }
    T one;
    std::memcpy(static_cast<void*>(&one), data(), sizeof one);
    return one;
  }

  /// Describes the elements, for calls of RawStore; does not keep them.
  [[nodiscard]] ConstRawArray raw() const& noexcept { return shown_; }
  /// Returns what keeps the elements.
  [[nodiscard]] const std::shared_ptr<const void>& owner() const noexcept { return owner_; }

  /// Compares types, extents and elements, byte by byte: a NaN equals itself, 0.0 and -0.0 differ.
  friend bool operator==(const Array& a, const Array& b) noexcept;

  /// \cond library
  /// Returns the elements of a range, where they are, as an array of one dimension.
  template <detail::FlatRange T>
  [[nodiscard]] static ConstRawArray shown(const T& range) {
    return flat_of(detail::elements_of(range));
  }
  /// \endcond

 private:
  template <class T>
  [[nodiscard]] static ConstRawArray flat_of(std::span<const T> elements) {
    return {elements.data(), ElementType::of<detail::FlattenedElement<T>>(),
            detail::array_type<T>.flattened(Extents(elements.size()))};
  }
  [[nodiscard]] static Array copied(const ConstRawArray& array);
  [[nodiscard]] static std::uint64_t count_of(const Extents& extents) noexcept;
  [[nodiscard]] Result<void> readable_as(const ElementType& type, std::size_t alignment) const;
  [[nodiscard]] Result<void> is_one(const ElementType& type) const;
  template <class T>
  [[nodiscard]] StridedArray<const T> typed() const noexcept {
    Extents strides = extents();
    for (std::size_t at = 0; at < strides.size(); ++at) {
      strides.values[at] = static_cast<std::uint64_t>(stride(at) / static_cast<std::int64_t>(sizeof(T)));
    }
    return {reinterpret_cast<const T*>(data()), extents(), strides};
  }

  std::shared_ptr<const void> owner_;
  ConstRawArray shown_{nullptr, {}, {}};
  std::uint64_t elements_ = 0;
};

/// Row-major memory for an array that is being made.
class ArrayDraft {
 public:
  /// Allocates memory, aligned to 64, whose bytes are not set. `invalid_argument` for invalid extents or no
  /// type; `out_of_memory`.
  [[nodiscard]] static Result<ArrayDraft> make(const ElementType& element, const Extents& extents);
  /// Uses memory that `owner` keeps. REQUIRES: it has exactly the bytes of these elements.
  ArrayDraft(std::shared_ptr<void> owner, std::span<std::byte> bytes, ElementType element,
             const Extents& extents)
      : owner_(std::move(owner)), bytes_(bytes), element_(std::move(element)), extents_(extents) {}

  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return bytes_; }
  [[nodiscard]] const ElementType& element() const noexcept { return element_; }
  [[nodiscard]] const Extents& extents() const noexcept { return extents_; }
  /// Returns the array. Call it once, when all bytes are set: they may not change afterwards.
  [[nodiscard]] Array finish() &&;

 private:
  std::shared_ptr<void> owner_;
  std::span<std::byte> bytes_;
  ElementType element_;
  Extents extents_;
};

}  // namespace locum
