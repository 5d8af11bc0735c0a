#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <locum/call_options.hpp>
#include <locum/codec.hpp>
#include <locum/detail/batch_steps.hpp>
#include <locum/element_type.hpp>
#include <locum/object_id.hpp>
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

/// What `evict` answers: a `Result<bool>` that may be left unread, because whoever throws away what is no
/// longer needed seldom asks whether it was there.
class Evicted : public Result<bool> {
 public:
  Evicted(Result<bool> evicted) : Result<bool>(std::move(evicted)) {}
};

/// A store: objects by key and by name, shared by all ranks of a runtime that open the same name. A cheap
/// value; any thread of a rank may call. An object is written once and read many times; `replace` gives a
/// name another object.
///
/// *Ids.* An object is identified by its Key or by its name, 1 byte to 64 KiB of any bytes. Other names are
/// `invalid_argument`, and so are those of 16 or 24 bytes that begin with a byte 0 and `promise`: the library
/// uses them. Names come before values and extents.
///
/// *Options.* Each call takes one aggregate of options, last (see call_options.hpp):
/// `get<Mesh>(id, {.codec = mine, .deadline = 2s})`. Without a deadline the store's default counts, else the
/// runtime's; no call waits for ever.
///
/// *Errors.* Calls return Result; `not_found` and `timeout` are answers. Every call can return `closed`,
/// after the runtime was closed or the store dropped; views stay valid. What goes to another node can return
/// `peer_lost` and `timeout`.
class Store : private detail::BatchSteps {
 public:
  /// Made by Session::open and Runtime::store.
  explicit Store(std::shared_ptr<detail::OpenStore> open) noexcept : BatchSteps(std::move(open)) {}

  [[nodiscard]] const std::string& name() const noexcept { return open_->name; }
  /// Those in force: of the first opener, on whichever rank.
  [[nodiscard]] const StoreOptions& options() const noexcept { return open_->options; }
  /// `Key::store` of its objects.
  [[nodiscard]] std::uint32_t number() const noexcept { return open_->number; }

  /// @name Share
  /// @{

