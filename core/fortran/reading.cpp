// Calls that read.
#include <cstddef>
#include <cstdint>

#include "core/c/locum.h"
#include "core/fortran/descriptors.hpp"
#include "core/fortran/outcome.hpp"
#include "core/fortran/place.hpp"
#include "core/fortran/seconds.hpp"
#include "core/fortran/text.hpp"
#include "core/fortran/view.hpp"

using namespace locum::fortran;

namespace {

locum_status find(locum_store store, bool waits, const Text& name, const locum_key* key, const double* within,
                  View& view) noexcept {
  if (const auto wrong = name.check("name"); wrong != LOCUM_OK) {
    return wrong;
  }
  const locum_get_options options{.deadline_s = deadline(within)};
  return fill(view, [&](locum_view& into) {
    return key != nullptr ? locum_get_by_key(store, key, &options, &into)
           : waits        ? locum_wait(store, name.c_str(), &options, &into)
                          : locum_get(store, name.c_str(), &options, &into);
  });
}

}  // namespace

extern "C" {

locum_status locum_fortran_get(locum_store store, bool waits, const char* name, std::size_t length,
                               const locum_key* key, const double* within, CFI_cdesc_t* pointer, View* view) {
  nullify(*pointer);
  const locum_status status = find(store, waits, Text(name, length), key, within, *view);
  return status != LOCUM_OK ? status : associate(*pointer, *view);
}

locum_status locum_fortran_get_text(locum_store store, bool waits, const char* name, std::size_t length,
                                    const locum_key* key, const double* within, const void** text,
                                    std::size_t* text_length, View* view) {
  *text = nullptr;
  *text_length = 0;
  const locum_status status = find(store, waits, Text(name, length), key, within, *view);
  return status != LOCUM_OK ? status : text_of(*view, *text, *text_length);
}

locum_status locum_fortran_read(locum_store store, const char* name, std::size_t length, const locum_key* key,
                                const CFI_cdesc_t* into, const CFI_cdesc_t* start, const CFI_cdesc_t* count,
                                const CFI_cdesc_t* stride, const double* within) {
  const Text text(name, length);
  locum_array array;
  locum_read_options options{};
  options.deadline_s = deadline(within);
  locum_status wrong = text.check("name");
  wrong = wrong != LOCUM_OK ? wrong : array_of(*into, array);
  wrong = wrong != LOCUM_OK ? wrong : box_of(start, count, stride, *into, array, options.box);
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  return outcome(key != nullptr ? locum_read_by_key(store, key, &array, &options)
                                : locum_read(store, text.c_str(), &array, &options));
}

locum_status locum_fortran_release(View* view) {
  if (const auto wrong = check_held(*view, "view"); wrong != LOCUM_OK) {
    return wrong;
  }
  view->hold(false);
  return outcome(locum_view_release(&view->view));
}

bool locum_fortran_is_held(const View* view) {
  return view->is_held();
}

void locum_fortran_view_key(const View* view, locum_key* key) {
  *key = view->is_held() ? view->view.key : locum_key{};
}

}  // extern "C"
