#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <new>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "batch_addresses.hpp"
#include "codec.hpp"
#include "coming_state.hpp"
#include "future.hpp"
#include "owned_drafts.hpp"
#include "proxy.hpp"
#include "read.hpp"
#include "representation.hpp"
#include "session.hpp"
#include "unless_out_of_memory.hpp"
#include "view.hpp"
#include "when.hpp"
#include "writer.hpp"

namespace locum {

template <class T>
class Promise;
template <class C>
class CodedStore;

namespace detail {

/// What could be the name of an object, or a value: `string_view` itself is taken for a name.
template <class T>
concept TextLike = std::convertible_to<const T&, std::string_view> && !std::is_same_v<T, std::string_view>;

/// What could be a value, or how long a call may take.
template <class T>
concept TimeLike = std::convertible_to<const T&, Deadline> && !std::is_same_v<T, Deadline>;

/// What a batch puts under names: pairs of a name and a value, such as a map has.
template <class T>
concept NamedValue = requires(const T& pair) {
  { pair.first } -> std::convertible_to<std::string_view>;
  pair.second;
};
template <class Range>
concept NamedValues = std::ranges::forward_range<const Range&> &&
                      NamedValue<std::remove_cvref_t<std::ranges::range_reference_t<const Range&>>>;

/// Explains, while compiling, why a text and a time are not stored.
template <class T>
constexpr void refuse_text_and_time() {
  static_assert(
      !TimeLike<T>,
      "locum cannot tell whether this text is a name and the time its value, or the text a value and the "
      "time a deadline: say (name, value, {}) or (text, locum::Deadline(time))");
}

/// Explains, while compiling, why some of an object is not read by a codec.
template <class T>
[[nodiscard]] Result<View<T>> refuse_part_by_codec() {
  static_assert(!std::is_same_v<T, T>,
                "locum cannot read some elements by a codec, which decodes an object as a whole: get all of "
                "it, or store it without a codec");
  return View<T>();
}

}  // namespace detail

/// Which generation a `replace` wants to change.
struct ReplaceOptions {
  /// The change is made only if this generation is the live one: `stale` if another is, `not_found` if none.
  /// 0: whatever is live, or nothing.
  std::uint64_t expected_generation = 0;
};

/// What an object says of itself.
struct ObjectInfo {
  Key key;
  std::uint64_t size_bytes = 0;
  std::string type;  ///< canonical: `f64[]`, `map<char[],i32>`, `particle{48}` …
  Layout layout = Layout::bytes;
  std::uint32_t element_bytes = 1;
  Extents extents;               ///< rank 0 unless it is an array
  std::uint32_t owner = 0;       ///< rank that made it
  std::uint64_t generation = 0;  ///< of its name; 0 if unnamed
  std::string name;              ///< empty if unnamed
  std::string codec;             ///< that it was written by; empty: locum's own way
};

/// What `evict` answers: a `Result<bool>` that may be left unread, because whoever throws away what is no
/// longer needed seldom asks whether it was there.
class Evicted : public Result<bool> {
 public:
  Evicted(Result<bool> evicted) : Result<bool>(std::move(evicted)) {}
};

/// A store: objects by key and by name, shared by all ranks of a runtime that open the same name. A cheap
/// value; all threads of a rank may use it at once. Objects are written once and read many times; `replace`
/// changes what a name stands for. Names are 1 byte to 64 KiB of any bytes; another is `invalid_argument`.
/// Every call takes an optional deadline; omitted, it is the store's, else the runtime's. After the runtime's
/// end, or the store's (`drop`), every call answers `closed`; views stay valid.
class Store {
 public:
  /// Made by Session::open and Runtime::store.
  explicit Store(std::shared_ptr<detail::OpenStore> open) noexcept : open_(std::move(open)) {}

  [[nodiscard]] const std::string& name() const noexcept { return open_->name; }
  /// `Key::store` of its objects.
  [[nodiscard]] std::uint32_t number() const noexcept { return open_->number; }

  // Share

  /// Stores a value without a name: written once, into this node's memory, without a message. Ranges of flat
  /// elements (vector, array, span, string) are stored as `T[]`, flat values as they are, everything else by
  /// its `serialize`. `out_of_memory` says how much was asked, used, pinned and free.
  template <class T>
    requires(!std::is_same_v<T, Deadline>)
  [[nodiscard]] Result<Key> put(const T& value, Deadline deadline = {}) {
    return key_of(store_value({}, false, value, {}, deadline));
  }
  /// The same under a name; visible on all ranks when it returns. `key_exists` if the name is live, and the
  /// first value is untouched.
  template <class T>
    requires(!std::is_same_v<T, Deadline>)
  [[nodiscard]] Result<Key> put(std::string_view name, const T& value, Deadline deadline = {}) {
    return key_of(store_value(name, true, value, {}, deadline));
  }
  /// Refused while compiling: see the text.
  template <detail::TextLike N, detail::TimeLike T>
  [[nodiscard]] Result<Key> put(const N& /*text*/, const T& /*time*/) {
    detail::refuse_text_and_time<T>();
    return Key{};
  }
  /// Makes the name stand for a new value, atomically: a new generation. Views of the old one stay valid;
  /// stand-ins of it answer `stale`.
  template <class T>
  [[nodiscard]] Result<Key> replace(std::string_view name, const T& value, const ReplaceOptions& options = {},
                                    Deadline deadline = {}) {
    return key_of(store_value(name, true, value, {SealMode::replace, options.expected_generation}, deadline));
  }
  /// Raw bytes of the caller's own; read with get_bytes, or as `std::byte[]`.
  [[nodiscard]] Result<Key> put_bytes(std::span<const std::byte> bytes, Deadline deadline = {}) {
    return key_of(store_bytes({}, false, bytes, deadline));
  }
  [[nodiscard]] Result<Key> put_bytes(std::string_view name, std::span<const std::byte> bytes,
                                      Deadline deadline = {}) {
    return key_of(store_bytes(name, true, bytes, deadline));
  }

