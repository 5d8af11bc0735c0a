#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <locum/call_options.hpp>
#include <locum/codec.hpp>
#include <locum/detail/batch_steps.hpp>
#include <locum/key.hpp>
#include <locum/object_info.hpp>
#include <locum/proxy.hpp>
#include <locum/session.hpp>
#include <locum/view.hpp>
#include <locum/when.hpp>
#include <locum/writer.hpp>

namespace locum {

template <class T>
class Promise;
template <class C>
class CodedStore;
class RawStore;
class Record;
namespace detail {
class ObjectCalls;
class Stream;
class TaskQueueBase;
}  // namespace detail

/// The result of `evict`: a `Result<bool>` that may be ignored, because most programs do not need to know
/// whether the object still existed.
class Evicted : public Result<bool> {
 public:
  Evicted(Result<bool> evicted) : Result<bool>(std::move(evicted)) {}
};

/// A store: objects by key and by name, shared by all ranks of a runtime that open the same name. Cheap to
/// copy; any thread of a rank may use it. An object is written once and read many times; `replace` binds a
/// name to another object.
///
/// *Ids.* A Key or a name identifies an object. A name is 1 byte to 64 KiB of any bytes; others are
/// `invalid_argument`, as are the names of the library itself: 16 or 24 bytes that begin with a byte 0 and
/// `promise`. In argument lists a name comes before values and extents.
///
/// *Collections.* `fields.collection("step42")` is a Store over the same objects: its calls put `step42/` in
/// front of the names they are given, and keys() returns names without it. Errors and info() give full names.
///
/// *Options.* The last argument of each call is one aggregate of options (see call_options.hpp):
/// `get<Mesh>(id, {.codec = mine, .deadline = 2s})`. Without a deadline the store's default applies, else
/// that of the runtime; no call waits for ever.
///
/// *Room.* If the node has no memory for an object, a call that stores it returns `out_of_memory` at once.
/// With `{.when_full = WhenFull::wait}` it sleeps until there is room, and returns `timeout` at its deadline;
/// it still returns `out_of_memory` at once if no other rank can make room because views of this process keep
/// too much: the error names them, and counts those of all threads. The calling thread sleeps, so a
/// continuation that waits for room delays those after it. Asynchronous calls do not wait for room.
///
/// *Lifetimes.* An object is evicted at the end of its lifetime: that of the call (`{.lifetime = 10s}`), else
/// of the collection, else of the store. A replacement has a lifetime of its own: update(), fetch_add() and
/// Promise::set() use that of the collection or store.
///
/// *Errors.* Calls return Result; `not_found` and `timeout` are ordinary outcomes. Every call can return
/// `closed` after the runtime was closed or the store dropped; views stay valid. Calls that need another node
/// can return `peer_lost` and `timeout`. docs/errors.md has a table.
class Store : private detail::BatchSteps {
 public:
  /// Called by Session::open and Runtime::store.
  explicit Store(std::shared_ptr<detail::OpenStore> open) noexcept : BatchSteps(std::move(open)) {}

  /// Returns the name of the store; for a collection its own name after those of enclosing collections:
  /// `step42`, `step42/ghosts`.
  [[nodiscard]] const std::string& name() const noexcept {
    return open_->collection.empty() ? open_->name : open_->collection;
  }
  /// Returns the options in force: those of the first rank that opened the store; for a collection, with its
  /// lifetime.
  [[nodiscard]] const StoreOptions& options() const noexcept { return open_->options; }
  /// Returns the `Key::store` of the store's objects.
  [[nodiscard]] std::uint32_t number() const noexcept { return open_->number; }

  /// @name Share
  /// @{

