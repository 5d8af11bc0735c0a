#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include <locum/detail/pledge.hpp>
#include <locum/store.hpp>

namespace locum {

/// A value that will be there: its stand-in can be sent to anyone before it is, and whoever resolves that
/// waits for it, asleep, and is told when it is set. Destroyed unset, or its runtime closed, those who wait
/// get `broken_promise`; if its process dies, `peer_lost`. Movable; set() and proxy() may be called by all
/// threads at once.
template <class T>
class Promise {
 public:
  /// Promises nothing; every use is `invalid_argument`.
  Promise() = default;
  /// Made by Store::promise.
  Promise(Store store, std::shared_ptr<detail::Pledge> pledge) noexcept
      : store_(std::move(store)), pledge_(std::move(pledge)) {}
  Promise(Promise&& other) noexcept = default;
  Promise& operator=(Promise&& other) noexcept {
    std::swap(store_, other.store_);
    std::swap(pledge_, other.pledge_);
    return *this;
  }
  ~Promise() {
    if (pledge_) {
      pledge_->give_up();
    }
  }

  /// The stand-in. Its key stands for the value, once that is set; its size is 0, for not known.
  [[nodiscard]] Proxy<T> proxy() const {
    return pledge_ ? store_->session().template proxy<T>(pledge_->handle(detail::object_identity<T>.hash))
                   : Proxy<T>();
  }
  /// Puts the value, under the name of the promise if it has one, and has it brought to who waits: the key of
  /// the object. `key_exists` if this was set before, or that name is live; `broken_promise` if the runtime
  /// began to close. After other errors it may be tried again. Where it has a name, that may stand for the
  /// value by then: if this rank knows that it does, the next try returns the key of that value, whatever it
  /// is given, and has it brought to who waits, as the end of this promise does; if it does not know (after
  /// `timeout`, `peer_lost`), the next try is `key_exists`.
  template <class V>
    requires std::is_same_v<detail::Stored<V>, detail::Stored<T>>
  Result<Key> set(const V& value, const CallOptions& options = {}) {
    const Deadline deadline = options.deadline;
    if (!pledge_) {
      return Error(Errc::invalid_argument, "this promises nothing; make it by Store::promise");
    }
    if (const auto allowed = pledge_->may_be_set(); !allowed) {
      return allowed.error();
    }
    if (const auto placed = pledge_->placed()) {
      return elsewhere(*placed, deadline);
    }
    const bool named = !pledge_->name_of_value().empty();
    const auto made =
        store_->store_value(named ? pledge_->name_of_value() : pledge_->name(), named, value, {}, deadline);
    if (!named) {
      return bound(made);
    }
    return made ? elsewhere({.key = made->key, .size_bytes = made->size_bytes}, deadline)
                : Result<Key>(made.error());
  }

  /// Refused while compiling: see the text.
  template <class V>
  Result<Key> set(const V& /*value*/, const CodedProxyOptions<V>& /*by*/) {
    static_assert(!std::is_same_v<V, V>,
                  "locum cannot set a promise by a codec: who resolves its stand-in does not know of it; set "
                  "the value without one, or put it by the codec and send its stand-in");
    return Key{};
  }

  [[nodiscard]] explicit operator bool() const noexcept { return pledge_ != nullptr; }

 private:
  // Whether it was set, or broken, decides who binds the name first.
  [[nodiscard]] Result<Key> bound(const Result<Store::Made>& made) {
    if (made) {
      pledge_->keep();
      return made->key;
    }
    const auto allowed = pledge_->may_be_set();
    return store_->session().explain(pledge_->key(), allowed ? made.error() : allowed.error());
  }
  [[nodiscard]] Result<Key> elsewhere(const detail::Pledge::Placed& value, Deadline deadline) {
    const auto kept = pledge_->keep_elsewhere(value, store_->effective(deadline));
    return kept ? Result<Key>(value.key) : store_->session().explain(pledge_->key(), kept.error());
  }

  std::optional<Store> store_;
  std::shared_ptr<detail::Pledge> pledge_;
};

template <class T>
Result<Promise<T>> Store::promise(const CallOptions& options) const {
  if (const auto allowed = usable(Address(open_->number, {})); !allowed) {
    return allowed.error();
  }
  auto pledge = detail::Pledge::make(open_, {}, effective(options.deadline));
  return pledge ? Result<Promise<T>>(Promise<T>(*this, *std::move(pledge))) : pledge.error();
}

template <class T>
Result<Promise<T>> Store::promise(std::string_view name, const CallOptions& options) const {
  if (const auto allowed = usable(name); !allowed) {
    return allowed.error();
  }
  auto pledge = detail::Pledge::make(open_, name, effective(options.deadline));
  return pledge ? Result<Promise<T>>(Promise<T>(*this, *std::move(pledge))) : pledge.error();
}

}  // namespace locum
