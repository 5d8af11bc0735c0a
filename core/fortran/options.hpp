#pragma once

#include "core/c/locum.h"
#include "core/fortran/outcome.hpp"

namespace locum::fortran {

/// Returns 0, which is the default of options, for an argument that is absent.
template <class Number, class Given>
Number given_or_default(const Given* given) noexcept {
  return given == nullptr ? Number{0} : static_cast<Number>(*given);
}

/// Returns LOCUM_OK if an option, the argument `name`, is absent or not below `least`.
template <class Integer>
locum_status check_least(const Integer* given, const char* name, int least) noexcept {
  return given == nullptr || *given >= least ? LOCUM_OK
                                             : refuse(LOCUM_INVALID_ARGUMENT, "'%s' is %lld; the least is %d",
                                                      name, static_cast<long long>(*given), least);
}

}  // namespace locum::fortran