  /// Stores a value without a name: one copy into the memory of this node, no message. Ranges of flat
  /// elements (vector, array, span, string) and arrays with gaps (see locum::array) are stored as `T[]`, flat
  /// values in their memory layout, all others by their `serialize` or by the given codec. The codec's name
  /// is stored with the object, and a reader must give the same codec. A type that the codec declines is
  /// stored without it. The text of `out_of_memory` gives the bytes requested, used, pinned and free.
  template <class T>
  [[nodiscard]] Result<Key> put(const T& value) const {
    detail::check_value<T>();
    return key_of(store_value({}, false, value, {}, {}));
  }
  template <class T>
  [[nodiscard]] Result<Key> put(const T& value, const PutOptions<T>& options) const {
    const std::string name = unnamed(options.listed);
    return key_of(store_value_by(name, !name.empty(), value, options.codec, {}, options.when_full,
                                 detail::StoredHow(options)));
  }
  /// Stores a value under a name; all ranks find it once this returns. Blocks for one round trip if another
  /// node is the home of the name. `key_exists` if the name is in use; its object is unchanged.
  template <class T>
    requires(!detail::is_call_option<T>)
  [[nodiscard]] Result<Key> put(std::string_view name, const T& value) const {
    return key_of(store_value(full(name), true, value, {}, {}));
  }
  template <class T>
  [[nodiscard]] Result<Key> put(std::string_view name, const T& value, const PutOptions<T>& options) const {
    detail::check_value<T>();
    return key_of(store_value_by(full(name), true, value, options.codec, {}, options.when_full,
                                 detail::StoredHow(options)));
  }
  /// Rejects an option in place of a value, at compile time.
  template <class T>
    requires detail::is_call_option<T>
  [[nodiscard]] Result<Key> put(std::string_view /*name*/, const T& /*option*/) const {
    detail::check_value<T>();
    return Key{};
  }
  /// Binds the name to a new object, atomically: a new generation of the name, or its first. Views of the old
  /// object stay valid; stand-ins for it return `stale`.
  template <class T>
  [[nodiscard]] Result<Key> replace(std::string_view name, const T& value) const {
    detail::check_value<T>();
    return key_of(store_value(full(name), true, value, {SealMode::replace}, {}));
  }
  template <class T>
  [[nodiscard]] Result<Key> replace(std::string_view name, const T& value,
                                    const ReplaceOptions<T>& options) const {
    detail::check_value<T>();
    return key_of(store_value_by(full(name), true, value, options.codec,
                                 {SealMode::replace, options.expected_generation}, options.when_full,
                                 detail::StoredHow(options)));
  }
  /// Changes the value under a name, atomically: reads it, replaces it by `change(value)`, and repeats both
  /// until the deadline if the value was replaced meanwhile. Returns the new value. `change` may be called
  /// several times, so it should have no side effects; an exception from it ends the call and changes
  /// nothing. `not_found` if the name does not exist, `type_mismatch` if the value is of another type. After
  /// `timeout` or `peer_lost`, the last replacement may have been made, as with replace(). If several ranks
  /// change one name at once, one succeeds in each round.
  template <class T, std::invocable<const T&> Change>
    requires std::convertible_to<std::invoke_result_t<Change&, const T&>, T>
  [[nodiscard]] Result<T> update(std::string_view name, Change change,
                                 const CallOptions& options = {}) const {
    detail::check_value<T>();
    std::optional<T> value;
    const auto changed =
        update_by(name, options.deadline,
                  [&](ObjectView object, std::uint64_t generation, Deadline until) -> Result<Key> {
                    const auto view = view_of<T>(std::move(object), until);
                    if (!view) {
                      return view.error();
                    }
                    value.emplace(std::invoke(change, **view));
                    return replace(name, *value, {.expected_generation = generation, .deadline = until});
                  });
    return changed ? Result<T>(std::move(*value)) : changed.error();
  }
  /// Adds `difference` to the integer under a name, atomically, by update(); returns the previous value. A
  /// name that does not exist counts as 0. For shared tickets and counters: `const auto mine =
  /// tickets.fetch_add("next", 1)`. Wraps around.
  [[nodiscard]] Result<std::int64_t> fetch_add(std::string_view name, std::int64_t difference,
                                               const CallOptions& options = {}) const;
  /// Stores bytes as they are; read with get_bytes, or as `std::byte[]`.
  [[nodiscard]] Result<Key> put_bytes(std::span<const std::byte> bytes,
                                      const StoringOptions& options = {}) const {
    const std::string name = unnamed(options.listed);
    return key_of(store_bytes(name, !name.empty(), bytes, options.when_full, detail::StoredHow(options)));
  }
  [[nodiscard]] Result<Key> put_bytes(std::string_view name, std::span<const std::byte> bytes,
                                      const StoringOptions& options = {}) const {
    return key_of(store_bytes(full(name), true, bytes, options.when_full, detail::StoredHow(options)));
  }
  /// Stores bytes that are a `T` already, as put() would have stored it, by the codec if one is given: those
  /// that get_bytes() returned, or that came from elsewhere. They are not decoded; `invalid_argument` if
  /// their number is not that of a flat `T`, or of whole elements of a `T[]`.
  template <class T>
  [[nodiscard]] Result<Key> put_encoded(std::span<const std::byte> bytes,
                                        const PutOptions<T>& options = {}) const {
    const std::string name = unnamed(options.listed);
    return key_of(store_encoded(name, !name.empty(), bytes, detail::encoded_meta<T>(options.codec),
                                options.when_full, detail::StoredHow(options)));
  }
  template <class T>
  [[nodiscard]] Result<Key> put_encoded(std::string_view name, std::span<const std::byte> bytes,
                                        const PutOptions<T>& options = {}) const {
    return key_of(store_encoded(full(name), true, bytes, detail::encoded_meta<T>(options.codec),
                                options.when_full, detail::StoredHow(options)));
  }
  /// Stores a value like put(), and returns a stand-in for the object, resolved on this rank at once unless
  /// `{.populate = false}`. With a codec the stand-in has the type of `value`; another rank makes its own by
  /// `Runtime::proxy<T>(handle, {.codec = my_codec})`.
  template <class T>
  [[nodiscard]] Result<Proxy<detail::Stored<T>>> put_proxy(const T& value,
                                                           const ProxyOptions& options = {}) const {
    detail::check_value<T>();
    const std::string name = unnamed(options.listed);
    return made_proxy<T>(
        name, store_value_in_room(name, !name.empty(), value, options.when_full, detail::StoredHow(options)),
        options.populate);
  }
  template <class T>
    requires(!detail::is_call_option<T>)
  [[nodiscard]] Result<Proxy<detail::Stored<T>>> put_proxy(std::string_view name, const T& value,
                                                           const ProxyOptions& options = {}) const {
    const detail::FullName whole = full(name);
    return made_proxy<T>(
        whole, store_value_in_room(whole, true, value, options.when_full, detail::StoredHow(options)),
        options.populate);
  }
  template <class T>
  [[nodiscard]] Result<Proxy<T>> put_proxy(const T& value, const CodedProxyOptions<T>& options) const {
    const std::string name = unnamed(options.listed);
    const auto made = store_value_by(name, !name.empty(), value, options.codec.encoder(), {},
                                     options.when_full, detail::StoredHow(options));
    return made_proxy<T>(name, made, options.populate, options.codec.decoder());
  }
  template <class T>
  [[nodiscard]] Result<Proxy<T>> put_proxy(std::string_view name, const T& value,
                                           const CodedProxyOptions<T>& options) const {
    const detail::FullName whole = full(name);
    const auto made = store_value_by(whole, true, value, options.codec.encoder(), {}, options.when_full,
                                     detail::StoredHow(options));
    return made_proxy<T>(whole, made, options.populate, options.codec.decoder());
  }
  /// Makes a promise of a value, with a stand-in for it. Takes the memory of a small object and sends no
  /// message. `promise<Mesh>({.codec = mine})` stores the value by that codec. Include `promise.hpp`.
  template <class T>
  [[nodiscard]] Result<Promise<T>> promise(const PromiseOptions<T>& options = {}) const;
  /// Makes a promise whose value is put under `name` when it is set, so that wait() and get() also find it.
  /// Sends one request, to the node that stores the promises of names, and waits for the reply.
  template <class T>
  [[nodiscard]] Result<Promise<T>> promise(std::string_view name,
                                           const PromiseOptions<T>& options = {}) const;

