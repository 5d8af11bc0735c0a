#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include <locum/handle.hpp>
#include <locum/proxy.hpp>
#include <locum/result.hpp>
#include <locum/session.hpp>
#include <locum/store.hpp>

/// Access to the open runtimes of this process without a Runtime value. Local; any thread may call. In a
/// process that was forked from a rank nothing is found.
namespace locum {

/// Returns the store of that name, with the errors of Runtime::store() without options. `runtime` selects the
/// runtime by its name (RuntimeOptions::name); without it there must be only one. `closed` if no such runtime
/// is open, `invalid_argument` if several are.
[[nodiscard]] Result<Store> find_store(std::string_view name, std::string_view runtime = {});

/// Returns a stand-in for the object of a handle, in the runtime of this process that made the handle.
/// Transfers nothing; an error of the handle is the result of the first use.
template <class T>
[[nodiscard]] Proxy<T> proxy(const Handle& handle) {
  return Proxy<T>(detail::origin_of(handle));
}
/// Overload for an object that was written with a codec: `proxy<Mesh>(handle, {.codec = my_codec})`.
template <class T>
[[nodiscard]] Proxy<T> proxy(const Handle& handle, const Decoding<T>& by) {
  return Proxy<T>(detail::origin_of(handle), by.codec.reader());
}

}  // namespace locum
