// Stand-ins for objects, and promises of objects.
#include <cstddef>

#include "core/c/locum.h"
#include "core/fortran/closed.hpp"
#include "core/fortran/descriptors.hpp"
#include "core/fortran/outcome.hpp"
#include "core/fortran/seconds.hpp"
#include "core/fortran/text.hpp"
#include "core/fortran/view.hpp"

using namespace locum::fortran;

extern "C" {

locum_status locum_fortran_proxy_of(locum_store store, const char* name, std::size_t length,
                                    const locum_key* key, const double* within, locum_proxy* proxy) {
  const Text text(name, length);
  locum_status wrong = check_closed(*proxy, "stand-in", "release");
  wrong = wrong != LOCUM_OK ? wrong : text.check("name");
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  return outcome(key != nullptr ? locum_proxy_of_key(store, key, deadline(within), proxy)
                                : locum_proxy_of(store, text.c_str(), deadline(within), proxy));
}

locum_status locum_fortran_proxy_of_handle(const locum_handle* handle, locum_proxy* proxy) {
  const locum_status wrong = check_closed(*proxy, "stand-in", "release");
  return wrong != LOCUM_OK ? wrong : outcome(locum_proxy_of_handle(handle, proxy));
}

locum_status locum_fortran_proxy_handle_of(locum_proxy proxy, locum_handle* handle) {
  *handle = {};
  return outcome(locum_proxy_handle_of(proxy, handle));
}

locum_status locum_fortran_proxy_get(locum_proxy proxy, const double* within, CFI_cdesc_t* pointer,
                                     View* view) {
  nullify(*pointer);
  const locum_status status =
      fill(*view, [=](locum_view& into) { return locum_proxy_get(proxy, deadline(within), &into); });
  return status != LOCUM_OK ? status : associate(*pointer, *view);
}

locum_status locum_fortran_proxy_get_text(locum_proxy proxy, const double* within, const void** text,
                                          std::size_t* text_length, View* view) {
  *text = nullptr;
  *text_length = 0;
  const locum_status status =
      fill(*view, [=](locum_view& into) { return locum_proxy_get(proxy, deadline(within), &into); });
  return status != LOCUM_OK ? status : text_of(*view, *text, *text_length);
}

locum_status locum_fortran_proxy_prefetch(locum_proxy proxy) {
  return outcome(locum_proxy_prefetch(proxy));
}

locum_status locum_fortran_proxy_ready(locum_proxy proxy, bool* ready) {
  *ready = false;
  return outcome(locum_proxy_ready(proxy, ready));
}

locum_status locum_fortran_proxy_release(locum_proxy* proxy) {
  return outcome(locum_proxy_release(proxy));
}

locum_status locum_fortran_promise_make(locum_store store, const char* name, std::size_t length,
                                        const double* within, locum_promise* promise) {
  const Text text(name, length);
  locum_status wrong = check_closed(*promise, "promise", "release");
  wrong = wrong != LOCUM_OK ? wrong : text.check("name");
  return wrong != LOCUM_OK ? wrong
                           : outcome(locum_promise_make(store, text.c_str(), deadline(within), promise));
}

locum_status locum_fortran_promise_proxy(locum_promise promise, locum_proxy* proxy) {
  const locum_status wrong = check_closed(*proxy, "stand-in", "release");
  return wrong != LOCUM_OK ? wrong : outcome(locum_promise_proxy(promise, proxy));
}

locum_status locum_fortran_promise_set(locum_promise promise, const CFI_cdesc_t* value, const double* within,
                                       locum_key* key) {
  locum_array array;
  const locum_status wrong = array_of(*value, array);
  return wrong != LOCUM_OK ? wrong : outcome(locum_promise_set(promise, &array, deadline(within), key));
}

locum_status locum_fortran_promise_release(locum_promise* promise) {
  return outcome(locum_promise_release(promise));
}

}  // extern "C"
