#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include <locum/call_options.hpp>
#include <locum/promise.hpp>
#include <locum/raw_proxy.hpp>
#include <locum/raw_value.hpp>
#include <locum/raw_view.hpp>

namespace locum {

/// A value of any type to be set later: see Promise.
class RawPromise : private detail::PromiseCalls {
 public:
  /// Makes an empty promise; every use is `invalid_argument`.
  RawPromise() = default;
  /// Made by RawStore::promise.
  RawPromise(std::shared_ptr<detail::OpenStore> store, std::shared_ptr<detail::PromiseState> promise) noexcept
      : PromiseCalls(std::move(store), std::move(promise)) {}

  using PromiseCalls::operator bool;

  /// Returns the stand-in for the value; see Promise::proxy(). A rank that knows the type makes a typed one
  /// of its handle, by `Runtime::proxy<T>(handle)`.
  [[nodiscard]] RawProxy proxy() const;
  /// Puts the value; see Promise::set().
  Result<Key> set(const RawValue& value, const CallOptions& options = {});
  /// Puts bytes, as Store::put_bytes() stores them.
  Result<Key> set_bytes(std::span<const std::byte> bytes, const CallOptions& options = {});
  /// Sets the promise to an object that is there already, of any node: nothing is copied, and the object ends
  /// when it would without the promise. Returns its key. The errors of set(); `invalid_argument` if the
  /// promise has a name.
  Result<Key> set_object(const RawView& object, const CallOptions& options = {});
  /// Breaks the promise, unless it was set: who waits for it gets `broken_promise` with that reason, of which
  /// the first 1000 bytes are kept for ten minutes.
  using PromiseCalls::give_up;
};

}  // namespace locum
