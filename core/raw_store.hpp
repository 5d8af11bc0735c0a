#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <locum/async_result.hpp>
#include <locum/call_options.hpp>
#include <locum/detail/batch_steps.hpp>
#include <locum/detail/object/selection.hpp>
#include <locum/element_type.hpp>
#include <locum/key.hpp>
#include <locum/raw_array.hpp>
#include <locum/raw_promise.hpp>
#include <locum/raw_proxy.hpp>
#include <locum/raw_value.hpp>
#include <locum/raw_view.hpp>
#include <locum/store.hpp>
#include <locum/writer.hpp>

namespace locum {

/// Options of `RawStore::replace` and `replace_async` (see ReplaceOptions).
struct RawReplaceOptions {
  std::uint64_t expected_generation = 0;
  RoomPolicy when_full = {};
  std::chrono::milliseconds lifetime{0};
  std::string_view tag = {};
  TimeLimit deadline = {};
};

/// Options of `RawStore::read` and `read_async`.
struct RawOptions {
  Hyperslab slab = {};  ///< selection of the object's elements; none: all of them
  TimeLimit deadline = {};
};

/// The calls of a Store for values whose types are known only at run time: file formats, other languages,
/// tools. `fields.raw().put("T", {first, element, {ny, nx}})`. As cheap to copy as the store, whose objects
/// it shares: what was put as `f64` here is read there by `get<double[]>`, and the other way round. Calls
/// that this class lacks (`exists`, `evict`, `keys`, `info`, `put_bytes` …) need no type: use store().
/// Errors, blocking and threads are those of the same calls of Store.
class RawStore : private detail::BatchSteps {
 public:
  explicit RawStore(const Store& store);

  /// Returns the store.
  [[nodiscard]] Store store() const { return Store(open_); }

  /// Stores a value; see Store::put(). `invalid_argument` for an array that is not valid, and for an
  /// EncodedValue whose type is an array or a number: give its elements.
  [[nodiscard]] Result<Key> put(const RawValue& value, const StoringOptions& options = {}) const;
  [[nodiscard]] Result<Key> put(std::string_view name, const RawValue& value,
                                const StoringOptions& options = {}) const;
  /// Binds the name to a new object; see Store::replace().
  [[nodiscard]] Result<Key> replace(std::string_view name, const RawValue& value,
                                    const RawReplaceOptions& options = {}) const;
  /// Makes the new value of update() from the object that is stored. It refers to memory that the function
  /// keeps until it is called again, or the update has ended.
  using Change = std::function<Result<RawValue>(const RawView& object)>;
  /// Changes the value under a name, atomically; see Store::update(). Returns the key of the new object. An
  /// error of `change` ends the call.
  [[nodiscard]] Result<Key> update(std::string_view name, const Change& change,
                                   const CallOptions& options = {}) const;

  /// Returns memory for an array; without extents, for one element. Writer::size() counts bytes, its
  /// extents() count elements. See Store::create().
  [[nodiscard]] Result<Writer<std::byte>> create(const ElementType& element, const Extents& extents,
                                                 const StoringOptions& options = {}) const;
  [[nodiscard]] Result<Writer<std::byte>> create(std::string_view name, const ElementType& element,
                                                 const Extents& extents,
                                                 const StoringOptions& options = {}) const;
  /// Overloads for a value that the caller encodes there, aligned to 16. Errors are also those of put() of an
  /// EncodedValue.
  [[nodiscard]] Result<Writer<std::byte>> create(const EncodedMemory& memory,
                                                 const StoringOptions& options = {}) const;
  [[nodiscard]] Result<Writer<std::byte>> create(std::string_view name, const EncodedMemory& memory,
                                                 const StoringOptions& options = {}) const;

