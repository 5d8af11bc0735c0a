#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include <locum/detail/store_base.hpp>
#include <locum/store.hpp>

namespace locum {

namespace detail {

/// The calls of a promise that do not depend on its type. Part of every promise. Movable.
class PromiseCalls : protected StoreBase {
 public:
  [[nodiscard]] explicit operator bool() const noexcept { return state_ != nullptr; }

 protected:
  PromiseCalls() noexcept;
  PromiseCalls(std::shared_ptr<OpenStore> store, std::shared_ptr<PromiseState> state) noexcept;
  PromiseCalls(PromiseCalls&& other) noexcept;
  PromiseCalls& operator=(PromiseCalls&& other) noexcept;
  ~PromiseCalls();

  /// Stores the value, under this name if it is `named`.
  using StoreValue = std::function<Result<Made>(std::string_view name, bool named)>;
  /// Sets the promise to the value that `store` stores; see Promise::set().
  [[nodiscard]] Result<Key> set_stored(Deadline deadline, const StoreValue& store);
  /// Sets the promise to an object that is there already. `invalid_argument` if the value is to have a name.
  [[nodiscard]] Result<Key> set_existing(const Key& value, std::uint64_t size_bytes, Deadline deadline);
  /// Breaks the promise, unless it was set: who waits for it gets `broken_promise` with that reason, of which
  /// the first 1000 bytes are kept for ten minutes.
  void give_up(std::string_view reason) noexcept;
  /// Returns the handle of the value; `type_hash`: 0 if the type is not known. REQUIRES: operator bool().
  [[nodiscard]] Handle handle(std::uint64_t type_hash) const noexcept;

 private:
  [[nodiscard]] Result<void> may_be_set() const;
  [[nodiscard]] Result<Key> bound(const Result<Made>& made);
  [[nodiscard]] Result<Key> elsewhere(const Key& value, std::uint64_t size_bytes, Deadline deadline);

  std::shared_ptr<PromiseState> state_;
};

}  // namespace detail

/// A value to be set later: its proxy can be sent to other ranks before that, and a process that resolves the
/// proxy sleeps until the value is set. If the promise is destroyed unset, or its runtime closed, waiters get
/// `broken_promise`; if its process dies, `peer_lost`. Movable; all threads may call set() and proxy()
/// concurrently.
template <class T>
class Promise : private detail::PromiseCalls {
 public:
  /// Makes an empty promise; every use is `invalid_argument`.
  Promise() = default;
  /// Made by Store::promise.
  Promise(std::shared_ptr<detail::OpenStore> store, std::shared_ptr<detail::PromiseState> promise,
          detail::KeptCoderOf<T> codec) noexcept
      : PromiseCalls(std::move(store), std::move(promise)), codec_(std::move(codec)) {}

  using PromiseCalls::operator bool;

  /// Returns the proxy. Its key identifies the value once that is set; its size is 0, meaning unknown.
  /// Another rank makes its own by `Runtime::proxy<T>(handle)`, with the codec if the promise has one.
  [[nodiscard]] Proxy<T> proxy() const& {
    return *this ? Proxy<T>(detail::origin_of(session(), handle(codec_.decoder().identity().hash)),
                            codec_.decoder().reader())
                 : Proxy<T>();
  }
  /// Rejects a temporary promise, at compile time.
  template <class U = T>
  [[nodiscard]] Proxy<T> proxy() const&& {
    static_assert(!std::is_same_v<U, U>,
                  "locum: this promise ends, unset, at the end of this expression: keep it, `auto promise = "
                  "store.promise<T>().value();`");
    return {};
  }
  /// Puts the value, under the name of the promise if it has one, and notifies the waiters; returns the key
  /// of the object. `key_exists` if the promise was set before, or the name is in use; `broken_promise` if
  /// the runtime has begun to close. After other errors it may be called again. A named promise may have
  /// bound the name to the value by then: if this rank knows that it has, the next call returns the key of
  /// that value, whatever its argument, and notifies the waiters, as the destructor does; if it does not know
  /// (after `timeout`, `peer_lost`), the next call is `key_exists`. With a codec the value has to be a `T`:
  /// `invalid_argument` for a value that is only stored like one.
  template <class V>
    requires std::is_same_v<detail::Stored<V>, detail::Stored<T>>
  Result<Key> set(const V& value, const CallOptions& options = {}) {
    const Deadline deadline = options.deadline;
    return set_stored(
        deadline, [&](std::string_view name, bool named) { return stored(name, named, value, deadline); });
  }

 private:
  template <class V>
  [[nodiscard]] Result<Made> stored(std::string_view name, bool named, const V& value,
                                    Deadline deadline) const {
    if (codec_.steps() == nullptr) {
      return store_value(name, named, value, SealOptions(), deadline);
    }
    if constexpr (std::is_same_v<V, T>) {
      return store_by(name, named, &value, *codec_.steps(), codec_.codec(), {}, {}, deadline);
    } else {
      return Error(Errc::invalid_argument,
                   "this promise has a codec, which takes a value of exactly the promised type");
    }
  }

  detail::KeptCoderOf<T> codec_;
};

template <class T>
Result<Promise<T>> Store::promise(const PromiseOptions<T>& options) const {
  auto promise = new_promise(std::nullopt, options.deadline);
  return promise ? Result<Promise<T>>(Promise<T>(open_, std::move(*promise), options.codec))
                 : promise.error();
}

template <class T>
Result<Promise<T>> Store::promise(std::string_view name, const PromiseOptions<T>& options) const {
  auto promise = new_promise(name, options.deadline);
  return promise ? Result<Promise<T>>(Promise<T>(open_, std::move(*promise), options.codec))
                 : promise.error();
}

}  // namespace locum