  /// @}
  /// @name Write in place
  /// @{

  /// Returns memory for an array of these extents, slowest dimension first; visible once Writer::seal()
  /// returns. `invalid_argument` without extents, and for more elements than an object can have.
  template <Flat T>
  [[nodiscard]] Result<Writer<T>> create(const Extents& extents, const StoringOptions& options = {}) const {
    const std::string name = unnamed(options.listed);
    return make_writer<T>(name, !name.empty(), extents, options);
  }
  template <Flat T>
  [[nodiscard]] Result<Writer<T>> create(std::string_view name, const Extents& extents,
                                         const StoringOptions& options = {}) const {
    return make_writer<T>(full(name), true, extents, options);
  }

  /// @}
  /// @name Read
  /// @{

  /// Returns a view of the object. Flat types and `T[]` are read in place on the node of the object and on
  /// nodes that have a copy of it; `get<std::vector<T>>` of an array copies. Other types are decoded once per
  /// process; values that contain stand-ins, once for all concurrent readers. For a part or a hyperslab only
  /// its elements are transferred from another node, unless the store has checksums or the home of the name
  /// also has the value (see `inline_bytes`). `not_found` at once if the object does not exist;
  /// `type_mismatch` names both types; `invalid_argument` if the object does not have the selected elements.
  template <class T, ObjectId I>
  [[nodiscard]] Result<View<T>> get(const I& id) const {
    return view_of<T>(fetch(id, {}), {});
  }
  /// Overloads without a type: return an array, a number, a text or a Record, whatever the object is, in
  /// place. Include `<locum/record.hpp>`. `type_mismatch` names the type of any other object.
  [[nodiscard]] Result<Record> get(const Key& key, const CallOptions& options = {}) const;
  [[nodiscard]] Result<Record> get(std::string_view name, const CallOptions& options = {}) const;
  template <class T, ObjectId I>
  [[nodiscard]] Result<View<T>> get(const I& id, const GetOptions<T>& options) const {
    const Deadline until = options.deadline;
    return view_of<T>(fetch_chosen(id, choice_in(options), until), until, options.codec.reader());
  }
  /// Reads an array, or a selection of it, into the caller's memory: `read(id, std::span(mine))`. Returns the
  /// number of elements written. `invalid_argument` if the memory is too small; after any other error its
  /// contents are undefined. On the node of the object, this is one copy. From another node the elements are
  /// received in `into`, and not kept for other ranks of this node as get() would; only an object with a
  /// checksum, or of up to `inline_bytes`, passes through other memory of this process. If the deadline
  /// passes while elements arrive, the call ends when all have arrived. A stalled transfer is abandoned, and
  /// its sender is lost, after `peer_timeout` plus the time that all bytes in transfer take at 8 MiB/s.
  template <Flat T, std::size_t N, ObjectId I>
  [[nodiscard]] Result<std::size_t> read(const I& id, std::span<T, N> into,
                                         const GetOptions<T[]>& options = {}) const {
    const auto first = locum::array(into.data(), {into.size()});
    return elements_into<T>(
        detail::bytes_of(first), detail::Fit::at_least,
        fetch_into(id, choice_in(options), std::as_writable_bytes(std::span<T>(into)), options.deadline));
  }
  /// Overload for memory with gaps, such as the interior of an array with ghost cells: `read(id,
  /// locum::array(&mine[nx + 3], {ny, nx}, {nx + 2, 1}))`. The extents of `into` must be those of the object,
  /// or the `count` of the slab; a part has one extent. From another node the elements are received without
  /// gaps, in other memory, and then copied.
  template <Flat T, ObjectId I>
  [[nodiscard]] Result<std::size_t> read(const I& id, const StridedArray<T>& into,
                                         const GetOptions<T[]>& options = {}) const {
    return elements_into<T>(detail::bytes_of(into),
                            options.part.is_given() ? detail::Fit::elements : detail::Fit::same_extents,
                            fetch_chosen(id, choice_in(options), options.deadline));
  }
  /// Returns the stored bytes of an object of any type, in place: all, or a part.
  template <ObjectId I>
  [[nodiscard]] Result<View<std::byte[]>> get_bytes(const I& id, const BytesOptions& options = {}) const {
    return bytes_of(fetch_chosen(id, choice_of_bytes(options.part), options.deadline));
  }
  /// Blocks until a rank puts an object under the name, and returns a view of it; the thread sleeps.
  /// `timeout` if no rank puts it before the deadline; earlier `broken_promise` or `peer_lost` if the name
  /// was promised and will not be put.
  template <class T>
  [[nodiscard]] Result<View<T>> wait(std::string_view name) const {
    return view_of<T>(await(name, {}), {});
  }
  /// Overload with a deadline: `wait<T>(name, 10s)`.
  template <class T, std::convertible_to<Deadline> D>
  [[nodiscard]] Result<View<T>> wait(std::string_view name, const D& limit) const {
    const Deadline deadline = limit;
    return view_of<T>(await(name, deadline), deadline);
  }
  template <class T>
  [[nodiscard]] Result<View<T>> wait(std::string_view name, const ReadOptions<T>& options) const {
    const Deadline until = options.deadline;
    return view_of<T>(await(name, until), until, options.codec.reader());
  }
  /// Returns an unresolved stand-in for an existing object. Like info(), asks the node of the object whether
  /// it exists.
  template <class T, ObjectId I>
  [[nodiscard]] Result<Proxy<T>> proxy(const I& id) const {
    return proxy_to<T>(facts_of(id, {}));
  }
  template <class T, ObjectId I>
  [[nodiscard]] Result<Proxy<T>> proxy(const I& id, const ReadOptions<T>& options) const {
    return proxy_to<T>(facts_of(id, options.deadline), options.codec);
  }