  /// Stores a value without a name: one copy into this node's memory, no message. Ranges of flat elements
  /// (vector, array, span, string), and arrays with gaps (see locum::array), are stored as `T[]`, flat values
  /// as they are, all others by their `serialize`, or by the codec that is given: its name travels with the
  /// object, and who reads names the same. A type that the codec declines is stored in locum's own way.
  /// `out_of_memory` says how much was asked for, used, pinned and free.
  template <class T>
  [[nodiscard]] Result<Key> put(const T& value) const {
    check_value<T>();
    return key_of(store_value({}, false, value, {}, {}));
  }
  template <class T>
  [[nodiscard]] Result<Key> put(const T& value, const PutOptions<T>& options) const {
    return key_of(store_value_by({}, false, value, options.codec, {}, options.deadline));
  }
  /// The same under a name; all ranks find it when this returns. Blocks for one round trip where the name is
  /// at home on another node. `key_exists` if the name is live: the object that it stands for is untouched.
  template <class T>
    requires(!detail::is_call_option<T>)
  [[nodiscard]] Result<Key> put(std::string_view name, const T& value) const {
    return key_of(store_value(name, true, value, {}, {}));
  }
  template <class T>
  [[nodiscard]] Result<Key> put(std::string_view name, const T& value, const PutOptions<T>& options) const {
    check_value<T>();
    return key_of(store_value_by(name, true, value, options.codec, {}, options.deadline));
  }
  /// Refused while compiling: see the text.
  template <class T>
    requires detail::is_call_option<T>
  [[nodiscard]] Result<Key> put(std::string_view /*name*/, const T& /*option*/) const {
    check_value<T>();
    return Key{};
  }
  /// Gives the name a new object, atomically: a new generation, or the first one. Views of the old one stay
  /// valid; its stand-ins answer `stale`.
  template <class T>
  [[nodiscard]] Result<Key> replace(std::string_view name, const T& value) const {
    check_value<T>();
    return key_of(store_value(name, true, value, {SealMode::replace}, {}));
  }
  template <class T>
  [[nodiscard]] Result<Key> replace(std::string_view name, const T& value,
                                    const ReplaceOptions<T>& options) const {
    check_value<T>();
    return key_of(store_value_by(name, true, value, options.codec,
                                 {SealMode::replace, options.expected_generation}, options.deadline));
  }
  /// Stores bytes as they are; read with get_bytes, or as `std::byte[]`.
  [[nodiscard]] Result<Key> put_bytes(std::span<const std::byte> bytes,
                                      const CallOptions& options = {}) const {
    return key_of(store_bytes({}, false, bytes, options.deadline));
  }
  [[nodiscard]] Result<Key> put_bytes(std::string_view name, std::span<const std::byte> bytes,
                                      const CallOptions& options = {}) const {
    return key_of(store_bytes(name, true, bytes, options.deadline));
  }
  /// put_proxy: put(), and a stand-in for the object, which is resolved here at once unless
  /// `{.populate = false}`. By a codec it is a stand-in of the type that was put, and on another rank it is
  /// made by `Runtime::proxy<T>(handle, {.codec = my_codec})`.
  template <class T>
  [[nodiscard]] Result<Proxy<detail::Stored<T>>> put_proxy(const T& value,
                                                           const ProxyOptions& options = {}) const {
    check_value<T>();
    return made_proxy<T>({}, store_value({}, false, value, {}, options.deadline), options.populate);
  }
  template <class T>
    requires(!detail::is_call_option<T>)
  [[nodiscard]] Result<Proxy<detail::Stored<T>>> put_proxy(std::string_view name, const T& value,
                                                           const ProxyOptions& options = {}) const {
    return made_proxy<T>(name, store_value(name, true, value, {}, options.deadline), options.populate);
  }
  template <class T>
  [[nodiscard]] Result<Proxy<T>> put_proxy(const T& value, const CodedProxyOptions<T>& options) const {
    const auto made = store_value_by({}, false, value, options.codec.encoder(), {}, options.deadline);
    return made_proxy<T>({}, made, options.populate, options.codec.decoder());
  }
  template <class T>
  [[nodiscard]] Result<Proxy<T>> put_proxy(std::string_view name, const T& value,
                                           const CodedProxyOptions<T>& options) const {
    const auto made = store_value_by(name, true, value, options.codec.encoder(), {}, options.deadline);
    return made_proxy<T>(name, made, options.populate, options.codec.decoder());
  }
  /// A promise: a stand-in for an object that is to be set later. Takes the memory of a small object; no
  /// message. Include `promise.hpp`.
  template <class T>
  [[nodiscard]] Result<Promise<T>> promise(const CallOptions& options = {}) const;
  /// The same, whose value is put under that name when it is set: wait() and get() find it, too. Asks the
  /// node that keeps what is promised by name, and waits for it.
  template <class T>
  [[nodiscard]] Result<Promise<T>> promise(std::string_view name, const CallOptions& options = {}) const;

  /// @}
  /// @name Write in place
  /// @{

  /// Memory for an array of these extents, slowest dimension first; visible once Writer::seal() returns.
  /// `invalid_argument` for no extents, and for more elements than any object has.
  template <Flat T>
  [[nodiscard]] Result<Writer<T>> create(const Extents& extents, const CallOptions& options = {}) const {
    return make_writer<T>({}, false, extents, options.deadline);
  }
  template <Flat T>
  [[nodiscard]] Result<Writer<T>> create(std::string_view name, const Extents& extents,
                                         const CallOptions& options = {}) const {
    return make_writer<T>(name, true, extents, options.deadline);
  }

  /// The same where the type of the elements is known at run time only: the memory is that of the elements'
  /// bytes, extents() counts elements. get<T[]> of the C++ type reads it, and info() gives the type back.
  [[nodiscard]] Result<Writer<std::byte>> create(const ElementType& element, const Extents& extents,
                                                 const CallOptions& options = {}) const {
    return create_of({}, false, element, extents, options.deadline);
  }
  [[nodiscard]] Result<Writer<std::byte>> create(std::string_view name, const ElementType& element,
                                                 const Extents& extents,
                                                 const CallOptions& options = {}) const {
    return create_of(name, true, element, extents, options.deadline);
  }
  /// Stores such an array: `bytes` are its elements, row-major. `invalid_argument` if they are not as many
  /// bytes as the extents say.
  [[nodiscard]] Result<Key> put_encoded(const ElementType& element, const Extents& extents,
                                        std::span<const std::byte> bytes,
                                        const CallOptions& options = {}) const {
    return put_of({}, false, element, extents, bytes, options.deadline);
  }
  [[nodiscard]] Result<Key> put_encoded(std::string_view name, const ElementType& element,
                                        const Extents& extents, std::span<const std::byte> bytes,
                                        const CallOptions& options = {}) const {
    return put_of(name, true, element, extents, bytes, options.deadline);
  }