  // Share many at a time

  /// put() of each pair of a name and a value of a range, in its order: a result for each, and one that fails
  /// does not fail the others. All values are stored in this node's memory first; then the names that are at
  /// home on other nodes are bound together, by one message to each home and each 256 of them, or 256 KiB of
  /// names and small values. Of a name that the range has more than once one is bound, and the others are
  /// `key_exists`. Where memory of this process runs out, or a rank dies or is silent, each says of itself
  /// what put() would. The deadline, or the timeout where none is given, is one for all of them. Throws
  /// std::bad_alloc where there is no memory for the results themselves: nothing has been put then.
  template <class Range>
    requires detail::NamedValues<Range>
  [[nodiscard]] std::vector<Result<Key>> put_batch(const Range& objects, Deadline deadline = {}) {
    const Deadline until = moment(deadline);
    std::vector<Result<Key>> keys;
    detail::OwnedDrafts drafts(open_);
    for (const auto& [name, value] : objects) {
      keys.push_back(draft_in_batch(name, true, value, until, drafts));
    }
    const std::vector<Result<Made>> made = seal_batch(drafts, until);
    auto object = std::ranges::begin(objects);
    auto each = made.begin();
    for (auto key = keys.begin(); key != keys.end(); ++key, ++object) {
      if (*key) {
        *key = key_in_batch((*object).first, *each);
        ++each;
      }
    }
    return keys;
  }
  /// put() of each value of a range, without a name and without a message. Throws std::bad_alloc where there
  /// is no memory for the results themselves: nothing has been put then.
  template <std::ranges::input_range Range>
    requires(!detail::NamedValues<Range> && !std::convertible_to<const Range&, std::string_view>)
  [[nodiscard]] std::vector<Result<Key>> put_batch(const Range& values, Deadline deadline = {}) {
    const Deadline until = moment(deadline);
    std::vector<Result<Key>> keys;
    if constexpr (std::ranges::forward_range<const Range&> || std::ranges::sized_range<const Range&>) {
      keys.reserve(static_cast<std::size_t>(std::ranges::distance(values)));
      for (const auto& value : values) {
        keys.push_back(guarded([&] { return put(value, until); }));
      }
    } else {  // how many there are shows when all have been seen
      detail::OwnedDrafts drafts(open_);
      for (const auto& value : values) {
        keys.push_back(draft_in_batch({}, false, value, until, drafts));
      }
      const std::vector<Result<Made>> made = seal_batch(drafts, until);
      auto each = made.begin();
      for (Result<Key>& key : keys) {
        if (key) {
          key = key_in_batch({}, *each);
          ++each;
        }
      }
    }
    return keys;
  }

  // Write in place

  /// Memory for an array of these extents, slowest dimension first; visible once Writer::seal() returns.
  template <Flat T>
  [[nodiscard]] Result<Writer<T>> create(const Extents& extents, Deadline deadline = {}) {
    return make_writer<T>(extents, {}, false, deadline);
  }
  template <Flat T>
  [[nodiscard]] Result<Writer<T>> create(const Extents& extents, std::string_view name,
                                         Deadline deadline = {}) {
    return make_writer<T>(extents, name, true, deadline);
  }
  template <Flat T, std::integral I>
  [[nodiscard]] Result<Writer<T>> create(std::initializer_list<I> extents, Deadline deadline = {}) {
    return make_writer<T>(detail::extents_of(extents), {}, false, deadline);
  }
  template <Flat T, std::integral I>
  [[nodiscard]] Result<Writer<T>> create(std::initializer_list<I> extents, std::string_view name,
                                         Deadline deadline = {}) {
    return make_writer<T>(detail::extents_of(extents), name, true, deadline);
  }

  // Read

