#pragma once

#include <cstdint>
#include <type_traits>

#include <locum/codec.hpp>
#include <locum/hyperslab.hpp>
#include <locum/part.hpp>
#include <locum/time_limit.hpp>

/// \file
/// What the calls of a Store can be given beside an object and a value: one aggregate for each, to be written
/// as `{.codec = mine, .deadline = 2s}`. What is not named is not given. `codec` refers to the codec, which
/// the call has to outlive, where a value is written; where one is read, only the codec's type counts.
namespace locum {

/// Of calls that take nothing but a deadline: `exists`, `evict`, `keys`, `info`, `create`, `put_bytes` …
struct CallOptions {
  TimeLimit deadline = {};
};

/// Of `put`, `put_async` and `put_batch`.
template <class T>
struct PutOptions {
  detail::EncoderOf<T> codec = {};
  TimeLimit deadline = {};
};

/// Of `replace` and `replace_async`.
template <class T>
struct ReplaceOptions {
  detail::EncoderOf<T> codec = {};
  /// The change is made only if this generation of the name is the live one: `stale` if another is,
  /// `not_found` if none. 0: whatever is live, or nothing.
  std::uint64_t expected_generation = 0;
  TimeLimit deadline = {};
};

/// Of `get`, `get_async` and `get_batch`.
template <class T>
struct GetOptions {
  detail::DecoderOf<T> codec = {};
  TimeLimit deadline = {};
};
/// Of the same, of an array that is read in place: all of it, or some.
template <class T>
struct GetOptions<T[]> {
  /// Some elements, row-major: `{.part = {.offset = 100, .count = 10}}`.
  Part part = {};
  /// A box, or every n-th element of one: `{.slab = {.start = {0, 8}, .count = {4, 2}, .stride = {1, 5}}}`,
  /// as many dimensions as the object has. What is read is an array of its own, of the extents `count`.
  Hyperslab slab = {};
  detail::DecoderOf<T[]> codec = {};
  TimeLimit deadline = {};
};

/// Of `get_bytes`.
struct BytesOptions {
  Part part = {};  ///< in bytes
  TimeLimit deadline = {};
};

/// Of `wait`, `proxy` and `proxy_batch`.
template <class T>
struct ReadOptions {
  detail::DecoderOf<T> codec = {};
  TimeLimit deadline = {};
};

/// Of `put_proxy`.
struct ProxyOptions {
  /// Whether the stand-in is resolved here already: it keeps the object pinned then. Else it is resolved,
  /// here too, on first use.
  bool populate = true;
  TimeLimit deadline = {};
};
/// The same by a codec. The stand-in is then one of the type that was put.
template <class T>
struct CodedProxyOptions {
  detail::CoderOf<T> codec;
  bool populate = true;
  TimeLimit deadline = {};
};

namespace detail {

/// Says, while compiling, that a type is no value but something a call can be given.
template <class T>
inline constexpr bool is_call_option =
    std::is_same_v<T, Deadline> || std::is_same_v<T, TimeLimit> || std::is_same_v<T, CallOptions> ||
    std::is_same_v<T, ProxyOptions> || std::is_same_v<T, BytesOptions> || is_instance<T, PutOptions> ||
    is_instance<T, ReplaceOptions> || is_instance<T, GetOptions> || is_instance<T, ReadOptions> ||
    is_instance<T, CodedProxyOptions>;

}  // namespace detail

}  // namespace locum
