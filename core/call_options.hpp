#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

#include <locum/codec.hpp>
#include <locum/deadline.hpp>
#include <locum/hyperslab.hpp>
#include <locum/room_policy.hpp>

/// \file
/// Options of the calls of a Store: one aggregate for each, written as `{.codec = mine, .deadline = 2s}`.
/// Members that are left out have defaults. A call that writes refers to the given `codec`, which must exist
/// until the call returns; a call that reads uses only the codec's type.
namespace locum {

/// Options of calls that take only a deadline: `exists`, `evict`, `keys`, `info` …
struct CallOptions {
  TimeLimit deadline = {};
};

/// A lifetime without an end, for objects put into a store or collection that has lifetimes.
inline constexpr std::chrono::milliseconds for_ever = std::chrono::milliseconds::max();

/// Options of `collection`.
struct CollectionOptions {
  /// Lifetime of objects that are put through the collection without one; 0: that of the enclosing collection
  /// or store. for_ever: no end.
  std::chrono::milliseconds lifetime{0};
};

/// Options of calls that store bytes, or make memory to be written: `create`, `put_bytes`, `put_encoded`.
/// `put_bytes_async` refuses to wait for room.
struct StoringOptions {
  RoomPolicy when_full = {};
  /// Lifetime of the object, counted from when it is stored; 0: that of the collection or the store
  /// (StoreOptions::lifetime). for_ever: until it is evicted. At most 100 years: `invalid_argument`.
  std::chrono::milliseconds lifetime{0};
  /// Whether keys() lists an object that is put without a name. It then has a name that no other object has,
  /// in the collection of the call: `unnamed-` and digits. That costs as much as a name does.
  bool listed = false;
  /// Hint about where to keep the object: rules of `multi:` may name it (docs/backends/multi.md), `nodes+`
  /// sends a named object with a tag straight to the backend, other stores ignore it. Not stored. The text
  /// must exist until the call returns.
  std::string_view tag = {};
  TimeLimit deadline = {};
};

/// Options of `put`, `put_async` and `put_batch`. `put_async` refuses to wait for room.
template <class T>
struct PutOptions {
  detail::EncoderOf<T> codec = {};
  RoomPolicy when_full = {};
  std::chrono::milliseconds lifetime{0};  ///< see StoringOptions
  bool listed = false;                    ///< see StoringOptions
  std::string_view tag = {};              ///< see StoringOptions
  TimeLimit deadline = {};
};

/// Options of `replace` and `replace_async`, which refuses to wait for room.
template <class T>
struct ReplaceOptions {
  detail::EncoderOf<T> codec = {};
  /// Generation of the name that must be live: `stale` if another one is, `not_found` if none is. 0: replace
  /// any, or none.
  std::uint64_t expected_generation = 0;
  RoomPolicy when_full = {};
  std::chrono::milliseconds lifetime{
      0};                     ///< lifetime of the new object, as in StoringOptions: not that of the old one
  std::string_view tag = {};  ///< tag of the new object, as in StoringOptions
  TimeLimit deadline = {};
};

/// Options of `get`, `get_async` and `get_batch`.
template <class T>
struct GetOptions {
  detail::DecoderOf<T> codec = {};
  TimeLimit deadline = {};
};
/// Options of these calls, and of `read`, for an array: all of it, or a selection.
template <class T>
struct GetOptions<T[]> {
  /// Consecutive elements in row-major order: `{.part = {.offset = 100, .count = 10}}`.
  Part part = {};
  /// A box, or every n-th element of one: `{.slab = {.start = {0, 8}, .count = {4, 2}, .stride = {1, 5}}}`,
  /// with as many dimensions as the object. The result is an array with the extents `count`.
  Hyperslab slab = {};
  detail::DecoderOf<T[]> codec = {};
  TimeLimit deadline = {};
};

/// Options of `get_bytes`.
struct BytesOptions {
  Part part = {};  ///< in bytes
  TimeLimit deadline = {};
};

/// Options of `wait`, `wait_async`, `proxy` and `proxy_batch`.
template <class T>
struct ReadOptions {
  detail::DecoderOf<T> codec = {};
  TimeLimit deadline = {};
};

/// Options of `put_proxy`.
struct ProxyOptions {
  /// Whether the stand-in is resolved at once on this rank; it then pins the object. Otherwise it is resolved
  /// on first use.
  bool populate = true;
  RoomPolicy when_full = {};
  std::chrono::milliseconds lifetime{0};  ///< see StoringOptions
  bool listed = false;                    ///< see StoringOptions
  std::string_view tag = {};              ///< see StoringOptions
  TimeLimit deadline = {};
};
/// Options of `put_proxy` with a codec: the stand-in has the type of the value.
template <class T>
struct CodedProxyOptions {
  detail::CoderOf<T> codec;
  bool populate = true;
  RoomPolicy when_full = {};
  std::chrono::milliseconds lifetime{0};  ///< see StoringOptions
  bool listed = false;                    ///< see StoringOptions
  std::string_view tag = {};              ///< see StoringOptions
  TimeLimit deadline = {};
};

/// Options of `promise`.
template <class T>
struct PromiseOptions {
  /// Codec by which the value will be stored. Copied into the promise. A reader gives the same one:
  /// `runtime.proxy<Mesh>(handle, {.codec = my_codec})`.
  detail::KeptCoderOf<T> codec = {};
  TimeLimit deadline = {};
};

namespace detail {

/// Whether a type is an option of calls, and so cannot be stored.
template <class T>
inline constexpr bool is_call_option =
    std::is_same_v<T, Deadline> || std::is_same_v<T, TimeLimit> || std::is_same_v<T, CallOptions> ||
    std::is_same_v<T, StoringOptions> || std::is_same_v<T, ProxyOptions> || std::is_same_v<T, BytesOptions> ||
    std::is_same_v<T, CollectionOptions> || is_instance<T, PutOptions> || is_instance<T, ReplaceOptions> ||
    is_instance<T, GetOptions> || is_instance<T, ReadOptions> || is_instance<T, CodedProxyOptions> ||
    is_instance<T, PromiseOptions>;

/// Makes the compiler explain why such a value cannot be stored.
template <class T>
constexpr void check_value() {
  static_assert(!is_call_option<T>,
                "locum does not store this: it says how a call is made, or how long it may take. Give it as "
                "an option: put(name, value, {.deadline = 2s})");
}

}  // namespace detail

}  // namespace locum
