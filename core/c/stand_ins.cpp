// Stand-ins for objects, and promises of objects.
#include <cstring>
#include <string_view>
#include <utility>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/c/objects.hpp"
#include "core/c/views.hpp"
#include "core/c/writing.hpp"
#include "core/detail/open_store.hpp"
#include "core/detail/session_state.hpp"
#include "core/object/selection.hpp"
#include "core/value/handle.hpp"

using namespace locum;
using namespace locum::c;

namespace {

static_assert(sizeof(locum_handle) == sizeof(Handle));

locum_status give_proxy(Result<RawProxy> made, locum_proxy* proxy) {
  return made ? give(proxies(), *std::move(made), proxy) : failed(made.error());
}

// Returns the number of dimensions of the object, by its metadata.
Result<std::size_t> rank_of(const Handle& handle, Deadline deadline) {
  const detail::StandInOrigin origin = detail::origin_of(handle);
  const auto session = origin.session.lock();
  if (origin.refusal || !session) {
    return origin.refusal ? *origin.refusal
                          : Error(Errc::closed, "the runtime of this stand-in, or its session, was closed");
  }
  const Handle& own = origin.handle;
  const auto found =
      session->fetch_some(Address(own.key, own.name_hash, own.size_bytes), Selection(Facts()), deadline);
  return found ? Result<std::size_t>(found->facts().extents.size()) : Result<std::size_t>(found.error());
}

}  // namespace

locum_status locum_proxy_of(locum_store store, const char* name, double deadline_s, locum_proxy* proxy) {
  clear(proxy);
  return on_store(store, [&](OpenedStore& opened) {
    if (name == nullptr || proxy == nullptr) {
      return is_null(name == nullptr ? "name" : "proxy");
    }
    return give_proxy(opened.raw.proxy(std::string_view(name), within(deadline_s)), proxy);
  });
}

locum_status locum_proxy_of_key(locum_store store, const locum_key* key, double deadline_s,
                                locum_proxy* proxy) {
  clear(proxy);
  return on_store(store, [&](OpenedStore& opened) {
    if (key == nullptr || proxy == nullptr) {
      return is_null(key == nullptr ? "key" : "proxy");
    }
    return give_proxy(opened.raw.proxy(key_of(*key), within(deadline_s)), proxy);
  });
}

locum_status locum_proxy_of_handle(const locum_handle* handle, locum_proxy* proxy) {
  clear(proxy);
  return guarded([&] {
    if (handle == nullptr || proxy == nullptr) {
      return is_null(handle == nullptr ? "handle" : "proxy");
    }
    Handle received;
    std::memcpy(static_cast<void*>(&received), handle, sizeof received);
    return give(proxies(), RawProxy(detail::origin_of(received)), proxy);
  });
}

locum_status locum_proxy_handle_of(locum_proxy proxy, locum_handle* handle) {
  clear(handle);
  return on(proxies(), proxy, "proxy", [&](RawProxy& stand_in) {
    if (handle == nullptr) {
      return is_null("handle");
    }
    const Handle made = stand_in.handle();
    std::memcpy(handle, &made, sizeof made);
    return LOCUM_OK;
  });
}

locum_status locum_proxy_type(locum_proxy proxy, double deadline_s, int32_t* type, bool* is_array) {
  clear(type);
  clear(is_array);
  return on(proxies(), proxy, "proxy", [&](RawProxy& stand_in) {
    if (type == nullptr || is_array == nullptr) {
      return is_null(type == nullptr ? "type" : "is_array");
    }
    HashedType known = type_of_hash(stand_in.handle().type_hash);
    if (known.is_array && (known.type == LOCUM_CHAR || known.type == LOCUM_BYTE)) {
      const auto rank = rank_of(stand_in.handle(), limit_of(deadline_s));
      if (!rank) {
        return failed(rank.error());
      }
      known = *rank == 1 ? known : HashedType();
    }
    *type = known.type;
    *is_array = known.is_array;
    return LOCUM_OK;
  });
}

locum_status locum_proxy_get(locum_proxy proxy, double deadline_s, locum_view* view) {
  if (view == nullptr) {
    return is_null("view");
  }
  empty(*view);
  return on(proxies(), proxy, "proxy",
            [&](RawProxy& stand_in) { return give_view(stand_in.get(limit_of(deadline_s)), *view); });
}

locum_status locum_proxy_prefetch(locum_proxy proxy) {
  return on(proxies(), proxy, "proxy", [](RawProxy& stand_in) {
    stand_in.prefetch();
    return LOCUM_OK;
  });
}

locum_status locum_proxy_ready(locum_proxy proxy, bool* ready) {
  clear(ready);
  return on(proxies(), proxy, "proxy", [&](RawProxy& stand_in) {
    if (ready == nullptr) {
      return is_null("ready");
    }
    *ready = stand_in.ready();
    return LOCUM_OK;
  });
}

locum_status locum_proxy_release(locum_proxy* proxy) {
  return release(proxies(), proxy, "proxy");
}

locum_status locum_promise_make(locum_store store, const char* name, double deadline_s,
                                locum_promise* promise) {
  clear(promise);
  return on_store(store, [&](OpenedStore& opened) {
    if (promise == nullptr) {
      return is_null("promise");
    }
    auto made = name == nullptr ? opened.raw.promise(within(deadline_s))
                                : opened.raw.promise(name, within(deadline_s));
    return made ? give(promises(), *std::move(made), promise) : failed(made.error());
  });
}

locum_status locum_promise_proxy(locum_promise promise, locum_proxy* proxy) {
  clear(proxy);
  return on(promises(), promise, "promise", [&](RawPromise& made) {
    return proxy == nullptr ? is_null("proxy") : give(proxies(), made.proxy(), proxy);
  });
}

locum_status locum_promise_set(locum_promise promise, const locum_array* array, double deadline_s,
                               locum_key* key) {
  return on(promises(), promise, "promise", [&](RawPromise& made) {
    if (array == nullptr) {
      return is_null("array");
    }
    const auto value = value_of(*array);
    return value ? give_key(made.set(*value, within(deadline_s)), key) : failed(value.error());
  });
}

locum_status locum_promise_release(locum_promise* promise) {
  return release(promises(), promise, "promise");
}
