#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include <locum/handle.hpp>
#include <locum/proxy.hpp>
#include <locum/result.hpp>
#include <locum/session.hpp>
#include <locum/store.hpp>

/// What a process has open, found from anywhere in it: by code that is given neither a Runtime nor a Store.
/// Local; any thread may call. In a process that was forked from a rank nothing is found.
namespace locum {

namespace detail {

/// What is wrong with a handle for which session_of() has found nothing.
[[nodiscard]] Error no_session_of(const Handle& handle);

}  // namespace detail

/// The store of that name, as Runtime::store() without options returns it, with its errors; of the runtime of
/// that name (RuntimeOptions::name), or of any where none is given. `closed` if no such runtime is open,
/// `invalid_argument` if several are.
[[nodiscard]] Result<Store> find_store(std::string_view name, std::string_view runtime = {});

/// A stand-in for the object behind a handle, of whichever runtime of this process made it: the handle says
/// which. Nothing moves; what is wrong with the handle shows on first use.
template <class T>
[[nodiscard]] Proxy<T> proxy(const Handle& handle) {
  const auto session = detail::session_of(handle.incarnation);
  return session ? session->template proxy<T>(handle) : Proxy<T>({}, handle, detail::no_session_of(handle));
}
/// The same of an object that was written by a codec: `proxy<Mesh>(handle, {.codec = my_codec})`.
template <class T>
[[nodiscard]] Proxy<T> proxy(const Handle& handle, const Decoding<T>& by) {
  const auto session = detail::session_of(handle.incarnation);
  return session ? session->template proxy<T>(handle, by)
                 : Proxy<T>({}, handle, detail::no_session_of(handle));
}

}  // namespace locum
