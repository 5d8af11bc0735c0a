#pragma once

/// \file
/// Serialisers of the common templates of the standard library. Lengths are 64 bits; flat elements are stored
/// contiguously.

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <locum/archive.hpp>

namespace locum {

namespace detail {

// bool is flat, but its bytes are checked one by one when read.
template <class T>
concept FlatElement = Flat<T> && !std::same_as<T, bool>;

template <class Archive>
void save_length(Archive& out, std::uint64_t count) {
  out(count);
}

// Each element takes at least one byte, even if its serialize() writes nothing, so that the number of
// remaining bytes bounds the number of elements.
template <class Archive, class T>
void save_element(Archive& out, const T& element) {
  const std::uint64_t before = out.position();
  out(element);
  if (out.position() == before) {
    out(std::byte{0});
  }
}

template <class T>
void load_element(ReadArchive& in, T& element) {
  const std::uint64_t before = in.position();
  in(element);
  if (in.position() == before) {
    (void)in.take(1);
  }
}

template <class T>
[[nodiscard]] T loaded_element(ReadArchive& in) {
  static_assert(std::is_default_constructible_v<T>,
                "locum reads an element into a default-constructed value: give the type a default "
                "constructor");
  T element{};
  load_element(in, element);
  return element;
}

}  // namespace detail

template <class C, class Traits, class Allocator>
struct Serializer<std::basic_string<C, Traits, Allocator>> {
  using String = std::basic_string<C, Traits, Allocator>;

  template <class Archive>
  static void save(Archive& out, const String& text) {
    detail::save_length(out, text.size());
    out.bytes(text.data(), text.size() * sizeof(C));
  }
  static void load(ReadArchive& in, String& text) {
    text.resize(in.length(sizeof(C)));
    in.bytes(text.data(), text.size() * sizeof(C));
  }
};

template <class T, class Allocator>
struct Serializer<std::vector<T, Allocator>> {
  template <class Archive>
  static void save(Archive& out, const std::vector<T, Allocator>& values) {
    detail::save_length(out, values.size());
    if constexpr (detail::FlatElement<T>) {
      detail::check_flat<T>();
      out.bytes(values.data(), values.size() * sizeof(T));
    } else {
      for (const auto& value : values) {
        detail::save_element(out, static_cast<const T&>(value));
      }
    }
  }
  static void load(ReadArchive& in, std::vector<T, Allocator>& values) {
    values.clear();
    if constexpr (detail::FlatElement<T>) {
      values.resize(in.length(sizeof(T)));
      in.bytes(values.data(), values.size() * sizeof(T));
    } else {
      // Grows element by element: a damaged length cannot allocate more memory than the bytes justify.
      for (std::size_t left = in.length(1); left > 0; --left) {
        values.push_back(detail::loaded_element<T>(in));
      }
    }
  }
};

template <class T, std::size_t N>
struct Serializer<std::array<T, N>> {
  template <class Archive>
  static void save(Archive& out, const std::array<T, N>& values) {
    if constexpr (detail::FlatElement<T>) {
      detail::check_flat<T>();
      out.bytes(values.data(), N * sizeof(T));
    } else {
      for (const T& value : values) {
        out(value);
      }
    }
  }
  static void load(ReadArchive& in, std::array<T, N>& values) {
    if constexpr (detail::FlatElement<T>) {
      in.bytes(values.data(), N * sizeof(T));
    } else {
      for (T& value : values) {
        in(value);
      }
    }
  }
};

template <class T, std::size_t N>
struct Serializer<T[N]> {
  template <class Archive>
  static void save(Archive& out, const T (&values)[N]) {
    for (const T& value : values) {
      out(value);
    }
  }
  static void load(ReadArchive& in, T (&values)[N]) {
    for (T& value : values) {
      in(value);
    }
  }
};

template <class T>
struct Serializer<std::optional<T>> {
  template <class Archive>
  static void save(Archive& out, const std::optional<T>& value) {
    out(value.has_value());
    if (value) {
      out(*value);
    }
  }
  static void load(ReadArchive& in, std::optional<T>& value) {
    bool present = false;
    in(present);
    value.reset();
    if (present) {
      in(value.emplace());
    }
  }
};

template <class First, class Second>
struct Serializer<std::pair<First, Second>> {
  template <class Archive>
  static void save(Archive& out, const std::pair<First, Second>& value) {
    out(value.first, value.second);
  }
  static void load(ReadArchive& in, std::pair<First, Second>& value) { in(value.first, value.second); }
};

template <class... T>
struct Serializer<std::tuple<T...>> {
  template <class Archive>
  static void save(Archive& out, const std::tuple<T...>& value) {
    std::apply([&](const T&... members) { out(members...); }, value);
  }
  static void load(ReadArchive& in, std::tuple<T...>& value) {
    std::apply([&](T&... members) { in(members...); }, value);
  }
};

template <class... T>
struct Serializer<std::variant<T...>> {
  template <class Archive>
  static void save(Archive& out, const std::variant<T...>& value) {
    if (value.valueless_by_exception()) {
      throw Error(Errc::invalid_argument,
                  "a variant without a value (valueless_by_exception) cannot be stored; assign one first");
    }
    out(static_cast<std::uint32_t>(value.index()));
    std::visit([&](const auto& alternative) { out(alternative); }, value);
  }
  static void load(ReadArchive& in, std::variant<T...>& value) {
    std::uint32_t index = 0;
    in(index);
    if (index >= sizeof...(T)) {
      throw Error(Errc::corrupt,
                  "a stored variant holds an alternative that its type does not have; read it as the type "
                  "that was stored");
    }
    load_alternative(in, value, index, std::index_sequence_for<T...>{});
  }

 private:
  template <std::size_t... Indices>
  static void load_alternative(ReadArchive& in, std::variant<T...>& value, std::uint32_t index,
                               std::index_sequence<Indices...>) {
    ((Indices == index ? void(in(value.template emplace<Indices>())) : void()), ...);
  }
};

}  // namespace locum
