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

namespace detail {

// Finds pointers among the members of a structure while compiling, as far as the language lets a program see
// them.

template <class T>
constexpr bool holds_pointer();

/// A class that declares its bytes a value by themselves:
/// `static constexpr bool locum_is_flat = true;`
template <class T>
concept SaysItIsFlat = requires { requires static_cast<bool>(T::locum_is_flat); };

/// Whether values of a type mean nothing in another process.
template <class T>
inline constexpr bool is_of_this_process =
    is_pointer_like<T> || is_span<T> || is_instance<T, std::basic_string_view> ||
    is_instance<T, StridedArray> || holds_pointer<T>();
template <class T, std::size_t N>
inline constexpr bool is_of_this_process<T[N]> = is_of_this_process<T>;
template <class T, std::size_t N>
inline constexpr bool is_of_this_process<std::array<T, N>> = is_of_this_process<T>;
template <class T>
inline constexpr bool is_of_this_process<std::optional<T>> = is_of_this_process<T>;
template <class... T>
inline constexpr bool is_of_this_process<std::variant<T...>> = (is_of_this_process<T> || ...);
template <class... T>
inline constexpr bool is_of_this_process<std::tuple<T...>> = (is_of_this_process<T> || ...);
template <class First, class Second>
inline constexpr bool is_of_this_process<std::pair<First, Second>> =
    is_of_this_process<First> || is_of_this_process<Second>;

/// Initialises members of such types, and no others. An optional and a variant are made from their values: to
/// convert to them as well would be ambiguous.
struct PointerProbe {
  template <class U>
    requires(!std::is_same_v<U, PointerProbe> && !is_instance<U, std::optional> &&
             !is_instance<U, std::variant> && is_of_this_process<U>)
  operator U() const;
};
/// Initialises members of any type.
struct ReferenceProbe {
  template <class U>
  operator U&() const;
};
/// Initialises members of any type but references.
struct ValueProbe {
  template <class U>
  operator U() const;
  template <class U>
    requires std::is_const_v<U>
  operator U&() const = delete;
};
/// Initialises only members that any value initialises.
struct AnythingProbe {};

/// A member of an aggregate: those before it are initialised by empty braces, which suit an array as they do
/// a number. An array takes a probe as its first element.
template <class T, std::size_t Before>
struct MemberAt {
  static constexpr bool exists = false;
  template <class Probe>
  static constexpr bool takes = false;
};
#define LOCUM_MEMBER_AT(before, ...)                                                      \
  template <class T>                                                                      \
  struct MemberAt<T, before> {                                                            \
    static constexpr bool exists = requires { T{__VA_ARGS__{}}; };                        \
    template <class Probe>                                                                \
    static constexpr bool takes = requires(const Probe& probe) { T{__VA_ARGS__ probe}; }; \
  };
#define LOCUM_FOUR_MEMBERS {}, {}, {}, {},
LOCUM_MEMBER_AT(0, )
LOCUM_MEMBER_AT(1, {}, )
LOCUM_MEMBER_AT(2, {}, {}, )
LOCUM_MEMBER_AT(3, {}, {}, {}, )
LOCUM_MEMBER_AT(4, LOCUM_FOUR_MEMBERS)
LOCUM_MEMBER_AT(5, LOCUM_FOUR_MEMBERS{}, )
LOCUM_MEMBER_AT(6, LOCUM_FOUR_MEMBERS{}, {}, )
LOCUM_MEMBER_AT(7, LOCUM_FOUR_MEMBERS{}, {}, {}, )
LOCUM_MEMBER_AT(8, LOCUM_FOUR_MEMBERS LOCUM_FOUR_MEMBERS)
LOCUM_MEMBER_AT(9, LOCUM_FOUR_MEMBERS LOCUM_FOUR_MEMBERS{}, )
LOCUM_MEMBER_AT(10, LOCUM_FOUR_MEMBERS LOCUM_FOUR_MEMBERS{}, {}, )
LOCUM_MEMBER_AT(11, LOCUM_FOUR_MEMBERS LOCUM_FOUR_MEMBERS{}, {}, {}, )
LOCUM_MEMBER_AT(12, LOCUM_FOUR_MEMBERS LOCUM_FOUR_MEMBERS LOCUM_FOUR_MEMBERS)
LOCUM_MEMBER_AT(13, LOCUM_FOUR_MEMBERS LOCUM_FOUR_MEMBERS LOCUM_FOUR_MEMBERS{}, )
LOCUM_MEMBER_AT(14, LOCUM_FOUR_MEMBERS LOCUM_FOUR_MEMBERS LOCUM_FOUR_MEMBERS{}, {}, )
LOCUM_MEMBER_AT(15, LOCUM_FOUR_MEMBERS LOCUM_FOUR_MEMBERS LOCUM_FOUR_MEMBERS{}, {}, {}, )
#undef LOCUM_FOUR_MEMBERS
#undef LOCUM_MEMBER_AT

template <class T, std::size_t At = 0>
constexpr bool holds_pointer_from() {
  using Member = MemberAt<T, At>;
  if constexpr (Member::template takes<PointerProbe> && !Member::template takes<AnythingProbe>) {
    return true;
  } else if constexpr (Member::exists) {
    return holds_pointer_from<T, At + 1>();
  } else {
    return false;
  }
}

template <class T, class Probe, std::size_t... Members>
constexpr bool consists_of(std::index_sequence<Members...> /*members*/) {
  return requires(const Probe& probe) { T{(static_cast<void>(Members), probe)...}; };
}

/// Returns whether a member is a reference. REQUIRES: `T` cannot be made without initialising all of its
/// members.
template <class T, std::size_t... Members>
constexpr bool holds_reference(std::index_sequence<Members...> /*members*/) {
  return ((consists_of<T, ReferenceProbe>(std::make_index_sequence<Members + 1>()) &&
           !consists_of<T, ValueProbe>(std::make_index_sequence<Members + 1>())) ||
          ...);
}

/// Returns whether one of the first 16 members of an aggregate is a pointer, a reference or a view, or
/// contains one. Not seen are members behind one that no empty braces initialise, and those of a class with
/// constructors.
template <class T>
constexpr bool holds_pointer() {
  if constexpr (std::is_aggregate_v<T> && !std::is_array_v<T> && !SaysItIsFlat<T>) {
    if constexpr (!std::is_copy_assignable_v<T> && !requires { T{}; }) {
      return holds_pointer_from<T>() || holds_reference<T>(std::make_index_sequence<16>());
    } else {
      return holds_pointer_from<T>();
    }
  } else {
    return false;
  }
}

/// Explains, while compiling, why a flat type cannot be stored.
template <class T>
constexpr void check_flat() {
  static_assert(
      !is_of_this_process<T>,
      "locum cannot store this structure: one of its members is a pointer, a reference or a view, which "
      "means nothing in another process; give it a std::vector, std::string or locum::Proxy instead, and a "
      "serialize(Archive&); if other processes leave that member alone, say so: static constexpr bool "
      "locum_is_flat = true;");
}

}  // namespace detail

}  // namespace locum
