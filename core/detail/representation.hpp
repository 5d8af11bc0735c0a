#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <locum/detail/object/object.hpp>
#include <locum/element_type.hpp>
#include <locum/serializers.hpp>
#include <locum/strided_array.hpp>
#include <locum/type_name.hpp>

namespace locum {

namespace detail {

/// Element type of the ranges that are stored as an array, contiguously; void for other types.
template <class T>
struct ArrayElement {
  using Type = void;
};
template <Flat E, class Allocator>
  requires(!std::same_as<E, bool>)
struct ArrayElement<std::vector<E, Allocator>> {
  using Type = E;
};
template <Flat E, std::size_t N>
struct ArrayElement<std::array<E, N>> {
  using Type = E;
};
template <Flat E, std::size_t N>
struct ArrayElement<E[N]> {
  using Type = E;
};
template <class E, std::size_t N>
  requires Flat<std::remove_const_t<E>>
struct ArrayElement<std::span<E, N>> {
  using Type = std::remove_const_t<E>;
};
template <Flat C, class Traits, class Allocator>
struct ArrayElement<std::basic_string<C, Traits, Allocator>> {
  using Type = C;
};
template <Flat C, class Traits>
struct ArrayElement<std::basic_string_view<C, Traits>> {
  using Type = C;
};

template <class T>
using ArrayElementOf = typename ArrayElement<T>::Type;

/// A range that is stored as an array.
template <class T>
concept FlatRange = !std::is_void_v<ArrayElementOf<T>>;

/// Element type of a StridedArray of flat elements; void for other types.
template <class T>
struct StridedElement {
  using Type = void;
};
template <class E>
  requires Flat<std::remove_const_t<E>>
struct StridedElement<StridedArray<E>> {
  using Type = std::remove_const_t<E>;
};

/// A range that is stored as an array, although its elements need not lie side by side.
template <class T>
concept FlatStrided = !std::is_void_v<typename StridedElement<T>::Type>;

/// The type as which a value is stored: `E[]` for ranges of flat elements, otherwise its own.
template <class T>
struct StoredType {
  using Type = T;
};
template <FlatRange T>
struct StoredType<T> {
  using Type = ArrayElementOf<T>[];
};
template <FlatStrided T>
struct StoredType<T> {
  using Type = typename StridedElement<T>::Type[];
};
template <class T>
using Stored = typename StoredType<T>::Type;

/// The type recorded in the object of such a value: an array of arrays is flattened.
template <class T>
struct ObjectType {
  using Type = T;
};
template <class E>
struct ObjectType<E[]> {
  using Type = FlattenedElement<E>[];
};
template <class T>
inline constexpr const TypeIdentity& object_identity = type_identity<typename ObjectType<Stored<T>>::Type>;

/// Returns the elements of a flat range; a string literal without its terminating zero.
template <FlatRange T>
[[nodiscard]] std::span<const ArrayElementOf<T>> elements_of(const T& range) noexcept {
  if constexpr (std::is_array_v<T> && std::same_as<ArrayElementOf<T>, char>) {
    return std::span<const char>(range).first(std::size(range) -
                                              (range[std::size(range) - 1] == '\0' ? 1 : 0));
  } else {
    return {std::data(range), std::size(range)};
  }
}

/// Returns the metadata of an array object with these extents. REQUIRES: together with those of its elements
/// at most `max_rank`.
[[nodiscard]] inline ObjectMeta array_meta(std::uint32_t store, std::string_view name, const Extents& extents,
                                           const ArrayType& type) {
  return {.store = store,
          .element_bytes = type.flat_bytes,
          .alignment = type.alignment,
          .type_hash = type.object.hash,
          .type_name = type.object.name,
          .name = name,
          .layout = type.is_value ? Layout::flat : Layout::array,
          .extents = type.flattened(extents),
          .alignment_is_guess = type.alignment_is_guess};
}

/// Returns the metadata of the object of a value.
template <class T>
[[nodiscard]] ObjectMeta meta_of(std::uint32_t store, std::string_view name, const T& value) {
  if constexpr (FlatRange<T>) {
    Extents extents;
    extents.rank = 1;
    extents.values[0] = elements_of(value).size();
    return array_meta(store, name, extents, array_type<ArrayElementOf<T>>);
  } else if constexpr (FlatStrided<T>) {
    return array_meta(store, name, value.extents(), array_type<typename StridedElement<T>::Type>);
  } else {
    constexpr std::uint32_t element_bytes = Flat<T> ? sizeof(T) : 1;
    constexpr Layout layout = Flat<T> ? Layout::flat : Layout::encoded;
    constexpr std::uint32_t alignment = Flat<T> ? alignment_of<T> : 16;
    return {store, element_bytes, alignment, type_identity<T>.hash, type_identity<T>.name, name, layout, {}};
  }
}

/// Runs a step of the serialiser and turns its exceptions into an error.
template <class Step>
[[nodiscard]] Result<void> serialising(Errc code, std::string_view type, Step&& step) {
  try {
    step();
    return {};
  } catch (const Error& error) {
    return Error(error.code(), error.text() + " (type " + std::string(type) + ")", error.detail());
  } catch (const std::bad_alloc&) {
    return Error(Errc::out_of_memory,
                 "this process has no free memory for a decoded value of type " + std::string(type));
  } catch (const std::exception& error) {
    return Error(code, "serialize() of " + std::string(type) + " failed", error.what());
  }
}

/// Returns the stored size of the value in bytes.
template <class T>
[[nodiscard]] Result<std::uint64_t> stored_bytes(const T& value) {
  if constexpr (FlatRange<T>) {
    return std::uint64_t{elements_of(value).size_bytes()};
  } else if constexpr (FlatStrided<T>) {
    return array_bytes(value.extents(), array_type<typename StridedElement<T>::Type>);
  } else if constexpr (Flat<T>) {
    return std::uint64_t{sizeof(T)};
  } else {
    SizeArchive archive;
    if (auto done = serialising(Errc::invalid_argument, TypeName<T>::value, [&] { archive(value); }); !done) {
      return done.error();
    }
    return archive.position();
  }
}

/// Writes the value into memory of exactly stored_bytes().
template <class T>
[[nodiscard]] Result<void> store_value(const T& value, std::span<std::byte> memory) {
  if constexpr (FlatRange<T>) {
    const auto elements = std::as_bytes(elements_of(value));
    if (!elements.empty()) {
      std::memcpy(memory.data(), elements.data(), elements.size());
    }
    return {};
  } else if constexpr (Flat<T>) {
    std::memcpy(memory.data(), &value, sizeof(T));
    return {};
  } else if constexpr (FlatStrided<T>) {
    pack(bytes_of(value), memory.data());
    return {};
  } else {
    return serialising(Errc::invalid_argument, TypeName<T>::value, [&] {
      WriteArchive archive(memory);
      archive(value);
      if (archive.position() != memory.size()) {
        throw Error(Errc::invalid_argument,
                    "serialize() wrote less than it counted in its first pass; do not change the value "
                    "during the call, and make serialize() do the same for every archive");
      }
    });
  }
}

/// Returns a copy of a stored value: the elements of an array object, or the decoded value.
template <class T>
[[nodiscard]] Result<std::shared_ptr<const T>> load_value(std::span<const std::byte> memory,
                                                          const std::weak_ptr<SessionState>& session) {
  static_assert(std::is_default_constructible_v<T>,
                "locum reads into a default-constructed value: give the type a default constructor");
  std::shared_ptr<T> value;
  auto done = serialising(Errc::corrupt, TypeName<T>::value, [&] {
    value = std::make_shared<T>();
    if constexpr (FlatRange<T>) {
      using Element = ArrayElementOf<T>;
      const std::size_t count = memory.size() / sizeof(Element);
      if constexpr (requires { value->resize(count); }) {
        const auto* first = reinterpret_cast<const Element*>(memory.data());
        value->assign(first, first + count);
      } else {
        if (count != value->size()) {
          throw Error(Errc::type_mismatch, "the object holds " + std::to_string(count) +
                                               " elements; read it as a vector or as an array of that size");
        }
        std::memcpy(value->data(), memory.data(), count * sizeof(Element));
      }
    } else {
      ReadArchive archive(memory, session);
      archive(*value);
      if (archive.left() != 0) {
        throw Error(Errc::corrupt,
                    "the stored bytes continue after the end of the value; read it with the serialize() that "
                    "wrote it");
      }
    }
  });
  if (!done) {
    return done.error();
  }
  return std::shared_ptr<const T>(std::move(value));
}

}  // namespace detail

}  // namespace locum
