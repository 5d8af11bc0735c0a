#pragma once

/// \file
/// Makes `std::deque`, `list`, `set`, `map` and related containers storable. Not part of `<locum/locum.hpp>`,
/// so that programs that do not need them do not compile them.

#include <deque>
#include <list>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include <locum/serializers.hpp>
#include <locum/type_name.hpp>

namespace locum {

namespace detail {

struct ContainerName {
  static constexpr std::string_view deque = "deque";
  static constexpr std::string_view list = "list";
  static constexpr std::string_view set = "set";
  static constexpr std::string_view multiset = "multiset";
  static constexpr std::string_view map = "map";
  static constexpr std::string_view multimap = "multimap";
  static constexpr std::string_view unordered_set = "unordered_set";
  static constexpr std::string_view unordered_map = "unordered_map";
};

/// Containers to which values are appended.
template <class Container>
struct SequenceSerializer {
  template <class Archive>
  static void save(Archive& out, const Container& values) {
    save_length(out, values.size());
    for (const auto& value : values) {
      save_element(out, value);
    }
  }
  static void load(ReadArchive& in, Container& values) {
    values.clear();
    for (std::size_t left = in.length(1); left > 0; --left) {
      values.insert(values.end(), loaded_element<typename Container::value_type>(in));
    }
  }
};

/// Containers of key-value pairs; the key of an entry is const there, but not while it is read.
template <class Container>
struct MapSerializer {
  template <class Archive>
  static void save(Archive& out, const Container& entries) {
    save_length(out, entries.size());
    for (const auto& [key, value] : entries) {
      save_element(out, key);
      save_element(out, value);
    }
  }
  static void load(ReadArchive& in, Container& entries) {
    entries.clear();
    for (std::size_t left = in.length(2); left > 0; --left) {
      auto key = loaded_element<typename Container::key_type>(in);
      auto value = loaded_element<typename Container::mapped_type>(in);
      entries.emplace_hint(entries.end(), std::move(key), std::move(value));
    }
  }
};

}  // namespace detail

template <class T, class A>
struct Serializer<std::deque<T, A>> : detail::SequenceSerializer<std::deque<T, A>> {};
template <class T, class A>
struct Serializer<std::list<T, A>> : detail::SequenceSerializer<std::list<T, A>> {};
template <class T, class C, class A>
struct Serializer<std::set<T, C, A>> : detail::SequenceSerializer<std::set<T, C, A>> {};
template <class T, class C, class A>
struct Serializer<std::multiset<T, C, A>> : detail::SequenceSerializer<std::multiset<T, C, A>> {};
template <class T, class H, class E, class A>
struct Serializer<std::unordered_set<T, H, E, A>>
    : detail::SequenceSerializer<std::unordered_set<T, H, E, A>> {};
template <class K, class V, class C, class A>
struct Serializer<std::map<K, V, C, A>> : detail::MapSerializer<std::map<K, V, C, A>> {};
template <class K, class V, class C, class A>
struct Serializer<std::multimap<K, V, C, A>> : detail::MapSerializer<std::multimap<K, V, C, A>> {};
template <class K, class V, class H, class E, class A>
struct Serializer<std::unordered_map<K, V, H, E, A>>
    : detail::MapSerializer<std::unordered_map<K, V, H, E, A>> {};

template <class T, class A>
struct TypeName<std::deque<T, A>> : detail::ComposedName<detail::ContainerName::deque, T> {};
template <class T, class A>
struct TypeName<std::list<T, A>> : detail::ComposedName<detail::ContainerName::list, T> {};
template <class T, class C, class A>
struct TypeName<std::set<T, C, A>> : detail::ComposedName<detail::ContainerName::set, T> {};
template <class T, class C, class A>
struct TypeName<std::multiset<T, C, A>> : detail::ComposedName<detail::ContainerName::multiset, T> {};
template <class T, class H, class E, class A>
struct TypeName<std::unordered_set<T, H, E, A>>
    : detail::ComposedName<detail::ContainerName::unordered_set, T> {};
template <class K, class V, class C, class A>
struct TypeName<std::map<K, V, C, A>> : detail::ComposedName<detail::ContainerName::map, K, V> {};
template <class K, class V, class C, class A>
struct TypeName<std::multimap<K, V, C, A>> : detail::ComposedName<detail::ContainerName::multimap, K, V> {};
template <class K, class V, class H, class E, class A>
struct TypeName<std::unordered_map<K, V, H, E, A>>
    : detail::ComposedName<detail::ContainerName::unordered_map, K, V> {};

}  // namespace locum
