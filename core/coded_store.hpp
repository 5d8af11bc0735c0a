#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <locum/call_options.hpp>
#include <locum/codec.hpp>
#include <locum/deadline.hpp>
#include <locum/detail/range.hpp>
#include <locum/store.hpp>

namespace locum {

/// Options of CodedStore::get for an array that the codec declines: all of it, or some (see GetOptions).
struct DeclinedArrayOptions {
  Part part = {};
  Hyperslab slab = {};
  TimeLimit deadline = {};
};
/// Options of CodedStore::replace (see ReplaceOptions).
struct CodedReplaceOptions {
  std::uint64_t expected_generation = 0;
  RoomPolicy when_full = {};
  std::chrono::milliseconds lifetime{0};
  std::string_view tag = {};
  TimeLimit deadline = {};
};

/// A store with one codec for all calls: `auto packed = runtime.store("fields").with(my_codec);`. As cheap to
/// copy as the store and the codec together; any number of them may refer to one store. A type that the codec
/// declines is stored and read without it. Calls that this class lacks (`exists`, `evict`, `keys`, `info`,
/// `put_bytes`, `create` …) need no codec: use store(). Errors, blocking and threads are those of the same
/// calls of Store.
template <class C>
class CodedStore {
  static_assert(Codec<C>,
                "locum takes for a codec what has a `static constexpr std::string_view name`, size, encode "
                "and decode: see locum::Codec");

  template <class T>
  static constexpr bool takes = detail::codec_takes<C, T>();

 public:
  /// Called by Store::with.
  CodedStore(Store store, C codec) : store_(std::move(store)), codec_(std::move(codec)) {}

  /// Returns the store without the codec.
  [[nodiscard]] const Store& store() const noexcept { return store_; }
  [[nodiscard]] const C& codec() const noexcept { return codec_; }

  template <class T>
    requires(!detail::is_call_option<T>)
  [[nodiscard]] Result<Key> put(const T& value, const StoringOptions& options = {}) const {
    return store_.put(value, put_options<T>(options));
  }
  template <class T>
    requires(!detail::is_call_option<T>)
  [[nodiscard]] Result<Key> put(std::string_view name, const T& value,
                                const StoringOptions& options = {}) const {
    return store_.put(name, value, put_options<T>(options));
  }
  template <class T>
  [[nodiscard]] Result<Key> replace(std::string_view name, const T& value,
                                    const CodedReplaceOptions& options = {}) const {
    return store_.replace(name, value, in_place_of<T>(options));
  }
  template <class T>
    requires(!detail::is_call_option<T>)
  [[nodiscard]] detail::Later<Key, T> put_async(const T& value, const StoringOptions& options = {}) const {
    return store_.put_async(value, put_options<T>(options));
  }
  template <class T>
    requires(!detail::is_call_option<T>)
  [[nodiscard]] detail::Later<Key, T> put_async(std::string_view name, const T& value,
                                                const StoringOptions& options = {}) const {
    return store_.put_async(name, value, put_options<T>(options));
  }
  template <class T>
  [[nodiscard]] detail::Later<Key, T> replace_async(std::string_view name, const T& value,
                                                    const CodedReplaceOptions& options = {}) const {
    return store_.replace_async(name, value, in_place_of<T>(options));
  }
  /// Returns a `Proxy<T>` for a type that the codec takes, a `Proxy<T[]>` for a range of flat elements that
  /// it declines.
  template <class T>
    requires(!detail::is_call_option<T>)
  [[nodiscard]] auto put_proxy(const T& value, const ProxyOptions& options = {}) const {
    if constexpr (takes<T>) {
      return store_.put_proxy(value, coded<T>(options));
    } else {
      return store_.put_proxy(value, options);
    }
  }
  template <class T>
    requires(!detail::is_call_option<T>)
  [[nodiscard]] auto put_proxy(std::string_view name, const T& value,
                               const ProxyOptions& options = {}) const {
    if constexpr (takes<T>) {
      return store_.put_proxy(name, value, coded<T>(options));
    } else {
      return store_.put_proxy(name, value, options);
    }
  }
  /// Puts pairs of a name and a value, or values, like Store::put_batch().
  template <detail::AddressRange Range>
  [[nodiscard]] std::vector<Result<Key>> put_batch(const Range& objects,
                                                   const StoringOptions& options = {}) const {
    if constexpr (detail::NamedValues<Range>) {
      return store_.put_batch(objects, put_options<detail::ValueInRange<Range>>(options));
    } else {
      return store_.put_batch(objects, put_options<detail::InRange<Range>>(options));
    }
  }

