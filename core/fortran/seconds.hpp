#pragma once

#include <cmath>
#include <limits>

#include "core/c/locum.h"

namespace locum::fortran {

/// Returns 0, which is the default, for an argument that is absent.
inline double seconds(const double* given) noexcept {
  return given == nullptr ? 0 : *given;
}

/// Returns a lifetime; locum_no_end is the largest number.
inline double lifetime(const double* given) noexcept {
  const double value = seconds(given);
  return value >= std::numeric_limits<double>::max() ? HUGE_VAL : value;
}

/// Returns a deadline. One of 0 seconds has passed: only an absent one is the default.
inline double deadline(const double* given) noexcept {
  return given != nullptr && *given == 0 ? LOCUM_AT_ONCE : seconds(given);
}

}  // namespace locum::fortran
