#pragma once

#include <cstddef>
#include <cstdint>

#include "core/c/locum.h"
#include "core/fortran/descriptors.hpp"
#include "core/fortran/outcome.hpp"
#include "core/fortran/place.hpp"

namespace locum::fortran {

/// A view as Fortran has it: fortran_view of calls.f90.
struct View : Place {
  locum_view view;
};
static_assert(sizeof(View) == 32 * sizeof(std::int64_t));

/// Fills a view that holds nothing by `find(locum_view&)`, a call of the C interface.
template <class Find>
locum_status fill(View& view, Find find) noexcept {
  if (const auto wrong = check_free(view, "view", "release"); wrong != LOCUM_OK) {
    return wrong;
  }
  const locum_status status = find(view.view);
  view.hold(status == LOCUM_OK);
  return outcome(status);
}

/// Releases a view whose object is not given to the program, and returns `status`.
inline locum_status drop(View& view, locum_status status) noexcept {
  static_cast<void>(locum_view_release(&view.view));
  view.hold(false);
  return status;
}

/// Associates a pointer with the object of a view; releases it, if that cannot be done.
inline locum_status associate(CFI_cdesc_t& pointer, View& view) noexcept {
  const locum_status status = associate(pointer, view.view.array);
  return status == LOCUM_OK ? status : drop(view, status);
}

/// Returns the characters of an object, or an error, if it is not text.
inline locum_status characters_of(const locum_array& array, const void*& text, std::size_t& length) noexcept {
  if (array.type != LOCUM_CHAR || array.rank != 1) {
    return refuse(LOCUM_TYPE_MISMATCH,
                  "the object is %.*s of rank %d, and the pointer is to text, which is char of rank 1",
                  static_cast<int>(array.type_name.length), array.type_name.first, array.rank);
  }
  text = array.data == nullptr ? "" : array.data;
  length = static_cast<std::size_t>(array.extents[0]);
  return LOCUM_OK;
}

/// Returns the characters of a view; releases it, if its object is not text.
inline locum_status text_of(View& view, const void*& text, std::size_t& length) noexcept {
  const locum_status status = characters_of(view.view.array, text, length);
  return status == LOCUM_OK ? status : drop(view, status);
}

}  // namespace locum::fortran