  /// A view of the object. Flat types and `T[]` are read in place; `get<std::vector<T>>` of an array copies;
  /// other types are decoded, once per process. `not_found` at once if nobody put it; `type_mismatch` names
  /// both types.
  template <class T>
  [[nodiscard]] Result<View<T>> get(const Key& key, Deadline deadline = {}) {
    return view_of<T>(fetch(key, deadline));
  }
  template <class T>
  [[nodiscard]] Result<View<T>> get(std::string_view name, Deadline deadline = {}) {
    return view_of<T>(fetch(name, deadline));
  }
  /// Some elements of an array, row-major: `get<double[]>(key, {.offset = 100, .count = 10})`. In place on
  /// the node of the object, and on one that has a copy of it; else these elements alone travel (all of them
  /// where the store has a checksum, or where the home of the name has the value beside it: see
  /// `inline_bytes`).
  /// `invalid_argument` if the object does not have them, or for none of them.
  template <class T>
    requires std::is_unbounded_array_v<T>
  [[nodiscard]] Result<View<T>> get(const Key& key, const Part& part, Deadline deadline = {}) {
    return view_of<T>(fetch_some(key, elements<T>(part), deadline));
  }
  template <class T>
    requires std::is_unbounded_array_v<T>
  [[nodiscard]] Result<View<T>> get(std::string_view name, const Part& part, Deadline deadline = {}) {
    return view_of<T>(fetch_some(name, elements<T>(part), deadline));
  }
  /// A box of an array, or every n-th element of one, as an array of its own, row-major, whose extents are
  /// `count`: `get<double[]>(key, {.start = {0, 8}, .count = {4, 2}, .stride = {1, 5}})`, as many dimensions
  /// as the object has. In place on the node of the object where the elements lie side by side, else a copy
  /// of them; from another node these elements alone travel, but for the same exceptions. `invalid_argument`
  /// if the object does not have them all.
  template <class T>
    requires std::is_unbounded_array_v<T>
  [[nodiscard]] Result<View<T>> get(const Key& key, const Hyperslab& slab, Deadline deadline = {}) {
    return view_of<T>(fetch_some(key, elements<T>(slab), deadline));
  }
  template <class T>
    requires std::is_unbounded_array_v<T>
  [[nodiscard]] Result<View<T>> get(std::string_view name, const Hyperslab& slab, Deadline deadline = {}) {
    return view_of<T>(fetch_some(name, elements<T>(slab), deadline));
  }
  /// The stored bytes of an object of any type, in place.
  [[nodiscard]] Result<View<std::byte[]>> get_bytes(const Key& key, Deadline deadline = {}) {
    return bytes_of(fetch(key, deadline));
  }
  [[nodiscard]] Result<View<std::byte[]>> get_bytes(std::string_view name, Deadline deadline = {}) {
    return bytes_of(fetch(name, deadline));
  }
  /// Some of them.
  [[nodiscard]] Result<View<std::byte[]>> get_bytes(const Key& key, const Part& part,
                                                    Deadline deadline = {}) {
    return bytes_of(fetch_some(key, elements<std::byte[]>(part), deadline));
  }
  [[nodiscard]] Result<View<std::byte[]>> get_bytes(std::string_view name, const Part& part,
                                                    Deadline deadline = {}) {
    return bytes_of(fetch_some(name, elements<std::byte[]>(part), deadline));
  }
  /// The object under a name, as soon as somebody puts it. `timeout` if nobody does before the deadline.
  template <class T>
  [[nodiscard]] Result<View<T>> wait(std::string_view name, Deadline deadline = {}) {
    return view_of<T>(await(name, deadline));
  }

  // Read many at a time

  /// get() of each key or name of a range, in its order: a result for each, and one that fails does not fail
  /// the others. Small objects (up to `inline_bytes`) of other nodes come in one message for each node and
  /// each 256 of them, by name from the home of the name; large ones one by one, 128 side by side. Small ones
  /// that came together are kept in memory until the last view of any of them is gone. Keys of promises come
  /// behind all others, one after the other, as long as there is time. The deadline, or the timeout where
  /// none is given, is one for all. Throws std::bad_alloc where there is no memory for the results
  /// themselves.
  template <class T, std::ranges::input_range Range>
    requires(!std::convertible_to<const Range&, std::string_view>)
  [[nodiscard]] std::vector<Result<View<T>>> get_batch(const Range& objects, Deadline deadline = {}) {
    std::vector<Result<View<T>>> results;
    if constexpr (detail::alignment_in_place<T>() > batch_alignment) {
      const Deadline until = moment(deadline);
      for (const auto& future : get_async<T>(objects, until)) {
        results.push_back(future.get(until));
      }
    } else {
      const detail::BatchAddresses addresses(open_->number, objects);
      auto found = find_batch(addresses, Wanting::all, deadline);
      results.reserve(found.size());
      for (auto& object : found) {
        results.push_back(view_of<T>(std::move(object)));
      }
    }
    return results;
  }

  /// proxy() of each key or name of a range, in the same way: of other nodes only what objects say of
  /// themselves comes; but for the key of a promise its whole value.
  template <class T, std::ranges::input_range Range>
    requires(!std::convertible_to<const Range&, std::string_view>)
  [[nodiscard]] std::vector<Result<Proxy<T>>> proxy_batch(const Range& objects, Deadline deadline = {}) {
    const detail::BatchAddresses addresses(open_->number, objects);
    std::vector<Result<Proxy<T>>> results;
    results.reserve(addresses.all().size());
    for (const auto& object : find_batch(addresses, Wanting::facts, deadline)) {
      results.push_back(proxy_to<T>(object));
    }
    return results;
  }

  // Read, without waiting

