#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include <locum/detail/flattened.hpp>
#include <locum/result.hpp>
#include <locum/type_name.hpp>

namespace locum {

/// The element type of an array, where a program knows it only at run time: file formats, bindings, tools.
/// Numbers are `f64`, `i32`, `u8` …, complex numbers `c64` and `c128`; flat classes include their size,
/// `particle{48}` (see TypeName). A value.
class ElementType {
 public:
  /// Makes an empty value: no type.
  ElementType() = default;
  /// Returns the type of `T`. For an array type use its innermost element type, and append its extents to
  /// those of the object.
  template <Flat T>
  [[nodiscard]] static ElementType of() {
    static_assert(
        detail::Flattened<T>::inner.empty(),
        "locum stores arrays of arrays as arrays of more dimensions: give the type of the innermost "
        "elements, and all extents");
    return {TypeName<T>::value, sizeof(T), alignof(T)};
  }
  /// Returns the type with this canonical name. `invalid_argument` if it is neither a number nor a flat
  /// class.
  [[nodiscard]] static Result<ElementType> named(std::string_view name);

  /// Returns false for no type.
  [[nodiscard]] explicit operator bool() const noexcept { return bytes_ != 0; }
  /// Returns the canonical name; empty for no type.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Returns the size of one element, in bytes.
  [[nodiscard]] std::uint32_t bytes() const noexcept { return bytes_; }
  /// Returns the alignment of the elements in an object, at least 16: that of the C++ type; for a class known
  /// only by name, the largest that its size allows.
  [[nodiscard]] std::uint32_t alignment() const noexcept { return alignment_; }

  /// Returns whether the type was given by its name only, so that it may need less.
  [[nodiscard]] bool alignment_is_guess() const noexcept { return alignment_is_guess_; }

  friend bool operator==(const ElementType& a, const ElementType& b) noexcept { return a.name_ == b.name_; }

 private:
  ElementType(std::string_view name, std::uint64_t bytes, std::uint64_t alignment)
      : name_(name),
        bytes_(static_cast<std::uint32_t>(bytes)),
        alignment_(static_cast<std::uint32_t>(std::max<std::uint64_t>(alignment, 16))) {}

  std::string name_;
  std::uint32_t bytes_ = 0;
  std::uint32_t alignment_ = 16;
  bool alignment_is_guess_ = false;
};

/// \cond library
/// Returns the error of a call without an element type.
[[nodiscard]] Error no_element_type();
/// \endcond

}  // namespace locum
