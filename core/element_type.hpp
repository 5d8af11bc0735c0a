#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <locum/extents.hpp>
#include <locum/result.hpp>
#include <locum/type_name.hpp>

namespace locum {

namespace detail {

/// How an array of `E` is stored: an array of arrays becomes one of more dimensions; `double[4][5]` and
/// `std::vector<std::array<double, 3>>` become arrays of `double`. Dimensions beyond `max_rank` stay in the
/// element.
template <class E, std::size_t Left = max_rank - 1>
struct Flattened {
  using Element = E;
  static constexpr std::array<std::uint64_t, 0> inner{};  ///< extents of one `E`
};
template <class E, std::size_t N, std::size_t Left>
  requires(Left > 0 && N > 0)
struct Flattened<E[N], Left> {
 private:
  using Rest = Flattened<E, Left - 1>;

 public:
  using Element = typename Rest::Element;
  static constexpr auto inner = [] {
    std::array<std::uint64_t, Rest::inner.size() + 1> extents{N};
    for (std::size_t at = 0; at < Rest::inner.size(); ++at) {
      extents[at + 1] = Rest::inner[at];
    }
    return extents;
  }();
};
template <class E, std::size_t N, std::size_t Left>
  requires(Left > 0 && N > 0)
struct Flattened<std::array<E, N>, Left> : Flattened<E[N], Left> {};

template <class E>
using FlattenedElement = typename Flattened<E>::Element;

/// Returns the extents, in flattened elements, of an array with these extents in `E`. REQUIRES: together at
/// most `max_rank`.
template <class E>
[[nodiscard]] constexpr Extents with_inner(Extents extents) noexcept {
  for (const std::uint64_t extent : Flattened<E>::inner) {
    extents.values[extents.rank++] = extent;
  }
  return extents;
}
/// Inverts with_inner(); returns no extents if these are at most those of one `E`.
template <class E>
[[nodiscard]] constexpr Extents without_inner(Extents extents) noexcept {
  constexpr std::size_t inner = Flattened<E>::inner.size();
  extents.rank = static_cast<std::uint8_t>(extents.rank > inner ? extents.rank - inner : 0);
  return extents;
}

}  // namespace detail

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
        alignment_(static_cast<std::uint32_t>(alignment > 16 ? alignment : 16)) {}

  std::string name_;
  std::uint32_t bytes_ = 0;
  std::uint32_t alignment_ = 16;
  bool alignment_is_guess_ = false;
};

/// \cond library
/// Returns the error of a call without an element type.
[[nodiscard]] Error no_element_type();
/// \endcond

namespace detail {

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

}  // namespace detail

}  // namespace locum