  /// get(), begun: the object comes by itself, while this process computes, within the deadline, and stays
  /// pinned as long as the future lives. 1024 are on their way at a time, and up to 65536 more wait for their
  /// turn (then `out_of_memory`); without a deadline their time counts from that. One that somebody waits
  /// for, or that is to be followed by something, has its turn at once.
  template <class T>
  [[nodiscard]] Future<T> get_async(const Key& key, Deadline deadline = {}) {
    return begin<T>(of_this_store(key), key, Selection(), deadline);
  }
  template <class T>
  [[nodiscard]] Future<T> get_async(std::string_view name, Deadline deadline = {}) {
    return begin<T>(usable(name), {open_->number, name}, Selection(), deadline);
  }
  /// get() of a part or a hyperslab, begun: as above, and only these elements travel.
  template <class T>
    requires std::is_unbounded_array_v<T>
  [[nodiscard]] Future<T> get_async(const Key& key, const Part& part, Deadline deadline = {}) {
    return begin<T>(of_this_store(key), key, elements<T>(part), deadline);
  }
  template <class T>
    requires std::is_unbounded_array_v<T>
  [[nodiscard]] Future<T> get_async(std::string_view name, const Part& part, Deadline deadline = {}) {
    return begin<T>(usable(name), {open_->number, name}, elements<T>(part), deadline);
  }
  template <class T>
    requires std::is_unbounded_array_v<T>
  [[nodiscard]] Future<T> get_async(const Key& key, const Hyperslab& slab, Deadline deadline = {}) {
    return begin<T>(of_this_store(key), key, elements<T>(slab), deadline);
  }
  template <class T>
    requires std::is_unbounded_array_v<T>
  [[nodiscard]] Future<T> get_async(std::string_view name, const Hyperslab& slab, Deadline deadline = {}) {
    return begin<T>(usable(name), {open_->number, name}, elements<T>(slab), deadline);
  }
  /// One for each key or name of a range, in its order. See when_any() and when_all().
  template <class T, std::ranges::input_range Range>
    requires(!std::convertible_to<const Range&, std::string_view>)
  [[nodiscard]] std::vector<Future<T>> get_async(const Range& objects, Deadline deadline = {}) {
    std::vector<Future<T>> futures;
    if constexpr (std::ranges::sized_range<const Range&>) {
      futures.reserve(std::ranges::size(objects));
    }
    for (const auto& object : objects) {
      futures.push_back(get_async<T>(object, deadline));
    }
    return futures;
  }
  /// exists(), begun: the answer comes by itself, as an object that get_async() asks for.
  [[nodiscard]] Eventual<bool> exists_async(const Key& key, Deadline deadline = {});
  [[nodiscard]] Eventual<bool> exists_async(std::string_view name, Deadline deadline = {});

  // Change, without waiting for others

  /// put(), begun. The value is stored when this returns, so that the caller's may change or end: that may
  /// take as long as the copy does, and where room has to be made, as long as that does. Only the name is
  /// still to be given, by the node that it is at home on; without one it is ready. It is given within the
  /// deadline, or the eventual ends with an error. Cancelled or dropped it is done all the same. As many as
  /// with get_async() are on their way.
  template <class T>
    requires(!std::is_same_v<T, Deadline>)
  [[nodiscard]] Eventual<Key> put_async(const T& value, Deadline deadline = {}) {
    return Eventual<Key>(put(value, deadline));
  }
  template <class T>
    requires(!std::is_same_v<T, Deadline>)
  [[nodiscard]] Eventual<Key> put_async(std::string_view name, const T& value, Deadline deadline = {}) {
    return begin_put(name, value, {}, deadline);
  }
  /// Refused while compiling: see the text.
  template <detail::TextLike N, detail::TimeLike T>
  [[nodiscard]] Eventual<Key> put_async(const N& /*text*/, const T& /*time*/) {
    detail::refuse_text_and_time<T>();
    return {};
  }
  /// replace(), begun, in the same way.
  template <class T>
  [[nodiscard]] Eventual<Key> replace_async(std::string_view name, const T& value,
                                            const ReplaceOptions& options = {}, Deadline deadline = {}) {
    return begin_put(name, value, {SealMode::replace, options.expected_generation}, deadline);
  }
  /// put_bytes(), begun, in the same way.
  [[nodiscard]] Eventual<Key> put_bytes_async(std::span<const std::byte> bytes, Deadline deadline = {});
  [[nodiscard]] Eventual<Key> put_bytes_async(std::string_view name, std::span<const std::byte> bytes,
                                              Deadline deadline = {});
  /// evict(), begun; is done also if it is cancelled or dropped.
  Eventual<bool> evict_async(const Key& key, Deadline deadline = {});
  Eventual<bool> evict_async(std::string_view name, Deadline deadline = {});

  // Stand-ins

  /// put(), and a stand-in for the object, already resolved here.
  template <class T>
    requires(!std::is_same_v<T, Deadline>)
  [[nodiscard]] Result<Proxy<detail::Stored<T>>> put_proxy(const T& value, Deadline deadline = {}) {
    return resolved_proxy<T>({}, store_value({}, false, value, {}, deadline));
  }
  template <class T>
    requires(!std::is_same_v<T, Deadline>)
  [[nodiscard]] Result<Proxy<detail::Stored<T>>> put_proxy(std::string_view name, const T& value,
                                                           Deadline deadline = {}) {
    return resolved_proxy<T>(name, store_value(name, true, value, {}, deadline));
  }
  /// Refused while compiling: see the text.
  template <detail::TextLike N, detail::TimeLike T>
  [[nodiscard]] Result<Proxy<T>> put_proxy(const N& /*text*/, const T& /*time*/) {
    detail::refuse_text_and_time<T>();
    return Proxy<T>();
  }
  /// A stand-in for an object that is there; not resolved. Asks the node of the object to see that, as
  /// info() does.
  template <class T>
  [[nodiscard]] Result<Proxy<T>> proxy(const Key& key, Deadline deadline = {}) {
    return proxy_to<T>(fetch_some(key, Selection(Facts()), deadline));
  }
  template <class T>
  [[nodiscard]] Result<Proxy<T>> proxy(std::string_view name, Deadline deadline = {}) {
    return proxy_to<T>(fetch_some(name, Selection(Facts()), deadline));
  }

  // By a codec of the caller's own