  /// @}
  /// @name Read
  /// @{

  /// A view of the object. Flat types and `T[]` are read in place on the node of the object, and on one that
  /// has a copy of it; `get<std::vector<T>>` of an array copies; other types are decoded, once per process
  /// (values with stand-ins inside once for all who have them at a time). Of an array of another node, of
  /// which some is asked for, these elements alone travel, but where the store has checksums, or the home of
  /// the name has the value beside it (see `inline_bytes`). `not_found` at once if nobody put it;
  /// `type_mismatch` names both types; `invalid_argument` if the object does not have the elements.
  template <class T, ObjectId I>
  [[nodiscard]] Result<View<T>> get(const I& id) const {
    return view_of<T>(fetch(id, {}), {});
  }
  template <class T, ObjectId I>
  [[nodiscard]] Result<View<T>> get(const I& id, const GetOptions<T>& options) const {
    const Deadline until = options.deadline;
    return view_of<T>(object_of(id, options, until), until, options.codec.reader());
  }
  /// get() of an array, or of some of it, copied to memory of the caller's: `read(id, std::span(mine))`.
  /// Returns the number of elements that were written there. `invalid_argument` if there are more than the
  /// memory is for; with any error the memory may have been written, or not. On the node of the object
  /// nothing else is copied.
  template <Flat T, std::size_t N, ObjectId I>
  [[nodiscard]] Result<std::size_t> read(const I& id, std::span<T, N> into,
                                         const GetOptions<T[]>& options = {}) const {
    const auto first = locum::array(into.data(), {into.size()});
    return elements_into<T>(detail::bytes_of(first), true, object_of(id, options, options.deadline));
  }
  /// The same, to memory with gaps, such as the interior of an array with ghost cells:
  /// `read(id, locum::array(&mine[nx + 3], {ny, nx}, {nx + 2, 1}))`. The extents must be those of what is
  /// read: of the object, or the `count` of a slab; a part has one.
  template <Flat T, ObjectId I>
  [[nodiscard]] Result<std::size_t> read(const I& id, const StridedArray<T>& into,
                                         const GetOptions<T[]>& options = {}) const {
    return elements_into<T>(detail::bytes_of(into), false, object_of(id, options, options.deadline));
  }
  /// The stored bytes of an object of any type, in place: all, or some.
  template <ObjectId I>
  [[nodiscard]] Result<View<std::byte[]>> get_bytes(const I& id, const BytesOptions& options = {}) const {
    return bytes_of(options.part.is_given()
                        ? fetch_some(id, selection_of<std::byte[]>({.part = options.part}), options.deadline)
                        : fetch(id, options.deadline));
  }
  /// The object under a name, as soon as somebody puts it. Blocks, asleep. `timeout` if nobody does before
  /// the deadline; before that `broken_promise` or `peer_lost` if it was promised and will not be put.
  template <class T>
  [[nodiscard]] Result<View<T>> wait(std::string_view name, Deadline deadline = {}) const {
    return view_of<T>(await(name, deadline), deadline);
  }
  template <class T>
  [[nodiscard]] Result<View<T>> wait(std::string_view name, const ReadOptions<T>& options) const {
    const Deadline until = options.deadline;
    return view_of<T>(await(name, until), until, options.codec.reader());
  }
  /// A stand-in for an object that is there; not resolved. Asks the node of the object to see that, as
  /// info() does.
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
  /// True: it was there, and no get that starts later, on any rank, finds it. False: nothing was there.
  Evicted evict(const Key& key, const CallOptions& options = {}) const;
  Evicted evict(std::string_view name, const CallOptions& options = {}) const;
  /// Names that begin with `prefix`, in ascending byte order. Names that live throughout the call appear
  /// once, others may.
  [[nodiscard]] Result<std::vector<std::string>> keys(std::string_view prefix = {},
                                                      const CallOptions& options = {}) const;
  /// The size, type, extents, owner, generation and name of an object. Its bytes do not move (but that the
  /// home of a name sends a value along that it has beside it: see `inline_bytes`); the node of the object is
  /// asked where this node has no copy.
  [[nodiscard]] Result<ObjectInfo> info(const Key& key, const CallOptions& options = {}) const;
  [[nodiscard]] Result<ObjectInfo> info(std::string_view name, const CallOptions& options = {}) const;

