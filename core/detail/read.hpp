#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include <locum/deadline.hpp>
#include <locum/detail/open_store.hpp>
#include <locum/detail/representation.hpp>
#include <locum/view.hpp>

namespace locum {
class RawView;
}

namespace locum::detail {

/// A variable whose address identifies a type.
template <class T>
inline constexpr char type_tag = 0;

/// Explains, while compiling, why a type cannot be read.
template <class T>
constexpr void check_readable() {
  static_assert(!std::is_const_v<T> && !std::is_reference_v<T>,
                "locum reads a View<T> of a plain T; it is read-only already");
  static_assert(!is_span<T> && !is_instance<T, std::basic_string_view>,
                "locum reads elements in place as T[]: get<double[]>, get<char[]>");
}

/// Checks that the object is of this type, or is read as if it were: `type_mismatch`.
[[nodiscard]] inline Result<void> check_type(const SessionState& session, const ObjectView& object,
                                             const TypeIdentity& identity) {
  if (object.type_hash() != identity.hash &&
      !(identity.or_bytes && object.type_hash() == type_identity<std::byte[]>.hash)) {
    return type_mismatch(session, identity.name, object);
  }
  return {};
}

/// Checks that the elements of an array object are arrays with these extents: `type_mismatch`.
/// \param asked the type's name, for the error
[[nodiscard]] Result<void> check_inner(const SessionState& session, const ObjectView& object,
                                       std::span<const std::uint64_t> inner, std::string_view asked);

/// Options of reading a value that has to be decoded.
struct DecodedHow {
  bool kept = true;        ///< kept for the next reader
  Deadline deadline = {};  ///< of a wait for another thread that decodes it
};

using DecodeBytes = std::function<Result<std::shared_ptr<const void>>()>;

/// Returns the decoded value of an object; calls `decode` if this process has none or keeps none. `tag`
/// identifies the type and the encoding. Counts the path.
[[nodiscard]] Result<std::shared_ptr<const void>> decoded_value(SessionState& session,
                                                                const ObjectView& object, const void* tag,
                                                                const DecodedHow& how,
                                                                const DecodeBytes& decode);

/// Whether values of that type are decoded, unless a codec was given.
template <class T>
inline constexpr bool is_decoded = !std::is_unbounded_array_v<T> && !FlatRange<T> && !Flat<T>;

/// Whether a value of that type refers to the bytes of its object, and so is made anew by each read.
template <class T>
concept ReadInPlace = requires(std::shared_ptr<const void> owner, std::span<const std::byte> bytes,
                               std::weak_ptr<SessionState> session) {
  { Serializer<T>::in_place(owner, bytes, session) } -> std::same_as<Result<T>>;
};

/// Makes a typed view of a pinned object.
template <class T>
using Reader = Result<View<T>> (*)(SessionState& session, ObjectView&& object, const DecodedHow& how);

/// Makes a typed view of a pinned object without a codec: in place, copied or decoded, depending on T. Checks
/// type and size, and counts the path.
template <class T>
[[nodiscard]] Result<View<T>> read_view(SessionState& session, ObjectView&& object, const DecodedHow& how) {
  check_readable<T>();
  constexpr const TypeIdentity& identity = object_identity<T>;
  constexpr std::string_view asked = type_identity<Stored<T>>.name;
  if (object.type_hash() != identity.hash) [[unlikely]] {
    return type_mismatch(session, asked, object);
  }
  const std::span<const std::byte> bytes = object.bytes();
  if constexpr (std::is_unbounded_array_v<T> || FlatRange<T>) {
    using Element = std::remove_cvref_t<decltype(std::declval<Stored<T>>()[0])>;
    if (bytes.size() % sizeof(Element) != 0) [[unlikely]] {
      return wrong_size(session, identity.name, object);
    }
    if constexpr (!Flattened<Element>::inner.empty()) {
      if (auto right = check_inner(session, object, Flattened<Element>::inner, asked); !right) {
        return right.error();
      }
    }
    if constexpr (std::is_unbounded_array_v<T>) {
      count_read(session, object.path(), bytes.size());
      return Result<View<T>>(std::in_place, std::move(object));
    } else {
      auto copied = load_value<T>(bytes, {});
      if (!copied) {
        return explain(session, object.key(), copied.error());
      }
      count_read(session, path_of_copy(object.path()), bytes.size());
      return View<T>(object.key(), std::move(*copied));
    }
  } else if constexpr (Flat<T>) {
    if (bytes.size() != sizeof(T)) [[unlikely]] {
      return wrong_size(session, identity.name, object);
    }
    count_read(session, object.path(), bytes.size());
    const T* value = reinterpret_cast<const T*>(bytes.data());
    return Result<View<T>>(std::in_place, std::move(object), value);
  } else if constexpr (ReadInPlace<T>) {
    const std::span<const std::byte> all = object.bytes();
    const Key key = object.key();
    const Path path = object.path();
    auto value =
        Serializer<T>::in_place(std::make_shared<const ObjectView>(std::move(object)), all, weak(session));
    if (!value) {
      return explain(session, key, value.error());
    }
    count_read(session, path, all.size());
    return View<T>(key, std::make_shared<const T>(std::move(*value)));
  } else {
    const auto decode = [&]() -> Result<std::shared_ptr<const void>> {
      auto value = load_value<T>(bytes, weak(session));
      return value ? Result<std::shared_ptr<const void>>(std::move(*value)) : value.error();
    };
    const auto value = decoded_value(session, object, &type_tag<T>, how, std::cref(decode));
    return value ? Result<View<T>>(View<T>(object.key(), std::static_pointer_cast<const T>(*value)))
                 : Result<View<T>>(value.error());
  }
}

/// Makes a view of a pinned object of any type. Counts the path.
[[nodiscard]] RawView raw_view(SessionState& session, ObjectView&& object);

/// Extents required of memory to which elements are copied.
enum class Fit : std::uint8_t {
  at_least,      ///< one extent: of at least as many elements
  elements,      ///< one extent: the number of elements
  same_extents,  ///< those of the object or of its hyperslab
};

/// Checks that the object is an array of that type (`type_mismatch`), and its size that of whole elements
/// (`corrupt`).
[[nodiscard]] Result<void> check_array(const SessionState& session, const ObjectView& object,
                                       const ArrayType& type);

/// Copies the elements of an array object, or those that the view shows, to memory of the caller. Returns
/// their number. Errors of check_array(); `invalid_argument` if the memory does not fit. Counts the path.
[[nodiscard]] Result<std::size_t> copy_elements(SessionState& session, const ObjectView& object,
                                                const ArrayType& type, const StridedBytes& into, Fit fit);

}  // namespace locum::detail