  /// Returns the object with its type, whatever that is; see Store::get().
  template <ObjectId I>
  [[nodiscard]] Result<RawView> get(const I& id, const CallOptions& options = {}) const {
    return raw_of(fetch(id, options.deadline));
  }
  /// Blocks until a rank has put an object under the name; see Store::wait().
  [[nodiscard]] Result<RawView> wait(std::string_view name, const CallOptions& options = {}) const {
    return raw_of(await(name, options.deadline));
  }
  /// Copies an array, a hyperslab of it, or a flat value into the caller's memory. Returns the number of
  /// elements. `type_mismatch` unless the object is of these elements; `invalid_argument` unless `into` has
  /// the extents of the object or the slab. See Store::read().
  template <ObjectId I>
  [[nodiscard]] Result<std::size_t> read(const I& id, const RawArray& into,
                                         const RawOptions& options = {}) const {
    return read_into(into, into.is_valid() && !options.slab.is_given()
                               ? fetch(id, options.deadline)
                               : fetch_some(id, selection_of(into, options.slab), options.deadline));
  }
  /// Returns an unresolved stand-in for an existing object; see Store::proxy().
  template <ObjectId I>
  [[nodiscard]] Result<RawProxy> proxy(const I& id, const CallOptions& options = {}) const {
    return stand_in(facts_of(id, options.deadline));
  }
  /// Makes a promise of a value of any type; see Store::promise().
  [[nodiscard]] Result<RawPromise> promise(const CallOptions& options = {}) const;
  [[nodiscard]] Result<RawPromise> promise(std::string_view name, const CallOptions& options = {}) const;

  /// Starts an asynchronous put(), as Store::put_async(): the value is stored when this returns.
  [[nodiscard]] AsyncResult<Key> put_async(const RawValue& value, const StoringOptions& options = {}) const;
  [[nodiscard]] AsyncResult<Key> put_async(std::string_view name, const RawValue& value,
                                           const StoringOptions& options = {}) const;
  /// Starts an asynchronous replace(), like put_async().
  [[nodiscard]] AsyncResult<Key> replace_async(std::string_view name, const RawValue& value,
                                               const RawReplaceOptions& options = {}) const;
  /// Starts an asynchronous update(); see Store::update_async().
  [[nodiscard]] AsyncResult<Key> update_async(std::string_view name, Change change,
                                              const CallOptions& options = {}) const;
  /// Starts an asynchronous get().
  template <ObjectId I>
  [[nodiscard]] AsyncResult<RawView> get_async(const I& id, const CallOptions& options = {}) const {
    return begin_raw(may_read(id), address_of(id), options.deadline);
  }
  /// Starts an asynchronous wait(); see Store::wait_async().
  [[nodiscard]] AsyncResult<RawView> wait_async(std::string_view name, const CallOptions& options = {}) const;
  /// Starts an asynchronous read(); see Store::read_async().
  template <ObjectId I>
  [[nodiscard]] AsyncResult<std::size_t> read_async(const I& id, const RawArray& into,
                                                    const RawOptions& options = {}) const {
    return begin_read_into(may_read(id), address_of(id), into, options);
  }

  /// A name and the value that is put under it.
  using NamedValue = std::pair<std::string, RawValue>;
  /// Puts values under names, or without; see Store::put_batch().
  [[nodiscard]] std::vector<Result<Key>> put_batch(std::span<const NamedValue> objects,
                                                   const StoringOptions& options = {}) const;
  [[nodiscard]] std::vector<Result<Key>> put_batch(std::span<const RawValue> values,
                                                   const StoringOptions& options = {}) const;
  /// Gets each key or name, like get(); see Store::get_batch().
  template <detail::AddressRange Range>
  [[nodiscard]] std::vector<Result<RawView>> get_batch(const Range& ids,
                                                       const CallOptions& options = {}) const {
    const Deadline until = moment(options.deadline);
    return raws_of(find_batch(detail::BatchAddresses(*open_, ids), until));
  }

 private:
  [[nodiscard]] AsyncResult<Key> begin_store(std::string_view name, const RawValue& value,
                                             const SealOptions& how, RoomPolicy when_full,
                                             const detail::StoredHow& stored) const;
  [[nodiscard]] Result<Writer<std::byte>> writer(std::string_view name, bool named,
                                                 const ElementType& element, const Extents& extents,
                                                 const StoringOptions& options) const;
  [[nodiscard]] Result<Writer<std::byte>> writer(std::string_view name, bool named,
                                                 const EncodedMemory& memory,
                                                 const StoringOptions& options) const;
  [[nodiscard]] static Result<Selection> selection_of(const RawArray& into, const Hyperslab& slab);
  [[nodiscard]] Result<std::size_t> read_into(const RawArray& into, const Result<ObjectView>& object) const;
  [[nodiscard]] AsyncResult<std::size_t> begin_read_into(const Result<void>& allowed, const Address& address,
                                                         const RawArray& into,
                                                         const RawOptions& options) const;
  [[nodiscard]] Result<RawProxy> stand_in(const Result<ObjectView>& object) const;
  [[nodiscard]] std::vector<Result<RawView>> raws_of(std::vector<Result<ObjectView>> found) const;
};

}  // namespace locum
