#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <locum/element_type.hpp>
#include <locum/extents.hpp>
#include <locum/result.hpp>
#include <locum/type_name.hpp>

namespace locum::detail {

/// Description of arrays of `T` for code that is not a template.
struct ArrayType {
  std::string_view name =
      {};  ///< of `T[]`, as the program wrote it: for errors, and in the variables of a step
  TypeIdentity object = {};         ///< of the objects, in which arrays of arrays are flattened
  std::uint32_t element_bytes = 1;  ///< of one `T`
  std::uint32_t flat_bytes = 1;     ///< of one element of the objects
  std::uint32_t alignment = 16;     ///< of the objects
  bool alignment_is_guess = false;  ///< see ObjectMeta
  Extents inner = {};               ///< of one `T`, in elements of the objects
  bool is_value = false;            ///< one element alone, an array without extents: a flat value

  /// Returns the extents, in elements of the objects, of an array with these extents in `T`. REQUIRES:
  /// together at most `max_rank`.
  [[nodiscard]] constexpr Extents flattened(Extents extents) const noexcept {
    for (const std::uint64_t extent : inner.span()) {
      extents.values[extents.rank++] = extent;
    }
    return extents;
  }
};

/// Alignment of an object of `T`, or of its elements.
template <class T>
inline constexpr std::uint32_t alignment_of = alignof(T) > 16 ? alignof(T) : 16;

/// The array type of a `T`.
template <class T>
inline constexpr ArrayType array_type{
    .name = type_identity<T[]>.name,
    .object = type_identity<FlattenedElement<T>[]>,
    .element_bytes = sizeof(T),
    .flat_bytes = sizeof(FlattenedElement<T>),
    .alignment = alignment_of<T>,
    .inner = with_inner<T>({}),
};

/// Returns the bytes of an array of these extents. `invalid_argument` if there are no extents, unless the
/// type is that of one element alone; if there are more than `max_rank` together with those of one element,
/// or a negative one; or if the product overflows.
[[nodiscard]] Result<std::uint64_t> array_bytes(const Extents& extents, const ArrayType& type);

/// The array type of elements whose type is known at run time only, or of one such element alone. Owns the
/// text that it refers to.
class RuntimeArrayType {
 public:
  explicit RuntimeArrayType(const ElementType& element, bool is_value = false)
      : name_(is_value ? element.name() : element.name() + "[]"),
        type_{.name = name_,
              .object = {name_, text_hash(name_)},
              .element_bytes = element ? element.bytes() : 1,
              .flat_bytes = element ? element.bytes() : 1,
              .alignment = element.alignment(),
              .alignment_is_guess = element.alignment_is_guess(),
              .is_value = is_value} {}
  RuntimeArrayType(const RuntimeArrayType&) = delete;
  RuntimeArrayType& operator=(const RuntimeArrayType&) = delete;
  ~RuntimeArrayType() = default;

  operator const ArrayType&() const noexcept { return type_; }
  [[nodiscard]] const ArrayType& type() const noexcept { return type_; }

 private:
  const std::string name_;
  const ArrayType type_;
};

}  // namespace locum::detail