  /// @}
  /// @name Keep, drop, look
  /// @{

  [[nodiscard]] Result<bool> exists(const Key& key, const CallOptions& options = {}) const;
  [[nodiscard]] Result<bool> exists(std::string_view name, const CallOptions& options = {}) const;
  /// Evicts an object. Returns true if it existed: no get that starts later, on any rank, finds it. Returns
  /// false if there was none.
  Evicted evict(const Key& key, const CallOptions& options = {}) const;
  Evicted evict(std::string_view name, const CallOptions& options = {}) const;
  /// Returns the names that begin with `prefix`, in ascending byte order. Names that exist throughout the
  /// call appear once, others may appear.
  [[nodiscard]] Result<std::vector<std::string>> keys(std::string_view prefix = {},
                                                      const CallOptions& options = {}) const;
  /// Returns the number of names that keys() returns, at the same cost.
  [[nodiscard]] Result<std::uint64_t> size(const CallOptions& options = {}) const;
  /// Returns a part of this store, by a second level of names: the name `T` in `collection("step42")` is
  /// `step42/T` in this store. Local and cheap; creates nothing, so any rank may call it at any time, and an
  /// empty collection is no different from an unused one. Collections may be nested. By Key, a collection
  /// finds all objects of the store; an object put without a name, unless `listed`, belongs to no collection.
  /// A TaskQueue over a collection is one of the store, with the full name; its tasks are not in the
  /// collection. `collection("step42", {.lifetime = 1h})` gives this lifetime to objects that are put without
  /// one; it is a property of this value, and of the collections that it makes, not of the names.
  /// `invalid_argument` for an empty name, one with a `/`, one that is too long, and an invalid lifetime.
  [[nodiscard]] Result<Store> collection(std::string_view name, const CollectionOptions& options = {}) const;
  /// Evicts all objects that keys() lists, including those of nested collections; returns the number evicted.
  /// Objects put meanwhile may stay. Not collective; any rank may call it. Blocks for the time of keys() and
  /// evict_batch(), which share the deadline. If some were not evicted, returns the first error; the others
  /// are evicted, and the call may be repeated. Objects without a name stay, unless they were put to be
  /// `listed`.
  [[nodiscard]] Result<std::uint64_t> clear(const CallOptions& options = {}) const;
  /// Returns the size, type, extents, owner, generation, name and expiry time of an object. If this node has
  /// no copy, asks the node of the object. The payload is not transferred, except for a small value that the
  /// home of the name sends with its reply (see `inline_bytes`).
  [[nodiscard]] Result<ObjectInfo> info(const Key& key, const CallOptions& options = {}) const;
  [[nodiscard]] Result<ObjectInfo> info(std::string_view name, const CallOptions& options = {}) const;