  /// @}
  /// @name Without waiting
  /// Values and errors are those of the calls that wait.
  /// @{

  /// get(), begun: the object comes while this process computes, within the deadline, and stays pinned as
  /// long as the future lives. An object that is not there is `not_found`: nobody waits for it to be put. Of
  /// those that are on their way, or have come and were not got yet, the window holds `prefetch_bytes` (see
  /// RuntimeOptions), and 1024 are on their way at a time; up to 65536 more wait for their turn (then
  /// `out_of_memory`), and without a deadline their time counts from that. One that somebody waits for, or
  /// that is to be followed by something, has its turn at once.
  template <class T, ObjectId I>
  [[nodiscard]] Future<T> get_async(const I& id) const {
    return begin<T>(may_read(id), address_of(id), Selection(), {});
  }
  template <class T, ObjectId I>
  [[nodiscard]] Future<T> get_async(const I& id, const GetOptions<T>& options) const {
    return begin<T>(may_read(id), address_of(id), selection_of<T>(options), options.deadline,
                    options.codec.reader());
  }
  /// One for each key or name of a range, in its order. See when_any() and when_all().
  template <class T, detail::AddressRange Range>
  [[nodiscard]] std::vector<Future<T>> get_async(const Range& ids) const {
    return begin_each<T>(ids, [&](const auto& id) { return get_async<T>(id); });
  }
  template <class T, detail::AddressRange Range>
  [[nodiscard]] std::vector<Future<T>> get_async(const Range& ids, const GetOptions<T>& options) const {
    return begin_each<T>(ids, [&](const auto& id) { return get_async<T>(id, options); });
  }
  /// wait(), begun: ends as soon as somebody puts the name. Of these nothing counts in the window before
  /// that. Where the name was promised and will not come, it ends with `timeout` at the deadline: wait()
  /// looks for that, this does not. Many that wait for one name cost one request each.
  template <class T>
  [[nodiscard]] Future<T> wait_async(std::string_view name, const ReadOptions<T>& options = {}) const {
    return begin_wait<T>(name, options);
  }
  /// info(), begun.
  template <ObjectId I>
  [[nodiscard]] Eventual<ObjectInfo> info_async(const I& id, const CallOptions& options = {}) const {
    return begin_info(id, options.deadline);
  }
  /// keys(), begun.
  [[nodiscard]] Eventual<std::vector<std::string>> keys_async(std::string_view prefix = {},
                                                              const CallOptions& options = {}) const {
    return begin_keys(prefix, options.deadline);
  }
  /// exists(), begun.
  template <ObjectId I>
  [[nodiscard]] Eventual<bool> exists_async(const I& id, const CallOptions& options = {}) const {
    return begin_exists(id, options.deadline);
  }
  /// put(), begun. The value is stored when this returns, so that the caller's may change or end: that takes
  /// as long as the copy does, and where room has to be made, as long as that does. What is left is to give
  /// the name, by the node that it is at home on; without one it is ready. It is given within the deadline,
  /// or the eventual ends with an error. Cancelled or dropped it is done all the same. As many as with
  /// get_async() are on their way.
  template <class T>
  [[nodiscard]] Eventual<Key> put_async(const T& value) const {
    return Eventual<Key>(put(value));
  }
  template <class T>
  [[nodiscard]] Eventual<Key> put_async(const T& value, const PutOptions<T>& options) const {
    return Eventual<Key>(put(value, options));
  }
  template <class T>
    requires(!detail::is_call_option<T>)
  [[nodiscard]] Eventual<Key> put_async(std::string_view name, const T& value) const {
    return begin_put(name, value, {}, {});
  }
  template <class T>
  [[nodiscard]] Eventual<Key> put_async(std::string_view name, const T& value,
                                        const PutOptions<T>& options) const {
    check_value<T>();
    return begin_put(name, value, options.codec, {}, options.deadline);
  }
  /// replace(), begun, in the same way.
  template <class T>
  [[nodiscard]] Eventual<Key> replace_async(std::string_view name, const T& value) const {
    check_value<T>();
    return begin_put(name, value, {SealMode::replace}, {});
  }
  template <class T>
  [[nodiscard]] Eventual<Key> replace_async(std::string_view name, const T& value,
                                            const ReplaceOptions<T>& options) const {
    check_value<T>();
    return begin_put(name, value, options.codec, {SealMode::replace, options.expected_generation},
                     options.deadline);
  }
  /// put_bytes(), begun, in the same way.
  [[nodiscard]] Eventual<Key> put_bytes_async(std::span<const std::byte> bytes,
                                              const CallOptions& options = {}) const {
    return Eventual<Key>(put_bytes(bytes, options));
  }
  [[nodiscard]] Eventual<Key> put_bytes_async(std::string_view name, std::span<const std::byte> bytes,
                                              const CallOptions& options = {}) const {
    return begin_put_bytes(name, bytes, options.deadline);
  }
  /// evict(), begun; is done also if it is cancelled or dropped.
  template <ObjectId I>
  Eventual<bool> evict_async(const I& id, const CallOptions& options = {}) const {
    return begin_evict(id, options.deadline);
  }