  /// The calls above, by a codec (see Codec): `put("mesh", mesh, {.codec = my_codec})`. Its name travels with
  /// the object, and who reads says the same: by another one, or by none, it is `type_mismatch`, which names
  /// both. A type that it declines is stored and read in locum's own way. The value is encoded by the
  /// calling thread, before these return; what the codec throws is the error. Objects are `Layout::encoded`,
  /// without extents: they are read whole, and decoded once per process.
  template <class T>
  [[nodiscard]] Result<Key> put(const T& value, const Encoding<T>& by, Deadline deadline = {}) {
    return key_of(store_by({}, false, &value, by.codec.steps(), by.codec.codec(), {}, deadline));
  }
  template <class T>
  [[nodiscard]] Result<Key> put(std::string_view name, const T& value, const Encoding<T>& by,
                                Deadline deadline = {}) {
    return key_of(store_by(name, true, &value, by.codec.steps(), by.codec.codec(), {}, deadline));
  }
  template <class T>
  [[nodiscard]] Result<Key> replace(std::string_view name, const T& value, const Encoding<T>& by,
                                    const ReplaceOptions& options = {}, Deadline deadline = {}) {
    return key_of(store_by(name, true, &value, by.codec.steps(), by.codec.codec(),
                           {SealMode::replace, options.expected_generation}, deadline));
  }
  template <class T>
  [[nodiscard]] Eventual<Key> put_async(const T& value, const Encoding<T>& by, Deadline deadline = {}) {
    return Eventual<Key>(put(value, by, deadline));
  }
  template <class T>
  [[nodiscard]] Eventual<Key> put_async(std::string_view name, const T& value, const Encoding<T>& by,
                                        Deadline deadline = {}) {
    return begin_put_by(name, &value, by.codec.steps(), by.codec.codec(), {}, deadline);
  }
  template <class T>
  [[nodiscard]] Eventual<Key> replace_async(std::string_view name, const T& value, const Encoding<T>& by,
                                            const ReplaceOptions& options = {}, Deadline deadline = {}) {
    return begin_put_by(name, &value, by.codec.steps(), by.codec.codec(),
                        {SealMode::replace, options.expected_generation}, deadline);
  }
  /// Of the type that was put: `Proxy<std::vector<double>>`. It is sent as its handle, as ever, and made from
  /// that by `Runtime::proxy<T>(handle, {.codec = my_codec})`.
  template <class T>
  [[nodiscard]] Result<Proxy<T>> put_proxy(const T& value, const Coding<T>& by, Deadline deadline = {}) {
    const auto& encoder = by.codec.encoder();
    return resolved_proxy<T>({}, store_by({}, false, &value, encoder.steps(), encoder.codec(), {}, deadline),
                             by.codec.decoder());
  }
  template <class T>
  [[nodiscard]] Result<Proxy<T>> put_proxy(std::string_view name, const T& value, const Coding<T>& by,
                                           Deadline deadline = {}) {
    const auto& encoder = by.codec.encoder();
    return resolved_proxy<T>(name,
                             store_by(name, true, &value, encoder.steps(), encoder.codec(), {}, deadline),
                             by.codec.decoder());
  }
  template <class T>
  [[nodiscard]] Result<View<T>> get(const Key& key, const Decoding<T>& by, Deadline deadline = {}) {
    return view_of<T>(fetch(key, deadline), by.codec.reader());
  }
  template <class T>
  [[nodiscard]] Result<View<T>> get(std::string_view name, const Decoding<T>& by, Deadline deadline = {}) {
    return view_of<T>(fetch(name, deadline), by.codec.reader());
  }
  template <class T>
  [[nodiscard]] Result<View<T>> wait(std::string_view name, const Decoding<T>& by, Deadline deadline = {}) {
    return view_of<T>(await(name, deadline), by.codec.reader());
  }
  template <class T>
  [[nodiscard]] Future<T> get_async(const Key& key, const Decoding<T>& by, Deadline deadline = {}) {
    return begin<T>(of_this_store(key), key, Selection(), deadline, by.codec.reader());
  }
  template <class T>
  [[nodiscard]] Future<T> get_async(std::string_view name, const Decoding<T>& by, Deadline deadline = {}) {
    return begin<T>(usable(name), {open_->number, name}, Selection(), deadline, by.codec.reader());
  }
  template <class T, std::ranges::input_range Range>
    requires(!std::convertible_to<const Range&, std::string_view>)
  [[nodiscard]] std::vector<Future<T>> get_async(const Range& objects, const Decoding<T>& by,
                                                 Deadline deadline = {}) {
    std::vector<Future<T>> futures;
    for (const auto& object : objects) {
      futures.push_back(get_async<T>(object, by, deadline));
    }
    return futures;
  }
  template <class T, std::ranges::input_range Range>
    requires(!std::convertible_to<const Range&, std::string_view>)
  [[nodiscard]] std::vector<Result<View<T>>> get_batch(const Range& objects, const Decoding<T>& by,
                                                       Deadline deadline = {}) {
    std::vector<Result<View<T>>> results;
    if constexpr (detail::alignment_in_place<T>() > batch_alignment) {
      const Deadline until = moment(deadline);
      for (const auto& future : get_async<T>(objects, by, until)) {
        results.push_back(future.get(until));
      }
    } else {
      const detail::BatchAddresses addresses(open_->number, objects);
      for (auto& object : find_batch(addresses, Wanting::all, deadline)) {
        results.push_back(view_of<T>(std::move(object), by.codec.reader()));
      }
    }
    return results;
  }
  template <class T>
  [[nodiscard]] Result<Proxy<T>> proxy(const Key& key, const Decoding<T>& by, Deadline deadline = {}) {
    return proxy_to<T>(fetch_some(key, Selection(Facts()), deadline), by.codec);
  }
  template <class T>
  [[nodiscard]] Result<Proxy<T>> proxy(std::string_view name, const Decoding<T>& by, Deadline deadline = {}) {
    return proxy_to<T>(fetch_some(name, Selection(Facts()), deadline), by.codec);
  }
  /// Refused while compiling: see the text.
  template <class T, class At>
  [[nodiscard]] Result<View<T>> get(const At& /*object*/, const Part& /*part*/, const Decoding<T>& /*by*/) {
    return detail::refuse_part_by_codec<T>();
  }
  template <class T, class At>
  [[nodiscard]] Result<View<T>> get(const At& /*object*/, const Hyperslab& /*slab*/,
                                    const Decoding<T>& /*by*/) {
    return detail::refuse_part_by_codec<T>();
  }
  /// This store, with a codec for all calls. Include `coded_store.hpp`.
  template <class C>
  [[nodiscard]] CodedStore<C> with(C codec) const;