  /// @}
  /// @name Without waiting
  /// Values and errors are those of the blocking calls.
  /// @{

  /// Starts an asynchronous get(): the object is transferred while this process computes, within the
  /// deadline, and stays pinned as long as the future exists. A missing object is `not_found`: this does not
  /// wait for a put. Over all futures, the objects in transfer and those that arrived but were not yet got
  /// take at most `prefetch_bytes` (see RuntimeOptions), and at most 1024 are in transfer; up to 65536 more
  /// are queued (then `out_of_memory`), and without a deadline their time starts when they leave the queue. A
  /// future that a thread waits for, or that has a continuation, skips the queue.
  template <class T, ObjectId I>
  [[nodiscard]] Future<T> get_async(const I& id) const {
    return begin<T>(may_read(id), address_of(id), {}, {});
  }
  template <class T, ObjectId I>
  [[nodiscard]] Future<T> get_async(const I& id, const GetOptions<T>& options) const {
    return begin<T>(may_read(id), address_of(id), choice_in(options), options.deadline,
                    options.codec.reader());
  }
  /// Returns a future for each key or name of a range, in its order. See when_any() and when_all().
  template <class T, detail::AddressRange Range>
  [[nodiscard]] std::vector<Future<T>> get_async(const Range& ids) const {
    return begin_each<T>(ids, [&](const auto& id) { return get_async<T>(id); });
  }
  template <class T, detail::AddressRange Range>
  [[nodiscard]] std::vector<Future<T>> get_async(const Range& ids, const GetOptions<T>& options) const {
    return begin_each<T>(ids, [&](const auto& id) { return get_async<T>(id, options); });
  }
  /// Starts an asynchronous wait(): completes when a rank has put the name and the object has arrived. Counts
  /// in the window only from the put on. Unlike wait(), it does not notice that a promise of that name was
  /// broken, and ends with `timeout`. Each future of a name whose home is another node costs one request,
  /// which stays there until the deadline, even if the future is dropped; a home keeps 3072 requests of a
  /// rank.
  template <class T>
  [[nodiscard]] Future<T> wait_async(std::string_view name, const ReadOptions<T>& options = {}) const {
    return begin_wait<T>(name, options);
  }
  /// Overload with a deadline: `wait_async<T>(name, 10s)`.
  template <class T, std::convertible_to<Deadline> D>
  [[nodiscard]] Future<T> wait_async(std::string_view name, const D& limit) const {
    return begin_wait<T>(name, ReadOptions<T>{.codec = {}, .deadline = limit});
  }
  /// Starts an asynchronous info().
  [[nodiscard]] AsyncResult<ObjectInfo> info_async(const Key& key, const CallOptions& options = {}) const;
  [[nodiscard]] AsyncResult<ObjectInfo> info_async(std::string_view name,
                                                   const CallOptions& options = {}) const;
  /// Starts an asynchronous keys().
  [[nodiscard]] AsyncResult<std::vector<std::string>> keys_async(std::string_view prefix = {},
                                                                 const CallOptions& options = {}) const;
  /// Starts an asynchronous exists().
  [[nodiscard]] AsyncResult<bool> exists_async(const Key& key, const CallOptions& options = {}) const;
  [[nodiscard]] AsyncResult<bool> exists_async(std::string_view name, const CallOptions& options = {}) const;
  /// Starts an asynchronous put(). The value is stored when this returns, so the caller may change or destroy
  /// its own; this takes the time of the copy, and of making room if the memory is full. Only the name is
  /// bound in the background, by its home node, within the deadline; without a name the future is ready at
  /// once. A cancelled or dropped future does not stop the put. The limits of get_async() apply.
  /// `invalid_argument` for WhenFull::wait.
  template <class T>
  [[nodiscard]] detail::Later<Key, T> put_async(const T& value) const {
    return detail::Later<Key, T>(put(value));
  }
  template <class T>
  [[nodiscard]] detail::Later<Key, T> put_async(const T& value, const PutOptions<T>& options) const {
    const auto allowed = never_waits({}, options.when_full);
    if (allowed && options.listed) {
      return begin_put(unnamed(true), value, options.codec, {}, detail::StoredHow(options));
    }
    return detail::Later<Key, T>(allowed ? put(value, options) : allowed.error());
  }
  template <class T>
    requires(!detail::is_call_option<T>)
  [[nodiscard]] detail::Later<Key, T> put_async(std::string_view name, const T& value) const {
    return begin_put(full(name), value, {}, {});
  }
  template <class T>
  [[nodiscard]] detail::Later<Key, T> put_async(std::string_view name, const T& value,
                                                const PutOptions<T>& options) const {
    detail::check_value<T>();
    const detail::FullName whole = full(name);
    const auto allowed = never_waits(whole, options.when_full);
    return allowed ? begin_put(whole, value, options.codec, {}, detail::StoredHow(options))
                   : detail::Later<Key, T>(allowed.error());
  }
  /// Starts an asynchronous replace(), like put_async().
  template <class T>
  [[nodiscard]] detail::Later<Key, T> replace_async(std::string_view name, const T& value) const {
    detail::check_value<T>();
    return begin_put(full(name), value, {SealMode::replace}, {});
  }
  template <class T>
  [[nodiscard]] detail::Later<Key, T> replace_async(std::string_view name, const T& value,
                                                    const ReplaceOptions<T>& options) const {
    detail::check_value<T>();
    const detail::FullName whole = full(name);
    const auto allowed = never_waits(whole, options.when_full);
    return allowed ? begin_put(whole, value, options.codec, {SealMode::replace, options.expected_generation},
                               detail::StoredHow(options))
                   : detail::Later<Key, T>(allowed.error());
  }
  /// Starts an asynchronous put_bytes(), like put_async().
  [[nodiscard]] AsyncResult<Key> put_bytes_async(std::span<const std::byte> bytes,
                                                 const StoringOptions& options = {}) const;
  [[nodiscard]] AsyncResult<Key> put_bytes_async(std::string_view name, std::span<const std::byte> bytes,
                                                 const StoringOptions& options = {}) const;
  /// Starts an asynchronous evict(); a cancelled or dropped future does not stop it.
  AsyncResult<bool> evict_async(const Key& key, const CallOptions& options = {}) const;
  AsyncResult<bool> evict_async(std::string_view name, const CallOptions& options = {}) const;
  /// Starts an asynchronous read(). Only the transfer is asynchronous: `into` is written by the first get(),
  /// continuation or coroutine that takes the result, so it is not touched before that, nor if nobody does.
  /// From another node the elements pass through memory of this node.
  template <Flat T, std::size_t N, ObjectId I>
  [[nodiscard]] detail::Later<std::size_t, T> read_async(const I& id, std::span<T, N> into,
                                                         const GetOptions<T[]>& options = {}) const {
    const auto first = locum::array(into.data(), {into.size()});
    return begin_chosen_read(may_read(id), address_of(id), choice_in(options),
                             target_of<T>(detail::bytes_of(first), detail::Fit::at_least), options.deadline);
  }
  /// Overload for memory with gaps.
  template <Flat T, ObjectId I>
  [[nodiscard]] detail::Later<std::size_t, T> read_async(const I& id, const StridedArray<T>& into,
                                                         const GetOptions<T[]>& options = {}) const {
    return begin_chosen_read(
        may_read(id), address_of(id), choice_in(options),
        target_of<T>(detail::bytes_of(into),
                     options.part.is_given() ? detail::Fit::elements : detail::Fit::same_extents),
        options.deadline);
  }
  /// Starts an asynchronous update(). `change` is called on the runtime's thread for continuations, perhaps
  /// several times. A cancelled or dropped result does not stop it.
  template <class T, std::invocable<const T&> Change>
    requires std::convertible_to<std::invoke_result_t<Change&, const T&>, T>
  [[nodiscard]] AsyncResult<T> update_async(std::string_view name, Change change,
                                            const CallOptions& options = {}) const {
    detail::check_value<T>();
    const auto value = std::make_shared<std::optional<T>>();
    return begin_update_by(name, options.deadline,
                           [store = *this, name = std::string(name), change = std::move(change), value](
                               ObjectView object, std::uint64_t generation, Deadline until) mutable {
                             const auto view = store.view_of<T>(std::move(object), until);
                             if (!view) {
                               return detail::Later<Key, T>(view.error());
                             }
                             value->emplace(std::invoke(change, **view));
                             return store.replace_async(
                                 name, **value, {.expected_generation = generation, .deadline = until});
                           })
        .then([value](const Result<Key>& changed) {
          return changed ? Result<T>(std::move(**value)) : Result<T>(changed.error());
        });
  }
  /// Starts an asynchronous fetch_add(); a cancelled or dropped result does not stop it.
  [[nodiscard]] AsyncResult<std::int64_t> fetch_add_async(std::string_view name, std::int64_t difference,
                                                          const CallOptions& options = {}) const;
  /// Starts an asynchronous size().
  [[nodiscard]] AsyncResult<std::uint64_t> size_async(const CallOptions& options = {}) const;
  /// Starts an asynchronous clear(); a dropped result does not stop it, a cancelled one may.
  [[nodiscard]] AsyncResult<std::uint64_t> clear_async(const CallOptions& options = {}) const;
  /// Starts an asynchronous proxy().
  template <class T, ObjectId I>
  [[nodiscard]] AsyncResult<Proxy<T>> proxy_async(const I& id, const ReadOptions<T>& options = {}) const {
    return begin_proxy<T>(may_read(id), address_of(id), options);
  }

