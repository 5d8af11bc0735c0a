#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include <locum/detail/promise_state.hpp>
#include <locum/store.hpp>

namespace locum {

/// A value to be set later: its proxy can be sent to other ranks before that, and a process that resolves the
/// proxy sleeps until the value is set. If the promise is destroyed unset, or its runtime closed, waiters get
/// `broken_promise`; if its process dies, `peer_lost`. Movable; all threads may call set() and proxy()
/// concurrently.
template <class T>
class Promise {
 public:
  /// Makes an empty promise; every use is `invalid_argument`.
  Promise() = default;
  /// Made by Store::promise.
  Promise(Store store, std::shared_ptr<detail::PromiseState> promise, detail::KeptCoderOf<T> codec) noexcept
      : store_(std::move(store)), state_(std::move(promise)), codec_(std::move(codec)) {}
  Promise(Promise&& other) noexcept = default;
  Promise& operator=(Promise&& other) noexcept {
    std::swap(store_, other.store_);
    std::swap(state_, other.state_);
    std::swap(codec_, other.codec_);
    return *this;
  }
  ~Promise() {
    if (state_) {
      state_->give_up();
    }
  }

  /// Returns the proxy. Its key identifies the value once that is set; its size is 0, meaning unknown.
  /// Another rank makes its own by `Runtime::proxy<T>(handle)`, with the codec if the promise has one.
  [[nodiscard]] Proxy<T> proxy() const& {
    return state_ ? store_->session().template proxy<T>(state_->handle(codec_.decoder().identity().hash),
                                                        Decoding<T>{codec_.decoder()})
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
    if (!state_) {
      return Error(Errc::invalid_argument, "this promise is empty; make it by Store::promise");
    }
    if (const auto allowed = state_->may_be_set(); !allowed) {
      return allowed.error();
    }
    if (const auto placed = state_->placed()) {
      return elsewhere(*placed, deadline);
    }
    const bool named = !state_->name_of_value().empty();
    const auto made = stored(named ? state_->name_of_value() : state_->name(), named, value, deadline);
    if (!named) {
      return bound(made);
    }
    return made ? elsewhere({.key = made->key, .size_bytes = made->size_bytes}, deadline)
                : Result<Key>(made.error());
  }

  [[nodiscard]] explicit operator bool() const noexcept { return state_ != nullptr; }

 private:
  template <class V>
  [[nodiscard]] Result<Store::Made> stored(std::string_view name, bool named, const V& value,
                                           Deadline deadline) const {
    if (codec_.steps() == nullptr) {
      return store_->store_value(name, named, value, SealOptions(), deadline);
    }
    if constexpr (std::is_same_v<V, T>) {
      return store_->store_by(name, named, &value, *codec_.steps(), codec_.codec(), {}, {}, deadline);
    } else {
      return Error(Errc::invalid_argument,
                   "this promise has a codec, which takes a value of exactly the promised type");
    }
  }
  // Set or broken: the first to bind the name decides.
  [[nodiscard]] Result<Key> bound(const Result<Store::Made>& made) {
    if (made) {
      state_->keep();
      return made->key;
    }
    const auto allowed = state_->may_be_set();
    return store_->session().explain(state_->key(), allowed ? made.error() : allowed.error());
  }
  [[nodiscard]] Result<Key> elsewhere(const detail::PromiseState::Placed& value, Deadline deadline) {
    const auto kept = state_->keep_elsewhere(value, store_->effective(deadline));
    return kept ? Result<Key>(value.key) : store_->session().explain(state_->key(), kept.error());
  }

  std::optional<Store> store_;
  std::shared_ptr<detail::PromiseState> state_;
  detail::KeptCoderOf<T> codec_;
};

template <class T>
Result<Promise<T>> Store::promise(const PromiseOptions<T>& options) const {
  if (const auto allowed = usable(Address(open_->number, {})); !allowed) {
    return allowed.error();
  }
  auto promise = detail::PromiseState::make(open_, {}, effective(options.deadline));
  return promise ? Result<Promise<T>>(Promise<T>(*this, std::move(*promise), options.codec))
                 : promise.error();
}

template <class T>
Result<Promise<T>> Store::promise(std::string_view name, const PromiseOptions<T>& options) const {
  const detail::FullName whole = full(name);
  if (const auto allowed = usable(whole); !allowed) {
    return allowed.error();
  }
  auto promise = detail::PromiseState::make(open_, whole, effective(options.deadline));
  return promise ? Result<Promise<T>>(Promise<T>(*this, std::move(*promise), options.codec))
                 : promise.error();
}

}  // namespace locum