  /// A promise: a stand-in for an object that is not there yet, to be set later. Its placeholder takes memory
  /// as a small object does; no message. Include `promise.hpp`.
  template <class T>
  [[nodiscard]] Result<Promise<T>> promise(Deadline deadline = {});
  /// The same, whose value is put under that name when it is set: found by wait() and get(), too.
  template <class T>
  [[nodiscard]] Result<Promise<T>> promise(std::string_view name, Deadline deadline = {});

  // Keep, drop, look

  [[nodiscard]] Result<bool> exists(const Key& key, Deadline deadline = {});
  [[nodiscard]] Result<bool> exists(std::string_view name, Deadline deadline = {});
  /// True: it was there, and no get that starts later, on any rank, finds it. False: nothing was there.
  Evicted evict(const Key& key, Deadline deadline = {});
  Evicted evict(std::string_view name, Deadline deadline = {});
  /// evict() of each key or name of a range, in its order: a result for each, which may be left unread, and
  /// one that fails does not fail the others. The node of an object, or the home of its name, is told in one
  /// message of 256 of them; whom these have to tell on, and what is of this node, is told of one by one,
  /// side by side. Keys of promises come behind all others, one after the other, as long as there is
  /// time. The deadline, or the timeout where none is given, is one for all. Throws std::bad_alloc where
  /// there is no memory for the results themselves: nothing has been evicted then.
  template <std::ranges::input_range Range>
    requires(!std::convertible_to<const Range&, std::string_view>)
  std::vector<Result<bool>> evict_batch(const Range& objects, Deadline deadline = {}) {
    return evict_all(detail::BatchAddresses(open_->number, objects), deadline);
  }
  /// Names that begin with `prefix`, in ascending byte order. Names live throughout the call appear once,
  /// others may.
  [[nodiscard]] Result<std::vector<std::string>> keys(std::string_view prefix = {}, Deadline deadline = {});
  /// What an object says of itself. Its bytes stay where they are (but that the home of a name sends a value
  /// along that it has beside it: see `inline_bytes`); one of another node, of which this node has no copy,
  /// is asked for at that node.
  [[nodiscard]] Result<ObjectInfo> info(const Key& key, Deadline deadline = {});
  [[nodiscard]] Result<ObjectInfo> info(std::string_view name, Deadline deadline = {});

 private:
  template <class T>
  friend class Promise;

  [[nodiscard]] Session& session() const noexcept { return *open_->session; }
  [[nodiscard]] Deadline effective(Deadline deadline) const {
    const bool own = deadline.is_default() && open_->options.timeout.count() > 0;
    return own ? Deadline(open_->options.timeout) : deadline;
  }
  /// The same, fixed: what is done for each of a batch has this one time together.
  [[nodiscard]] Deadline moment(Deadline deadline) const {
    return session().arrivals()->moment(effective(deadline));
  }

  /// What a put made.
  struct Made {
    Key key;
    std::uint64_t generation = 0;
    std::uint64_t size_bytes = 0;
  };

  template <class T>
  [[nodiscard]] static Result<Selection> elements(const Part& part) {
    const auto range = range_of(part, sizeof(std::remove_extent_t<T>));
    return range ? Result<Selection>(*range) : Result<Selection>(range.error());
  }
  template <class T>
  [[nodiscard]] static Result<Selection> elements(const Hyperslab& slab) {
    return Selection(Elements{slab, sizeof(std::remove_extent_t<T>)});
  }