  /// @}
  /// @name Many at a time
  /// Calls for many objects with few messages. Each returns one result per element of a range, in order; a
  /// failed element does not affect the others. One deadline, or the timeout, holds for all elements. These
  /// calls throw std::bad_alloc if there is no memory for the results, and pass on exceptions of the range;
  /// in both cases nothing has been done.
  /// @{

  /// Puts each pair of a name and a value, like put(). First all values are stored in the memory of this
  /// node; then the names whose home is another node are bound, with one message per home and per 256 names
  /// or 256 KiB of names and small values. If the range has a name more than once, one of them is bound and
  /// the others are `key_exists`. Also throws exceptions of a value's serialiser. If the call waits for room,
  /// the values stored so far are put before it waits, so that others can evict them; they are not undone.
  template <detail::NamedValues Range>
  [[nodiscard]] std::vector<Result<Key>> put_batch(const Range& objects) const {
    detail::check_value<detail::ValueInRange<Range>>();
    return put_named(objects, {}, {});
  }
  template <detail::NamedValues Range>
  [[nodiscard]] std::vector<Result<Key>> put_batch(
      const Range& objects, const PutOptions<detail::ValueInRange<Range>>& options) const {
    return put_named(objects, detail::StoredHow(options), options.when_full, options.codec);
  }
  /// Puts each value, like put(), without names and without messages, unless they are to be `listed`.
  template <detail::AddressRange Range>
    requires(!detail::NamedValues<Range>)
  [[nodiscard]] std::vector<Result<Key>> put_batch(const Range& values) const {
    detail::check_value<detail::InRange<Range>>();
    return put_unnamed(values, false, {}, {});
  }
  template <detail::AddressRange Range>
    requires(!detail::NamedValues<Range>)
  [[nodiscard]] std::vector<Result<Key>> put_batch(const Range& values,
                                                   const PutOptions<detail::InRange<Range>>& options) const {
    return put_unnamed(values, options.listed, detail::StoredHow(options), options.when_full, options.codec);
  }
  /// Gets each key or name, like get(). Small objects (up to `inline_bytes`) of other nodes are transferred
  /// together, in one message per node and per 256 objects, by name from the home of the name; large objects
  /// separately, up to 128 at the same time; parts and hyperslabs as by get_async(). Small objects that were
  /// transferred together stay in memory until the last view of any of them is destroyed. Keys of promises
  /// are looked up last, one after the other, until the deadline.
  template <class T, detail::AddressRange Range>
  [[nodiscard]] std::vector<Result<View<T>>> get_batch(const Range& ids) const {
    return get_batch<T>(ids, GetOptions<T>());
  }
  template <class T, detail::AddressRange Range>
  [[nodiscard]] std::vector<Result<View<T>>> get_batch(const Range& ids, const GetOptions<T>& options) const {
    const Deadline until = moment(options.deadline);
    if (come_together(choice_in(options), detail::alignment_in_place<T>())) {
      const detail::BatchAddresses addresses(*open_, ids);
      return views_of(find_batch(addresses, until), until, options.codec.reader());
    }
    GetOptions<T> each = options;
    each.deadline = until;
    std::vector<Result<View<T>>> results;
    for (const auto& future : get_async<T>(ids, each)) {
      results.push_back(future.get(until));
    }
    return results;
  }
  /// Returns proxy() of each key or name. Only descriptions come from other nodes; for the key of a promise,
  /// its whole value.
  template <class T, detail::AddressRange Range>
  [[nodiscard]] std::vector<Result<Proxy<T>>> proxy_batch(const Range& ids,
                                                          const ReadOptions<T>& options = {}) const {
    const detail::BatchAddresses addresses(*open_, ids);
    std::vector<Result<Proxy<T>>> results;
    results.reserve(addresses.all().size());
    for (const auto& object : find_facts(addresses, options.deadline)) {
      results.push_back(proxy_to<T>(object, options.codec));
    }
    return results;
  }
  /// Returns exists() of each key or name. Only descriptions come from other nodes, 256 in one message from
  /// each.
  template <detail::AddressRange Range>
  [[nodiscard]] std::vector<Result<bool>> exists_batch(const Range& ids,
                                                       const CallOptions& options = {}) const {
    return exist_all(detail::BatchAddresses(*open_, ids), options.deadline);
  }
  /// Evicts each key or name, like evict(); the results may be ignored. One message carries up to 256
  /// evictions to the node of the objects, or to the home of their names; copies on other nodes and objects
  /// of this node are evicted one by one, at the same time. Keys of promises are evicted last, one after the
  /// other, until the deadline.
  template <detail::AddressRange Range>
  std::vector<Result<bool>> evict_batch(const Range& ids, const CallOptions& options = {}) const {
    return evict_all(detail::BatchAddresses(*open_, ids), options.deadline);
  }

