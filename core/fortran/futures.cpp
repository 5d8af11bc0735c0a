// Calls that are carried out while the program computes.
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

locum_status locum_fortran_get_async(locum_store store, bool waits, const char* name, std::size_t length,
                                     const double* within, locum_future* future) {
  const Text text(name, length);
  locum_status wrong = check_closed(*future, "future", "release");
  wrong = wrong != LOCUM_OK ? wrong : text.check("name");
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  const locum_get_options options{.deadline_s = deadline(within)};
  return outcome(waits ? locum_wait_async(store, text.c_str(), &options, future)
                       : locum_get_async(store, text.c_str(), &options, future));
}

locum_status locum_fortran_put_async(locum_store store, const char* name, std::size_t length,
                                     const CFI_cdesc_t* value, const double* lives, const char* tag,
                                     std::size_t tag_length, bool waits_for_room, const double* within,
                                     locum_future* future) {
  const Text text(name, length);
  const Text tag_text(tag, tag_length);
  locum_array array;
  locum_status wrong = check_closed(*future, "future", "release");
  wrong = wrong != LOCUM_OK ? wrong : array_of(*value, array);
  wrong = wrong != LOCUM_OK ? wrong : text.check("name");
  wrong = wrong != LOCUM_OK ? wrong : tag_text.check("tag");
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  const locum_put_options options{.deadline_s = deadline(within),
                                  .lifetime_s = lifetime(lives),
                                  .waits_for_room = waits_for_room,
                                  .listed = false,
                                  .tag = tag_text.c_str(),
                                  .expected_generation = 0,
                                  .reserved = {}};
  return outcome(locum_put_async(store, text.c_str(), &array, &options, future));
}

locum_status locum_fortran_read_async(locum_store store, const char* name, std::size_t length,
                                      const CFI_cdesc_t* into, const CFI_cdesc_t* start,
                                      const CFI_cdesc_t* count, const CFI_cdesc_t* stride,
                                      const double* within, locum_future* future) {
  const Text text(name, length);
  locum_array array;
  locum_read_options options{};
  options.deadline_s = deadline(within);
  locum_status wrong = check_closed(*future, "future", "release");
  wrong = wrong != LOCUM_OK ? wrong : text.check("name");
  wrong = wrong != LOCUM_OK ? wrong : array_of(*into, array);
  wrong = wrong != LOCUM_OK ? wrong : box_of(start, count, stride, *into, array, options.box);
  return wrong != LOCUM_OK ? wrong : outcome(locum_read_async(store, text.c_str(), &array, &options, future));
}

locum_status locum_fortran_future_ready(locum_future future, bool* ready) {
  *ready = false;
  return outcome(locum_future_ready(future, ready));
}

locum_status locum_fortran_future_wait(locum_future future, const double* within) {
  return outcome(locum_future_wait(future, deadline(within)));
}

locum_status locum_fortran_future_get(locum_future future, const double* within, CFI_cdesc_t* pointer,
                                      View* view) {
  nullify(*pointer);
  const locum_status status =
      fill(*view, [=](locum_view& into) { return locum_future_view(future, deadline(within), &into); });
  return status != LOCUM_OK ? status : associate(*pointer, *view);
}

locum_status locum_fortran_future_get_text(locum_future future, const double* within, const void** text,
                                           std::size_t* text_length, View* view) {
  *text = nullptr;
  *text_length = 0;
  const locum_status status =
      fill(*view, [=](locum_view& into) { return locum_future_view(future, deadline(within), &into); });
  return status != LOCUM_OK ? status : text_of(*view, *text, *text_length);
}

locum_status locum_fortran_future_key(locum_future future, const double* within, locum_key* key) {
  *key = {};
  return outcome(locum_future_key(future, deadline(within), key));
}

locum_status locum_fortran_future_then(locum_future future, void (*notify)(void*), void* context) {
  return outcome(locum_future_then(future, notify, context));
}

locum_status locum_fortran_future_cancel(locum_future future) {
  return outcome(locum_future_cancel(future));
}

locum_status locum_fortran_future_release(locum_future* future) {
  return outcome(locum_future_release(future));
}

}  // extern "C"
