#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <locum/codec.hpp>
#include <locum/detail/batch_calls.hpp>
#include <locum/detail/begun_calls.hpp>
#include <locum/detail/refused_calls.hpp>
#include <locum/detail/store_steps.hpp>
#include <locum/object_info.hpp>
#include <locum/proxy.hpp>
#include <locum/replace_options.hpp>
#include <locum/session.hpp>
#include <locum/view.hpp>
#include <locum/writer.hpp>

namespace locum {

template <class T>
class Promise;
template <class C>
class CodedStore;

/// What `evict` answers: a `Result<bool>` that may be left unread, because whoever throws away what is no
/// longer needed seldom asks whether it was there.
class Evicted : public Result<bool> {
 public:
  Evicted(Result<bool> evicted) : Result<bool>(std::move(evicted)) {}
};

/// A store: objects by key and by name, shared by all ranks of a runtime that open the same name. A cheap
/// value; all threads of a rank may use it at once. Objects are written once and read many times; `replace`
/// changes what a name stands for. Names are 1 byte to 64 KiB of any bytes; another is `invalid_argument`,
/// and so are names of 16 or 24 bytes that begin with the byte 0 and `promise`, which are the library's own.
/// Every call takes an optional deadline; omitted, it is the store's, else the runtime's. After the runtime's
/// end, or the store's (`drop`), every call answers `closed`; views stay valid. Calls that do not wait for
/// what they begin (`get_async`, `put_async` …) are in BegunCalls, those of many objects at a time in
/// BatchCalls.
class Store : public BatchCalls {
 public:
  /// Made by Session::open and Runtime::store.
  explicit Store(std::shared_ptr<detail::OpenStore> open) noexcept : BatchCalls(std::move(open)) {}

  [[nodiscard]] const std::string& name() const noexcept { return open_->name; }
  /// Those in force: of the first opener, on whichever rank.
  [[nodiscard]] const StoreOptions& options() const noexcept { return open_->options; }
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
  /// other types are decoded, once per process; values that have stand-ins inside once for all who have them
  /// at a time. `not_found` at once if nobody put it; `type_mismatch` names both types.
  template <class T>
  [[nodiscard]] Result<View<T>> get(const Key& key, Deadline deadline = {}) {
    return view_of<T>(fetch(key, deadline), deadline);
  }
  template <class T>
  [[nodiscard]] Result<View<T>> get(std::string_view name, Deadline deadline = {}) {
    return view_of<T>(fetch(name, deadline), deadline);
  }
  /// Some elements of an array, row-major: `get<double[]>(key, {.offset = 100, .count = 10})`. In place on
  /// the node of the object, and on one that has a copy of it; else these elements alone travel (all of them
  /// where the store has a checksum, or where the home of the name has the value beside it: see
  /// `inline_bytes`).
  /// `invalid_argument` if the object does not have them, or for none of them.
  template <class T>
    requires std::is_unbounded_array_v<T>
  [[nodiscard]] Result<View<T>> get(const Key& key, const Part& part, Deadline deadline = {}) {
    return view_of<T>(fetch_some(key, elements<T>(part), deadline), deadline);
  }
  template <class T>
    requires std::is_unbounded_array_v<T>
  [[nodiscard]] Result<View<T>> get(std::string_view name, const Part& part, Deadline deadline = {}) {
    return view_of<T>(fetch_some(name, elements<T>(part), deadline), deadline);
  }
  /// A box of an array, or every n-th element of one, as an array of its own, row-major, whose extents are
  /// `count`: `get<double[]>(key, {.start = {0, 8}, .count = {4, 2}, .stride = {1, 5}})`, as many dimensions
  /// as the object has. In place on the node of the object where the elements lie side by side, else a copy
  /// of them; from another node these elements alone travel, but for the same exceptions. `invalid_argument`
  /// if the object does not have them all.
  template <class T>
    requires std::is_unbounded_array_v<T>
  [[nodiscard]] Result<View<T>> get(const Key& key, const Hyperslab& slab, Deadline deadline = {}) {
    return view_of<T>(fetch_some(key, elements<T>(slab), deadline), deadline);
  }
  template <class T>
    requires std::is_unbounded_array_v<T>
  [[nodiscard]] Result<View<T>> get(std::string_view name, const Hyperslab& slab, Deadline deadline = {}) {
    return view_of<T>(fetch_some(name, elements<T>(slab), deadline), deadline);
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
  /// The object under a name, as soon as somebody puts it. `timeout` if nobody does before the deadline;
  /// before that `broken_promise` or `peer_lost` if it was promised and will not be put.
  template <class T>
  [[nodiscard]] Result<View<T>> wait(std::string_view name, Deadline deadline = {}) {
    return view_of<T>(await(name, deadline), deadline);
  }

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

  /// Calls by a codec (see Codec): `put("mesh", mesh, {.codec = my_codec})`. Its name travels with
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
    return view_of<T>(fetch(key, deadline), deadline, by.codec.reader());
  }
  template <class T>
  [[nodiscard]] Result<View<T>> get(std::string_view name, const Decoding<T>& by, Deadline deadline = {}) {
    return view_of<T>(fetch(name, deadline), deadline, by.codec.reader());
  }
  template <class T>
  [[nodiscard]] Result<View<T>> wait(std::string_view name, const Decoding<T>& by, Deadline deadline = {}) {
    return view_of<T>(await(name, deadline), deadline, by.codec.reader());
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
  /// The same, whose value is put under that name when it is set: found by wait() and get(), too. Asks the
  /// node that keeps what is promised by name, and waits for it.
  template <class T>
  [[nodiscard]] Result<Promise<T>> promise(std::string_view name, Deadline deadline = {});

  // Keep, drop, look

  [[nodiscard]] Result<bool> exists(const Key& key, Deadline deadline = {});
  [[nodiscard]] Result<bool> exists(std::string_view name, Deadline deadline = {});
  /// True: it was there, and no get that starts later, on any rank, finds it. False: nothing was there.
  Evicted evict(const Key& key, Deadline deadline = {});
  Evicted evict(std::string_view name, Deadline deadline = {});
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

  [[nodiscard]] Result<ObjectView> await(std::string_view name, Deadline deadline);
  [[nodiscard]] Result<View<std::byte[]>> bytes_of(Result<ObjectView> object);

  template <class T>
  [[nodiscard]] Result<Writer<T>> make_writer(const Result<Extents>& extents, std::string_view name,
                                              bool named, Deadline deadline) {
    const auto size_bytes = detail::array_bytes(extents, sizeof(T), detail::Flattened<T>::inner.size());
    if (!size_bytes) {
      return size_bytes.error();
    }
    auto draft = allocate(*size_bytes, detail::array_meta<T>(open_->number, name, *extents), named, deadline);
    if (!draft) [[unlikely]] {
      return no_draft(name, draft.error());
    }
    return Writer<T>(detail::OwnedDraft(open_, *draft), *extents, std::string(name));
  }

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
        session().template proxy<detail::Stored<T>>(handle_of(name, *made, detail::object_identity<T>));
    // Somebody may have evicted it already: then the stand-in says so when it is used.
    proxy.prefetch();
    return proxy;
  }
};

}  // namespace locum