  /// Start asynchronous batches, with the messages of the blocking ones: a thread of the library makes the
  /// blocking call. The deadline counts from now. Ids are copied, and values stored, before these return; a
  /// cancelled or dropped result does not stop the batch.
  template <class Range>
    requires(detail::AddressRange<Range> || detail::NamedValues<Range>)
  [[nodiscard]] detail::Later<std::vector<Result<Key>>, Range> put_batch_async(
      const Range& objects, const PutOptions<detail::PutInRange<Range>>& options = {}) const {
    return begin_put_batch(objects, options.listed, detail::StoredHow(options), options.when_full,
                           options.codec);
  }
  template <class T, detail::AddressRange Range>
  [[nodiscard]] AsyncResult<std::vector<Result<View<T>>>> get_batch_async(const Range& ids,
                                                                          GetOptions<T> options = {}) const {
    options.deadline = moment(options.deadline);
    return soon(
        [store = *this, ids = detail::owned_ids(ids), options] { return store.get_batch<T>(ids, options); });
  }
  template <class T, detail::AddressRange Range>
  [[nodiscard]] AsyncResult<std::vector<Result<Proxy<T>>>> proxy_batch_async(
      const Range& ids, ReadOptions<T> options = {}) const {
    options.deadline = moment(options.deadline);
    return soon([store = *this, ids = detail::owned_ids(ids), options] {
      return store.proxy_batch<T>(ids, options);
    });
  }
  template <detail::AddressRange Range>
  [[nodiscard]] detail::Later<std::vector<Result<bool>>, Range> exists_batch_async(
      const Range& ids, const CallOptions& options = {}) const {
    return soon([store = *this, ids = detail::owned_ids(ids), until = moment(options.deadline)] {
      return store.exists_batch(ids, {.deadline = until});
    });
  }
  template <detail::AddressRange Range>
  detail::Later<std::vector<Result<bool>>, Range> evict_batch_async(const Range& ids,
                                                                    const CallOptions& options = {}) const {
    return soon([store = *this, ids = detail::owned_ids(ids), until = moment(options.deadline)] {
      return store.evict_batch(ids, {.deadline = until});
    });
  }