  template <class T>
  [[nodiscard]] Future<T> begin(const Result<void>& allowed, const Address& address,
                                const Result<Selection>& selection, Deadline deadline) {
    // Of each type one function, not one that is known at run time only.
    return begin<T>(allowed, address, selection, deadline,
                    [](Session& session, ObjectView&& object, bool keep_decoded) {
                      return detail::read_view<T>(session, std::move(object), keep_decoded);
                    });
  }
  template <class T, class Read>
  [[nodiscard]] Future<T> begin(const Result<void>& allowed, const Address& address,
                                const Result<Selection>& selection, Deadline deadline, Read read) {
    return begin<View<T>, ObjectView>(
        address, allowed && !selection ? selection.error() : allowed,
        [&] { return session().begin(address, *selection, effective(deadline)); },
        [open = open_, read](Result<ObjectView> found, const Address& about) {
          Session& session = *open->session;
          return found ? read(session, *std::move(found), open->options.keep_decoded)
                       : Result<View<T>>(session.missed(about, found.error()));
        });
  }
  // What `begin` makes a BegunWith<T> of, if that is allowed. `make(Result<T>, Address)` makes a Result<V>
  // of its end, and keeps the store; for `note` see ComingState.
  template <class V, class T, class Begin, class Make, class Note = detail::NotNoted>
  [[nodiscard]] Eventual<V> begin(const Address& address, const Result<void>& allowed, Begin begin, Make make,
                                  Note note = {}) {
    if (!allowed) {
      return Eventual<V>(session().explain(address, allowed.error()));
    }
    try {
      return detail::begin_coming<V, T>(
          session().arrivals(), std::move(begin),
          [make = std::move(make), key = address.key, name = std::string(address.name)](Result<T> end) {
            return make(std::move(end), name.empty() ? Address(key) : Address(key.store, name));
          },
          std::move(note));
    } catch (const std::bad_alloc&) {
      return Eventual<V>(no_memory_left());
    }
  }
  [[nodiscard]] Result<void> of_this_store(const Key& key) const {
    return key.store == open_->number ? usable(Address(key)) : Result<void>(refusal(key));
  }

  // The two look-ups stay short: everything that is rare is out of line.
  [[nodiscard]] Result<ObjectView> fetch(const Key& key, Deadline deadline) {
    if (key.store != open_->number || open_->dropped.load(std::memory_order_relaxed)) [[unlikely]] {
      return refusal(key);
    }
    return session().fetch(Address(key), effective(deadline));
  }
  [[nodiscard]] Result<ObjectView> fetch(std::string_view name, Deadline deadline) {
    if (name.empty() || name.size() > max_name_bytes || open_->dropped.load(std::memory_order_relaxed))
        [[unlikely]] {
      return refusal(name);
    }
    return session().fetch(Address(open_->number, name), effective(deadline));
  }
  [[nodiscard]] Result<ObjectView> fetch_some(const Key& key, const Result<Selection>& selection,
                                              Deadline deadline);
  [[nodiscard]] Result<ObjectView> fetch_some(std::string_view name, const Result<Selection>& selection,
                                              Deadline deadline);
  [[nodiscard]] Result<ObjectView> fetch_some_at(const Address& address, const Result<Selection>& selection,
                                                 Deadline deadline);
  [[nodiscard]] Result<void> usable(const Address& address) const;
  [[nodiscard]] Result<void> usable(std::string_view name) const;
  [[nodiscard]] Error refusal(const Key& key) const;
  [[nodiscard]] Error refusal(std::string_view name) const;

  [[nodiscard]] std::vector<Result<ObjectView>> find_batch(const detail::BatchAddresses& asked,
                                                           Wanting wanting, Deadline deadline);
  [[nodiscard]] Result<ObjectView> await(std::string_view name, Deadline deadline);
  [[nodiscard]] Result<ObjectDraft> allocate(std::uint64_t size_bytes, ObjectMeta&& meta, bool named,
                                             Deadline deadline);
  [[nodiscard, gnu::cold, gnu::noinline]] Error no_draft(std::string_view name, const Error& error) const;
  [[nodiscard]] Result<Made> seal(const ObjectDraft& draft, std::string_view name, const SealOptions& options,
                                  Deadline deadline);
  [[nodiscard]] std::vector<Result<Made>> seal_batch(detail::OwnedDrafts& drafts, Deadline deadline);
  [[nodiscard]] Result<Key> key_in_batch(std::string_view name, const Result<Made>& made) noexcept;
  [[nodiscard]] Eventual<Key> begin_seal(const ObjectDraft& draft, std::string_view name,
                                         const SealOptions& options, Deadline deadline);
  [[nodiscard]] Result<ObjectDraft> draft_of_bytes(std::string_view name, bool named,
                                                   std::span<const std::byte> bytes, Deadline deadline);
  [[nodiscard]] Result<Made> store_bytes(std::string_view name, bool named, std::span<const std::byte> bytes,
                                         Deadline deadline);
  [[nodiscard]] Result<ObjectDraft> draft_by(std::string_view name, bool named, const void* value,
                                             const detail::WritingSteps& steps, const void* codec,
                                             Deadline deadline);
  [[nodiscard]] Result<Made> store_by(std::string_view name, bool named, const void* value,
                                      const detail::WritingSteps& steps, const void* codec,
                                      const SealOptions& options, Deadline deadline);
  [[nodiscard]] Eventual<Key> begin_put_by(std::string_view name, const void* value,
                                           const detail::WritingSteps& steps, const void* codec,
                                           const SealOptions& options, Deadline deadline);
  [[nodiscard]] Result<View<std::byte[]>> bytes_of(Result<ObjectView> object);
  [[nodiscard]] Result<bool> exists_at(const Address& address, Deadline deadline);
  [[nodiscard]] Eventual<bool> begin_exists_at(const Address& address, Deadline deadline);
  [[nodiscard]] Result<bool> evict_at(const Address& address, Deadline deadline);
  [[nodiscard]] Eventual<bool> begin_evict_at(const Address& address, Deadline deadline);
  [[nodiscard]] std::vector<Result<bool>> evict_all(const detail::BatchAddresses& asked, Deadline deadline);
  [[nodiscard]] Result<bool> evict_promised(const Key& key, Deadline deadline);

