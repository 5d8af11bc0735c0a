#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include <locum/object/flattened.hpp>
#include <locum/object/type_identity.hpp>
#include <locum/result.hpp>

namespace locum {

/// The type of an array's elements where a program knows it only at run time: file formats, bindings, tools.
/// Numbers are `f64`, `i32`, `u8` …; flat classes carry their size, `particle{48}` (see TypeName). A value.
class ElementType {
 public:
  /// None.
  ElementType() = default;
  /// That of a C++ type. Of an array type take its elements, and give the array's extents as the last ones.
  template <Flat T>
  [[nodiscard]] static ElementType of() {
    static_assert(
        detail::Flattened<T>::inner.empty(),
        "locum stores arrays of arrays as arrays of more dimensions: give the type of the innermost "
        "elements, and all extents");
    return {TypeName<T>::value, sizeof(T), alignof(T)};
  }
  /// By its canonical name. `invalid_argument` for what is no name of a number or of a flat class.
  [[nodiscard]] static Result<ElementType> named(std::string_view name);

  /// Whether there is one.
  [[nodiscard]] explicit operator bool() const noexcept { return bytes_ != 0; }
  /// Canonical; empty if there is none.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Of one element.
  [[nodiscard]] std::uint32_t bytes() const noexcept { return bytes_; }
  /// That the elements of an array are given: what the type needs, or, of a class that is known by name only,
  /// the most that one of its size may need.
  [[nodiscard]] std::uint32_t alignment() const noexcept { return alignment_; }

  friend bool operator==(const ElementType& a, const ElementType& b) noexcept { return a.name_ == b.name_; }

 private:
  ElementType(std::string_view name, std::uint64_t bytes, std::uint64_t alignment)
      : name_(name),
        bytes_(static_cast<std::uint32_t>(bytes)),
        alignment_(static_cast<std::uint32_t>(std::max<std::uint64_t>(alignment, 16))) {}

  std::string name_;
  std::uint32_t bytes_ = 0;
  std::uint32_t alignment_ = 16;
};

}  // namespace locum