  /// @}

  /// Returns this store with one codec for all calls. Include `coded_store.hpp`.
  template <class C>
  [[nodiscard]] CodedStore<C> with(C codec) const;
  /// Returns this store for values whose types are known only at run time. Include `raw_store.hpp`.
  [[nodiscard]] RawStore raw() const;

 private:
  template <class T>
  friend class Promise;
  friend class RawStore;
  friend class detail::ObjectCalls;
  friend class detail::Stream;
  friend class detail::TaskQueueBase;

  template <class T>
  [[nodiscard]] Result<Writer<T>> make_writer(std::string_view name, bool named, const Extents& extents,
                                              const StoringOptions& options) const {
    auto draft = create_array(name, named, detail::array_type<T>, extents, options.when_full,
                              detail::StoredHow(options));
    return draft ? Result<Writer<T>>(std::in_place, std::move(*draft), extents, std::string(name))
                 : Result<Writer<T>>(draft.error());
  }

  [[nodiscard]] static AsyncResult<std::int64_t> adding(Store store, std::string name,
                                                        std::int64_t difference, Deadline until);
  /// Evicts these names; returns how many existed, or the first error.
  [[nodiscard]] Result<std::uint64_t> evict_named(const std::vector<std::string>& names,
                                                  Deadline until) const;
  [[nodiscard]] Handle handle_of(std::string_view name, const Made& made, const TypeIdentity& identity) const;

  // Another rank may have evicted the object before prefetch(): the stand-in then returns that error when it
  // is used.
  template <class T>
  [[nodiscard]] Result<Proxy<T>> made_proxy(std::string_view name, const Result<Made>& made, bool populate,
                                            const detail::DecoderOf<T>& by) const {
    if (!made) {
      return made.error();
    }
    Proxy<T> proxy(detail::origin_of(session(), handle_of(name, *made, by.identity())), by.reader());
    if (populate) {
      proxy.prefetch();
    }
    return proxy;
  }
  template <class T>
  [[nodiscard]] Result<Proxy<detail::Stored<T>>> made_proxy(std::string_view name, const Result<Made>& made,
                                                            bool populate) const {
    return made_proxy<detail::Stored<T>>(name, made, populate, {});
  }
};

/// Returns the store of that name, with the errors of Runtime::store() without options. `runtime` selects the
/// runtime by its name (RuntimeOptions::name); without it there must be only one. `closed` if no such runtime
/// is open, `invalid_argument` if several are.
[[nodiscard]] Result<Store> find_store(std::string_view name, std::string_view runtime = {});

}  // namespace locum