  [[nodiscard]] static Result<Key> key_of(const Result<Made>& made) {
    return made ? Result<Key>(made->key) : Result<Key>(made.error());
  }

  template <class T>
  [[nodiscard]] Result<Made> store_value(std::string_view name, bool named, const T& value,
                                         const SealOptions& options, Deadline deadline) {
    return store_value(name, named, value, deadline,
                       [&](const ObjectDraft& draft) { return seal(draft, name, options, deadline); });
  }
  // Memory that is filled, to be sealed with others; a key of none, or an error.
  template <class T>
  [[nodiscard]] Result<Key> draft_in_batch(std::string_view name, bool named, const T& value,
                                           Deadline deadline, detail::OwnedDrafts& drafts) {
    return store_value(name, named, value, deadline, [&](const ObjectDraft& made) {
      drafts.add(made);
      return Result<Key>(Key{});
    });
  }
  template <class T>
  [[nodiscard]] Eventual<Key> begin_put(std::string_view name, const T& value, const SealOptions& options,
                                        Deadline deadline) {
    return store_value(name, true, value, deadline,
                       [&](const ObjectDraft& draft) { return begin_seal(draft, name, options, deadline); });
  }
  // What `seal` makes of the draft, or an error.
  template <class T, class Seal>
  [[nodiscard]] auto store_value(std::string_view name, bool named, const T& value, Deadline deadline,
                                 Seal seal) -> std::invoke_result_t<Seal, const ObjectDraft&> {
    using Outcome = std::invoke_result_t<Seal, const ObjectDraft&>;
    const auto size_bytes = detail::stored_bytes(value);
    if (!size_bytes) {
      return Outcome(size_bytes.error());
    }
    auto draft = allocate(*size_bytes, detail::meta_of(open_->number, name, value), named, deadline);
    if (!draft) [[unlikely]] {
      return Outcome(no_draft(name, draft.error()));
    }
    if constexpr (Flat<T> || detail::FlatRange<T>) {
      (void)detail::store_value(value, draft->bytes);  // a copy of bytes cannot fail
    } else {
      detail::OwnedDraft owned(open_, *draft);
      if (auto written = detail::store_value(value, draft->bytes); !written) {
        return Outcome(session().explain({open_->number, name}, written.error()));
      }
      (void)owned.release();
    }
    return seal(*draft);
  }

  template <class T>
  [[nodiscard]] Result<Writer<T>> make_writer(const Result<Extents>& extents, std::string_view name,
                                              bool named, Deadline deadline) {
    const auto size_bytes = detail::array_bytes(extents, sizeof(T));
    if (!size_bytes) {
      return size_bytes.error();
    }
    auto draft = allocate(*size_bytes, detail::array_meta<T>(open_->number, name, *extents), named, deadline);
    if (!draft) [[unlikely]] {
      return no_draft(name, draft.error());
    }
    return Writer<T>(detail::OwnedDraft(open_, *draft), *extents, std::string(name));
  }

  template <class T>
  [[nodiscard]] Result<View<T>> view_of(Result<ObjectView> object) {
    if (!object) [[unlikely]] {
      return object.error();
    }
    return detail::read_view<T>(session(), *std::move(object), open_->options.keep_decoded);
  }
  template <class T>
  [[nodiscard]] Result<View<T>> view_of(Result<ObjectView> object, detail::Reader<T> read) {
    return object ? read(session(), *std::move(object), open_->options.keep_decoded)
                  : Result<View<T>>(object.error());
  }

  template <class T>
  [[nodiscard]] Result<Proxy<T>> proxy_to(const Result<ObjectView>& object) {
    detail::check_readable<T>();
    const auto handle = handle_to(object, type_identity<detail::Stored<T>>);
    return handle ? Result<Proxy<T>>(session().template proxy<T>(*handle)) : handle.error();
  }
  template <class T>
  [[nodiscard]] Result<Proxy<T>> proxy_to(const Result<ObjectView>& object, const detail::DecoderOf<T>& by) {
    const auto handle = handle_to(object, by.identity());
    return handle ? Result<Proxy<T>>(session().template proxy<T>(*handle, Decoding<T>{by})) : handle.error();
  }
  [[nodiscard]] Result<Handle> handle_to(const Result<ObjectView>& object, const TypeIdentity& identity);
  [[nodiscard]] Handle handle_of(std::string_view name, const Made& made, const TypeIdentity& identity) const;

  template <class T>
  [[nodiscard]] Result<Proxy<T>> resolved_proxy(std::string_view name, const Result<Made>& made,
                                                const detail::DecoderOf<T>& by) {
    if (!made) {
      return made.error();
    }
    auto proxy = session().template proxy<T>(handle_of(name, *made, by.identity()), Decoding<T>{by});
    proxy.prefetch();
    return proxy;
  }
  template <class T>
  [[nodiscard]] Result<Proxy<detail::Stored<T>>> resolved_proxy(std::string_view name,
                                                                const Result<Made>& made) {
    if (!made) {
      return made.error();
    }
    auto proxy =
        session().template proxy<detail::Stored<T>>(handle_of(name, *made, type_identity<detail::Stored<T>>));
    // Somebody may have evicted it already: then the stand-in says so when it is used.
    proxy.prefetch();
    return proxy;
  }

  std::shared_ptr<detail::OpenStore> open_;
};

}  // namespace locum
