#pragma once

#include "core/c/locum.h"
#include "core/fortran/outcome.hpp"

namespace locum::fortran {

/// Returns LOCUM_OK if a variable can be given a handle. One that is open is not replaced: what it leads to
/// would not be closed. `kind` is its noun, `end` what ends it.
inline locum_status check_closed(const void* handle, const char* kind, const char* end) noexcept {
  return handle == nullptr ? LOCUM_OK
                           : refuse(LOCUM_INVALID_ARGUMENT,
                                    "this %s is in use: %s it first, or take another variable", kind, end);
}

}  // namespace locum::fortran