  /// @}
  /// @name Many at a time
  /// Few messages. A result for each of a range, in its order; one that fails does not fail the others. The
  /// deadline, or the timeout where none is given, is one for all. These throw std::bad_alloc where there is
  /// no memory for the results themselves, and what the range throws: nothing has been done then.
  /// @{

  /// put() of each pair of a name and a value. All values are stored in this node's memory first; then the
  /// names that are at home on other nodes are bound together, by one message to each home and each 256 of
  /// them, or 256 KiB of names and small values. Of a name that the range has more than once one is bound,
  /// and the others are `key_exists`. Throws what the serialiser of a value throws, too.
  template <detail::NamedValues Range>
  [[nodiscard]] std::vector<Result<Key>> put_batch(const Range& objects) const {
    return put_named(objects, {});
  }
  template <detail::NamedValues Range>
  [[nodiscard]] std::vector<Result<Key>> put_batch(
      const Range& objects, const PutOptions<detail::ValueInRange<Range>>& options) const {
    return put_named(objects, options.deadline, options.codec);
  }
  /// put() of each value, without a name and without a message.
  template <detail::AddressRange Range>
    requires(!detail::NamedValues<Range>)
  [[nodiscard]] std::vector<Result<Key>> put_batch(const Range& values) const {
    return put_unnamed(values, {});
  }
  template <detail::AddressRange Range>
    requires(!detail::NamedValues<Range>)
  [[nodiscard]] std::vector<Result<Key>> put_batch(const Range& values,
                                                   const PutOptions<detail::InRange<Range>>& options) const {
    return put_unnamed(values, options.deadline, options.codec);
  }
  /// get() of each key or name. Small objects (up to `inline_bytes`) of other nodes come in one message for
  /// each node and each 256 of them, by name from the home of the name; large ones, and parts, one by one,
  /// 128 side by side. Small ones that came together are kept in memory until the last view of any of them is
  /// gone. Keys of promises come behind all others, one after the other, as long as there is time.
  template <class T, detail::AddressRange Range>
  [[nodiscard]] std::vector<Result<View<T>>> get_batch(const Range& ids) const {
    return get_batch<T>(ids, GetOptions<T>());
  }
  template <class T, detail::AddressRange Range>
  [[nodiscard]] std::vector<Result<View<T>>> get_batch(const Range& ids, const GetOptions<T>& options) const {
    const Deadline until = moment(options.deadline);
    const auto selection = selection_of<T>(options);
    const bool whole = selection && std::holds_alternative<std::monostate>(*selection);
    if (whole && detail::alignment_in_place<T>() <= batch_alignment) {
      const detail::BatchAddresses addresses(open_->number, ids);
      return views_of(find_batch(addresses, Wanting::all, until), until, options.codec.reader());
    }
    GetOptions<T> each = options;
    each.deadline = until;
    std::vector<Result<View<T>>> results;
    for (const auto& future : get_async<T>(ids, each)) {
      results.push_back(future.get(until));
    }
    return results;
  }
  /// proxy() of each key or name: of objects of other nodes only what they say of themselves comes; but for
  /// the key of a promise its whole value.
  template <class T, detail::AddressRange Range>
  [[nodiscard]] std::vector<Result<Proxy<T>>> proxy_batch(const Range& ids,
                                                          const ReadOptions<T>& options = {}) const {
    const detail::BatchAddresses addresses(open_->number, ids);
    std::vector<Result<Proxy<T>>> results;
    results.reserve(addresses.all().size());
    for (const auto& object : find_batch(addresses, Wanting::facts, options.deadline)) {
      results.push_back(proxy_to<T>(object, options.codec));
    }
    return results;
  }
  /// evict() of each key or name; the results may be left unread. The node of an object, or the home of its
  /// name, is told in one message of 256 of them; nodes that have copies, and this node's own objects, are
  /// dealt with one by one, side by side. Keys of promises come behind all others, one after the other, as
  /// long as there is time.
  template <detail::AddressRange Range>
  std::vector<Result<bool>> evict_batch(const Range& ids, const CallOptions& options = {}) const {
    return evict_all(detail::BatchAddresses(open_->number, ids), options.deadline);
  }