  /// Makes a promise. Include `promise.hpp`.
  template <class T>
  [[nodiscard]] Result<Promise<T>> promise(const CallOptions& options = {}) const {
    return store_.template promise<T>(promised<T>(options));
  }
  template <class T>
  [[nodiscard]] Result<Promise<T>> promise(std::string_view name, const CallOptions& options = {}) const {
    return store_.template promise<T>(name, promised<T>(options));
  }

  template <class T, ObjectId I>
  [[nodiscard]] Result<View<T>> get(const I& id, const CallOptions& options = {}) const {
    return store_.template get<T>(id, got<T>(options.deadline));
  }
  /// Reads all or some of an array that the codec declines.
  template <class T, ObjectId I>
    requires std::is_unbounded_array_v<T>
  [[nodiscard]] Result<View<T>> get(const I& id, const DeclinedArrayOptions& options) const {
    GetOptions<T> some = got<T>(options.deadline);
    some.part = options.part;
    some.slab = options.slab;
    return store_.template get<T>(id, some);
  }
  template <class T>
  [[nodiscard]] Result<View<T>> wait(std::string_view name, Deadline deadline = {}) const {
    return store_.template wait<T>(name, ReadOptions<T>{codec_, deadline});
  }
  template <class T>
  [[nodiscard]] Future<T> wait_async(std::string_view name, const CallOptions& options = {}) const {
    return store_.template wait_async<T>(name, ReadOptions<T>{codec_, options.deadline});
  }
  /// Starts asynchronous gets of a key, a name, or a range of them.
  template <class T, class Ids>
  [[nodiscard]] auto get_async(const Ids& ids, const CallOptions& options = {}) const {
    return store_.template get_async<T>(ids, got<T>(options.deadline));
  }
  template <class T, detail::InputRange Range>
  [[nodiscard]] std::vector<Result<View<T>>> get_batch(const Range& ids,
                                                       const CallOptions& options = {}) const {
    return store_.template get_batch<T>(ids, got<T>(options.deadline));
  }
  template <class T, ObjectId I>
  [[nodiscard]] Result<Proxy<T>> proxy(const I& id, const CallOptions& options = {}) const {
    return store_.template proxy<T>(id, ReadOptions<T>{codec_, options.deadline});
  }

 private:
  template <class T>
  [[nodiscard]] GetOptions<T> got(TimeLimit deadline) const {
    return {.codec = codec_, .deadline = deadline};
  }
  template <class T>
  [[nodiscard]] PromiseOptions<T> promised(const CallOptions& options) const {
    if constexpr (std::is_unbounded_array_v<T>) {  // for which a codec would be refused
      static_assert(!takes<T>, "locum cannot decode into this type: promise a std::vector or a std::string");
      return {.deadline = options.deadline};
    } else {
      return {.codec = codec_, .deadline = options.deadline};
    }
  }
  template <class T>
  [[nodiscard]] PutOptions<T> put_options(const StoringOptions& options) const {
    return {codec_, options.when_full, options.lifetime, options.listed, options.tag, options.deadline};
  }
  template <class T>
  [[nodiscard]] ReplaceOptions<T> in_place_of(const CodedReplaceOptions& options) const {
    return {codec_,          options.expected_generation, options.when_full, options.lifetime, options.tag,
            options.deadline};
  }
  template <class T>
  [[nodiscard]] CodedProxyOptions<T> coded(const ProxyOptions& options) const {
    return {codec_,         options.populate, options.when_full, options.lifetime,
            options.listed, options.tag,      options.deadline};
  }

  Store store_;
  [[no_unique_address]] C codec_;
};

template <class C>
CodedStore<C> Store::with(C codec) const {
  return {*this, std::move(codec)};
}

}  // namespace locum
