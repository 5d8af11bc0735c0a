#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>

#include <locum/element_type.hpp>
#include <locum/encoded_value.hpp>
#include <locum/extents.hpp>
#include <locum/raw_array.hpp>
#include <locum/strided_array.hpp>

namespace locum {

/// A value to be stored, whose type is known only at run time: an array, one element, or an EncodedValue.
/// Refers to memory of the caller.
class RawValue {
 public:
  RawValue(const ConstRawArray& array) : is_(array) {}
  RawValue(const RawArray& array) : is_(ConstRawArray(array)) {}
  template <class T>
  RawValue(const StridedArray<T>& array) : is_(ConstRawArray(array)) {}
  RawValue(const EncodedValue& value) : is_(value) {}
  /// Describes an array as ConstRawArray does: `put("T", {first, element, {ny, nx}})`.
  RawValue(const void* first, ElementType element, const Extents& extents)
      : is_(ConstRawArray(first, std::move(element), extents)) {}
  RawValue(std::span<const std::byte> bytes, ElementType element, const Extents& extents)
      : is_(ConstRawArray(bytes, std::move(element), extents)) {}
  RawValue(const void* first, ElementType element, const Extents& extents,
           std::span<const std::int64_t> strides)
      : is_(ConstRawArray(first, std::move(element), extents, strides)) {}

  /// \cond library
  [[nodiscard]] const std::variant<ConstRawArray, EncodedValue>& is() const noexcept { return is_; }
  /// \endcond

 private:
  std::variant<ConstRawArray, EncodedValue> is_;
};

}  // namespace locum
