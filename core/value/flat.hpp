#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace locum {

template <class T>
class StridedArray;

/// Gives the serialiser access to a private `serialize`: write `friend struct locum::Access;` in the class.
struct Access {
  template <class Archive, class T>
  static constexpr bool has_member = requires(Archive& archive, T& value) { value.serialize(archive); };

  template <class Archive, class T>
  static void call(Archive& archive, T& value) {
    value.serialize(archive);
  }
};

namespace detail {

/// A placeholder for any archive, to test whether a type has `serialize`.
struct AnyArchive {
  using is_loading = std::false_type;
  using is_saving = std::true_type;
  template <class... T>
  void operator()(T&&...) {}
};

template <class Archive, class T>
concept FreelySerialized = requires(Archive& archive, T& value) { serialize(archive, value); };

template <class T>
inline constexpr bool is_user_serialized =
    Access::has_member<AnyArchive, T> || FreelySerialized<AnyArchive, T>;

template <class T, template <class...> class Template>
inline constexpr bool is_instance = false;
template <template <class...> class Template, class... Args>
inline constexpr bool is_instance<Template<Args...>, Template> = true;

template <class T>
inline constexpr bool is_span = false;
template <class E, std::size_t N>
inline constexpr bool is_span<std::span<E, N>> = true;

template <class T>
inline constexpr bool is_smart_pointer =
    is_instance<T, std::unique_ptr> || is_instance<T, std::shared_ptr> || is_instance<T, std::weak_ptr>;

template <class T>
inline constexpr bool is_pointer_like =
    std::is_pointer_v<T> || std::is_member_pointer_v<T> || std::is_null_pointer_v<T> || is_smart_pointer<T> ||
    is_instance<T, std::reference_wrapper>;

/// Types whose bytes are not a value by themselves, or whose layout is private to the standard library.
template <class T>
inline constexpr bool is_never_flat =
    is_pointer_like<T> || is_span<T> || is_instance<T, std::basic_string_view> ||
    is_instance<T, std::optional> || is_instance<T, std::variant> || is_instance<T, std::pair> ||
    is_instance<T, std::tuple> || is_instance<T, StridedArray> || is_user_serialized<T>;

/// Largest alignment of a type: connectors align each object as its type requires, up to a page.
inline constexpr std::size_t largest_alignment = 4096;

template <class T>
constexpr bool has_flat_bytes() {
  if constexpr (std::is_object_v<T> && std::is_trivially_copyable_v<T>) {
    return !is_never_flat<T> && alignof(T) <= largest_alignment;
  } else {
    return false;
  }
}

template <class T>
inline constexpr bool is_flat = has_flat_bytes<T>();
template <class T, std::size_t N>
inline constexpr bool is_flat<std::array<T, N>> = is_flat<T> && N > 0;
template <class T, std::size_t N>
inline constexpr bool is_flat<T[N]> = is_flat<T>;
template <class T>
inline constexpr bool is_flat<T[]> = false;

}  // namespace detail

/// A type whose bytes are its value in every process: trivially copyable, no pointer or view, no `serialize`.
/// Such values are stored in their memory layout and read in place. A structure with a pointer, a reference
/// or a view among its members needs a `serialize`: storing it without one is rejected at compile time where
/// the compiler can detect it, in the first 16 members of a structure without constructors, and in the
/// structures among these. If other processes do not use such members, the structure and those that contain
/// it declare `static constexpr bool locum_is_flat = true;`. Alignments are kept, up to 4096 bytes.
template <class T>
concept Flat = !std::is_const_v<T> && !std::is_volatile_v<T> && detail::is_flat<T>;

}  // namespace locum