  /// @}

  /// This store, with a codec for all calls. Include `coded_store.hpp`.
  template <class C>
  [[nodiscard]] CodedStore<C> with(C codec) const;

 private:
  template <class T>
  friend class Promise;

  template <class T>
  static constexpr void check_value() {
    static_assert(
        !detail::is_call_option<T>,
        "locum does not store this: it says how a call is made, or how long it may take. Give it as "
        "an option: put(name, value, {.deadline = 2s})");
  }
  /// The object, or as much of it as the options say.
  template <class T, ObjectId I>
  [[nodiscard]] Result<ObjectView> object_of(const I& id, const GetOptions<T>& options,
                                             Deadline until) const {
    const auto selection = selection_of<T>(options);
    const bool whole = selection && std::holds_alternative<std::monostate>(*selection);
    return whole ? fetch(id, until) : fetch_some(id, selection, until);
  }
  [[nodiscard]] Result<ObjectView> await(std::string_view name, Deadline deadline) const;
  [[nodiscard]] Result<View<std::byte[]>> bytes_of(Result<ObjectView> object) const;

  template <class T>
  [[nodiscard]] Result<Writer<T>> make_writer(std::string_view name, bool named, const Extents& extents,
                                              Deadline deadline) const {
    const auto size_bytes = detail::array_bytes(extents, sizeof(T), detail::Flattened<T>::inner.size());
    if (!size_bytes) {
      return size_bytes.error();
    }
    auto draft = allocate(*size_bytes, detail::array_meta<T>(open_->number, name, extents), named, deadline);
    if (!draft) [[unlikely]] {
      return no_draft(name, draft.error());
    }
    return Writer<T>(detail::OwnedDraft(open_, *draft), extents, std::string(name));
  }

  [[nodiscard]] Result<Writer<std::byte>> create_of(std::string_view name, bool named,
                                                    const ElementType& element, const Extents& extents,
                                                    Deadline deadline) const;
  [[nodiscard]] Result<Key> put_of(std::string_view name, bool named, const ElementType& element,
                                   const Extents& extents, std::span<const std::byte> bytes,
                                   Deadline deadline) const;

  [[nodiscard]] Handle handle_of(std::string_view name, const Made& made, const TypeIdentity& identity) const;

  // Resolved at once, somebody may have evicted the object already: then the stand-in says so when it is
  // used.
  template <class T>
  [[nodiscard]] Result<Proxy<T>> made_proxy(std::string_view name, const Result<Made>& made, bool populate,
                                            const detail::DecoderOf<T>& by) const {
    if (!made) {
      return made.error();
    }
    auto proxy = session().template proxy<T>(handle_of(name, *made, by.identity()), Decoding<T>{by});
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

}  // namespace locum
