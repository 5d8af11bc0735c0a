#pragma once

#include <concepts>
#include <ranges>
#include <string_view>
#include <utility>
#include <vector>

#include <locum/codec.hpp>
#include <locum/store.hpp>

namespace locum {

/// A store whose calls go by one codec: `auto packed = runtime.store("fields").with(my_codec);`. As cheap a
/// value as the store and the codec; any number of them may stand for one store, beside the store itself. A
/// type that the codec declines is stored and read in locum's own way, at the cost that this has always had.
/// What is not here (`exists`, `evict`, `keys`, `info`, `put_bytes`, `create` …) knows no codec: see store().
/// Errors, blocking and threads are those of the same calls of Store.
template <class C>
class CodedStore {
  static_assert(Codec<C>,
                "locum takes for a codec what has a `static constexpr std::string_view name`, size, encode "
                "and decode: see locum::Codec");

  template <class T>
  static constexpr bool takes = detail::codec_takes<C, T>();

 public:
  /// Made by Store::with.
  CodedStore(Store store, C codec) : store_(std::move(store)), codec_(std::move(codec)) {}

  /// The same store without the codec.
  [[nodiscard]] const Store& store() const noexcept { return store_; }
  [[nodiscard]] Store& store() noexcept { return store_; }
  [[nodiscard]] const C& codec() const noexcept { return codec_; }

  template <class T>
    requires(!std::is_same_v<T, Deadline>)
  [[nodiscard]] Result<Key> put(const T& value, Deadline deadline = {}) {
    if constexpr (takes<T>) {
      return store_.put(value, Encoding<T>{codec_}, deadline);
    } else {
      return store_.put(value, deadline);
    }
  }
  template <class T>
    requires(!std::is_same_v<T, Deadline>)
  [[nodiscard]] Result<Key> put(std::string_view name, const T& value, Deadline deadline = {}) {
    if constexpr (takes<T>) {
      return store_.put(name, value, Encoding<T>{codec_}, deadline);
    } else {
      return store_.put(name, value, deadline);
    }
  }
  /// Refused while compiling: see the text.
  template <detail::TextLike N, detail::TimeLike T>
  [[nodiscard]] Result<Key> put(const N& /*text*/, const T& /*time*/) {
    detail::refuse_text_and_time<T>();
    return Key{};
  }
  template <class T>
  [[nodiscard]] Result<Key> replace(std::string_view name, const T& value, const ReplaceOptions& options = {},
                                    Deadline deadline = {}) {
    if constexpr (takes<T>) {
      return store_.replace(name, value, Encoding<T>{codec_}, options, deadline);
    } else {
      return store_.replace(name, value, options, deadline);
    }
  }
  template <class T>
    requires(!std::is_same_v<T, Deadline>)
  [[nodiscard]] Eventual<Key> put_async(const T& value, Deadline deadline = {}) {
    return Eventual<Key>(put(value, deadline));
  }
  template <class T>
    requires(!std::is_same_v<T, Deadline>)
  [[nodiscard]] Eventual<Key> put_async(std::string_view name, const T& value, Deadline deadline = {}) {
    if constexpr (takes<T>) {
      return store_.put_async(name, value, Encoding<T>{codec_}, deadline);
    } else {
      return store_.put_async(name, value, deadline);
    }
  }
  /// Refused while compiling: see the text.
  template <detail::TextLike N, detail::TimeLike T>
  [[nodiscard]] Eventual<Key> put_async(const N& /*text*/, const T& /*time*/) {
    detail::refuse_text_and_time<T>();
    return {};
  }
  template <class T>
  [[nodiscard]] Eventual<Key> replace_async(std::string_view name, const T& value,
                                            const ReplaceOptions& options = {}, Deadline deadline = {}) {
    if constexpr (takes<T>) {
      return store_.replace_async(name, value, Encoding<T>{codec_}, options, deadline);
    } else {
      return store_.replace_async(name, value, options, deadline);
    }
  }
  /// A `Proxy<T>` of what the codec takes, a `Proxy<T[]>` of ranges of flat elements that it declines.
  template <class T>
    requires(!std::is_same_v<T, Deadline>)
  [[nodiscard]] auto put_proxy(const T& value, Deadline deadline = {}) {
    if constexpr (takes<T>) {
      return store_.put_proxy(value, Coding<T>{codec_}, deadline);
    } else {
      return store_.put_proxy(value, deadline);
    }
  }
  template <class T>
    requires(!std::is_same_v<T, Deadline>)
  [[nodiscard]] auto put_proxy(std::string_view name, const T& value, Deadline deadline = {}) {
    if constexpr (takes<T>) {
      return store_.put_proxy(name, value, Coding<T>{codec_}, deadline);
    } else {
      return store_.put_proxy(name, value, deadline);
    }
  }
  /// Refused while compiling: see the text.
  template <detail::TextLike N, detail::TimeLike T>
  [[nodiscard]] Result<Proxy<T>> put_proxy(const N& /*text*/, const T& /*time*/) {
    detail::refuse_text_and_time<T>();
    return Proxy<T>();
  }

  /// Of a key or a name.
  template <class T, class At>
  [[nodiscard]] Result<View<T>> get(const At& object, Deadline deadline = {}) {
    return store_.template get<T>(object, decoding<T>(), deadline);
  }
  /// Of types that the codec declines; any other is refused while compiling.
  template <class T, class At>
  [[nodiscard]] Result<View<T>> get(const At& object, const Part& part, Deadline deadline = {}) {
    if constexpr (takes<T>) {
      return detail::refuse_part_by_codec<T>();
    } else {
      return store_.template get<T>(object, part, deadline);
    }
  }
  template <class T, class At>
  [[nodiscard]] Result<View<T>> get(const At& object, const Hyperslab& slab, Deadline deadline = {}) {
    if constexpr (takes<T>) {
      return detail::refuse_part_by_codec<T>();
    } else {
      return store_.template get<T>(object, slab, deadline);
    }
  }
  template <class T>
  [[nodiscard]] Result<View<T>> wait(std::string_view name, Deadline deadline = {}) {
    return store_.template wait<T>(name, decoding<T>(), deadline);
  }
  /// Of a key, a name, or a range of them.
  template <class T, class At>
  [[nodiscard]] auto get_async(const At& objects, Deadline deadline = {}) {
    return store_.template get_async<T>(objects, decoding<T>(), deadline);
  }
  template <class T, std::ranges::input_range Range>
  [[nodiscard]] std::vector<Result<View<T>>> get_batch(const Range& objects, Deadline deadline = {}) {
    return store_.template get_batch<T>(objects, decoding<T>(), deadline);
  }
  template <class T, class At>
  [[nodiscard]] Result<Proxy<T>> proxy(const At& object, Deadline deadline = {}) {
    return store_.template proxy<T>(object, decoding<T>(), deadline);
  }

 private:
  template <class T>
  [[nodiscard]] Decoding<T> decoding() const noexcept {
    return {detail::DecoderOf<T>(codec_)};
  }

  Store store_;
  [[no_unique_address]] C codec_;
};

template <class C>
CodedStore<C> Store::with(C codec) const {
  return {*this, std::move(codec)};
}

}  // namespace locum
